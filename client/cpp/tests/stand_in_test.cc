// The client against a stand-in of the server, which fails as it is told.
#include <google/protobuf/util/time_util.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <pixelzoo/client.h>

#include <atomic>

#include "error_details.pb.h"
#include "pixelzoo/v1/catalog_service.grpc.pb.h"

namespace v1 = pixelzoo::v1;

// Answers its first calls with failures, and those after them with no models.
class StandIn : public v1::CatalogService::Service {
 public:
  StandIn(int failures, grpc::Status failure) : failures_(failures), failure_(std::move(failure)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }

  grpc::Status ListModels(grpc::ServerContext* context, const v1::ListModelsRequest*,
                          v1::ListModelsResponse*) override {
    const auto found = context->client_metadata().find("authorization");
    if (found != context->client_metadata().end()) {
      authorization = std::string(found->second.data(), found->second.size());
    }
    return ++calls <= failures_ ? failure_ : grpc::Status::OK;
  }

  pixelzoo::ClientOptions Options() const {
    pixelzoo::ClientOptions options;
    options.target = "127.0.0.1:" + std::to_string(port_);
    return options;
  }

  std::atomic<int> calls = 0;
  std::string authorization;

 private:
  int failures_;
  grpc::Status failure_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// A status with these messages as its details, packed as the server packs google.rpc.
grpc::Status Detailed(grpc::StatusCode code,
                      const std::vector<std::pair<std::string, const google::protobuf::Message*>>& details) {
  pixelzoo::errors::Status status;
  status.set_code(code);
  for (const auto& [kind, detail] : details) {
    google::protobuf::Any& packed = *status.add_details();
    packed.set_type_url("type.googleapis.com/google.rpc." + kind);
    packed.set_value(detail->SerializeAsString());
  }
  return {code, "as told", status.SerializeAsString()};
}

TEST(Retries, TryACallAgainThatNoServerHasTakenOn) {
  StandIn server(2, {grpc::StatusCode::UNAVAILABLE, "not yet"});
  pixelzoo::Client zoo(server.Options());
  EXPECT_TRUE(zoo.ListModels().empty());
  EXPECT_EQ(server.calls, 3);
}

TEST(Retries, AreNotMadeOfOtherFailures) {
  StandIn server(1, {grpc::StatusCode::INTERNAL, "broken"});
  pixelzoo::Client zoo(server.Options());
  EXPECT_THROW(zoo.ListModels(), pixelzoo::Error);
  EXPECT_EQ(server.calls, 1);
}

TEST(Errors, SayHowLongToWait) {
  pixelzoo::errors::ErrorInfo info;
  info.set_reason("QUEUE_FULL");
  (*info.mutable_metadata())["unit"] = "items";
  pixelzoo::errors::RetryInfo retry;
  *retry.mutable_retry_delay() = google::protobuf::util::TimeUtil::MillisecondsToDuration(1500);
  StandIn server(1, Detailed(grpc::StatusCode::RESOURCE_EXHAUSTED, {{"ErrorInfo", &info}, {"RetryInfo", &retry}}));
  pixelzoo::Client zoo(server.Options());
  try {
    zoo.ListModels();
    FAIL() << "no error was thrown";
  } catch (const pixelzoo::Error& error) {
    EXPECT_STREQ(error.what(), "as told");
    EXPECT_EQ(error.code_name(), "RESOURCE_EXHAUSTED");
    EXPECT_EQ(error.reason(), "QUEUE_FULL");
    EXPECT_EQ(error.metadata().at("unit"), "items");
    EXPECT_EQ(error.retry_after(), std::chrono::milliseconds(1500));
  }
}

TEST(Tokens, GoWithEveryCall) {
  StandIn server(0, grpc::Status::OK);
  pixelzoo::ClientOptions options = server.Options();
  options.token = "secret";
  pixelzoo::Client zoo(options);
  zoo.ListModels();
  EXPECT_EQ(server.authorization, "Bearer secret");
}
