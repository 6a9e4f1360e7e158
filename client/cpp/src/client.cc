#include "pixelzoo/client.h"

#include <chrono>
#include <utility>

#include "channel.h"
#include "pixelzoo/v1/catalog_service.grpc.pb.h"
#include "pixelzoo/v1/latent_service.grpc.pb.h"
#include "pixelzoo/v1/sampling_service.grpc.pb.h"
#include "pixelzoo/v1/scoring_service.grpc.pb.h"
#include "pixelzoo/v1/translation_service.grpc.pb.h"
#include "settings.h"

namespace pixelzoo {

namespace {

// When a call must be done that may take so long. A sum beyond what the clock can count would be anything. Throws Error
// INVALID_SETTING for a time that no call can take.
std::chrono::system_clock::time_point Deadline(std::chrono::milliseconds timeout) {
  CheckTimeout(timeout);
  using Clock = std::chrono::system_clock;
  const Clock::time_point now = Clock::now();
  const auto longest = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::time_point::max() - now);
  return timeout < longest ? now + timeout : Clock::time_point::max();
}

}  // namespace

struct Client::State {
  explicit State(const ClientOptions& given) : options(given), channel(Connect(given)) {}

  std::unique_ptr<grpc::ClientContext> Context(const CallOptions& call) const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(Deadline(call.timeout.value_or(options.timeout)));
    if (!options.token.empty()) context->AddMetadata("authorization", "Bearer " + options.token);
    return context;
  }

  template <typename Stub, typename Request, typename Response>
  Response Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                const Request& request, const CallOptions& call) const {
    const auto context = Context(call);
    const std::stop_callback cancel(call.cancel, [&context] { context->TryCancel(); });
    Response response;
    const grpc::Status status = (stub.*method)(context.get(), request, &response);
    if (!status.ok()) throw Error::From(status, options.target);
    return response;
  }

  template <typename Stub, typename Request, typename Response>
  Stream<Response> Open(Stub& stub,
                        std::unique_ptr<grpc::ClientReader<Response>> (Stub::*method)(grpc::ClientContext*,
                                                                                      const Request&),
                        const Request& request, const CallOptions& call) const {
    auto context = Context(call);
    auto reader = (stub.*method)(context.get(), request);
    return {std::move(context), std::move(reader), options.target, call.cancel};
  }

  ClientOptions options;
  std::shared_ptr<grpc::Channel> channel;
  v1::CatalogService::Stub catalog{channel};
  v1::LatentService::Stub latent{channel};
  v1::SamplingService::Stub sampling{channel};
  v1::ScoringService::Stub scoring{channel};
  v1::TranslationService::Stub translation{channel};
};

Client::Client(const ClientOptions& options) : state_(std::make_unique<State>(options)) {}
Client::Client(Client&&) noexcept = default;
Client::~Client() = default;

std::shared_ptr<grpc::Channel> Client::channel() const { return state_->channel; }

std::vector<v1::Model> Client::ListModels(const CallOptions& call) {
  std::vector<v1::Model> models;
  v1::ListModelsRequest request;
  do {
    v1::ListModelsResponse page =
        state_->Call(state_->catalog, &v1::CatalogService::Stub::ListModels, request, call);
    for (v1::Model& model : *page.mutable_models()) models.push_back(std::move(model));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return models;
}

v1::Model Client::GetModel(std::string_view name, const CallOptions& call) {
  v1::GetModelRequest request;
  *request.mutable_model() = Select(name);
  return state_->Call(state_->catalog, &v1::CatalogService::Stub::GetModel, request, call).model();
}

v1::SampleResponse Client::Sample(const v1::SampleRequest& request, const CallOptions& call) {
  return state_->Call(state_->sampling, &v1::SamplingService::Stub::Sample, request, call);
}

Stream<v1::StreamSampleResponse> Client::StreamSample(const v1::StreamSampleRequest& request,
                                                      const CallOptions& call) {
  return state_->Open(state_->sampling, &v1::SamplingService::Stub::StreamSample, request, call);
}

v1::TranslateResponse Client::Translate(const v1::TranslateRequest& request, const CallOptions& call) {
  return state_->Call(state_->translation, &v1::TranslationService::Stub::Translate, request, call);
}

Stream<v1::StreamTranslateResponse> Client::StreamTranslate(const v1::StreamTranslateRequest& request,
                                                            const CallOptions& call) {
  return state_->Open(state_->translation, &v1::TranslationService::Stub::StreamTranslate, request, call);
}

v1::ScoreResponse Client::Score(const v1::ScoreRequest& request, const CallOptions& call) {
  return state_->Call(state_->scoring, &v1::ScoringService::Stub::Score, request, call);
}

Stream<v1::StreamScoreResponse> Client::StreamScore(const v1::StreamScoreRequest& request, const CallOptions& call) {
  return state_->Open(state_->scoring, &v1::ScoringService::Stub::StreamScore, request, call);
}

v1::EncodeResponse Client::Encode(const v1::EncodeRequest& request, const CallOptions& call) {
  return state_->Call(state_->latent, &v1::LatentService::Stub::Encode, request, call);
}

v1::DecodeResponse Client::Decode(const v1::DecodeRequest& request, const CallOptions& call) {
  return state_->Call(state_->latent, &v1::LatentService::Stub::Decode, request, call);
}

v1::InterpolateResponse Client::Interpolate(const v1::InterpolateRequest& request, const CallOptions& call) {
  return state_->Call(state_->latent, &v1::LatentService::Stub::Interpolate, request, call);
}

}  // namespace pixelzoo
