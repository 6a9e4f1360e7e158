// The client: a connection to a pixelzoo server.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "pixelzoo/error.h"
#include "pixelzoo/names.h"
#include "pixelzoo/pictures.h"
#include "pixelzoo/stream.h"
#include "pixelzoo/v1/catalog_service.pb.h"
#include "pixelzoo/v1/latent_service.pb.h"
#include "pixelzoo/v1/sampling_service.pb.h"
#include "pixelzoo/v1/scoring_service.pb.h"
#include "pixelzoo/v1/translation_service.pb.h"

namespace pixelzoo {

// For ClientOptions::ca_file: the authorities that gRPC trusts by itself. They are those of the file
// GRPC_DEFAULT_SSL_ROOTS_FILE_PATH, if that variable of the environment is set, and else the system's.
inline constexpr char kSystemAuthorities[] = "system";

// Which server to call, and how.
struct ClientOptions {
  std::string target = "localhost:50051";  // "host:port", or with a scheme of gRPC's, such as "dns:" or "unix:".
  std::string ca_file;  // PEM file of authorities that may vouch for the server, or kSystemAuthorities; empty: no
                        // encryption.
  std::string token;    // Sent with every call; empty: none. Refused on an unencrypted connection to another machine.
  std::chrono::milliseconds timeout = std::chrono::minutes(10);  // Of a call that does not say otherwise; max(): none.

  // Only together with ca_file:
  std::string server_name;  // The name in the server's certificate; empty: that of the target.
  std::string client_certificate_file;  // PEM file of the client's own certificate, for servers that ask for one,
  std::string client_key_file;          // and of its key, without a password. Both or neither.

  // What PIXELZOO_TARGET, PIXELZOO_TLS_CA, PIXELZOO_TLS_SERVER_NAME, PIXELZOO_TLS_CLIENT_CERTIFICATE,
  // PIXELZOO_TLS_CLIENT_KEY and PIXELZOO_TOKEN say, and the defaults above for those that are not set or empty. Throws
  // Error INVALID_SETTING as Client does, with the variable's name.
  static ClientOptions FromEnvironment();
};

// How to make one call.
struct CallOptions {
  std::optional<std::chrono::milliseconds> timeout = std::nullopt;  // For the whole call; the client's if unset.
  std::stop_token cancel = {};  // Cancels the call, a stream too; the call then fails with an Error, code CANCELLED.
};

// Requests are the messages of protos/pixelzoo/v1, whose comments give every field's range and default. Every call
// throws Error if it fails; a call that no server has taken on (UNAVAILABLE) is first tried up to four times. A client
// may be used from several threads.
class Client {
 public:
  // Throws Error INSECURE_TOKEN where a token would be readable on its way, and INVALID_SETTING for a setting that
  // cannot be, such as a file that cannot be read. It connects with its first call.
  explicit Client(const ClientOptions& options = ClientOptions::FromEnvironment());
  Client(Client&&) noexcept;
  ~Client();

  // All models of the server, by name, with their cards.
  std::vector<v1::Model> ListModels(const CallOptions& = {});

  // One model with its card: what it can do, its options with their ranges, its classes. `name` is as for Select.
  v1::Model GetModel(std::string_view name, const CallOptions& = {});

  v1::SampleResponse Sample(const v1::SampleRequest&, const CallOptions& = {});
  Stream<v1::StreamSampleResponse> StreamSample(const v1::StreamSampleRequest&, const CallOptions& = {});

  v1::TranslateResponse Translate(const v1::TranslateRequest&, const CallOptions& = {});
  Stream<v1::StreamTranslateResponse> StreamTranslate(const v1::StreamTranslateRequest&, const CallOptions& = {});

  v1::ScoreResponse Score(const v1::ScoreRequest&, const CallOptions& = {});
  Stream<v1::StreamScoreResponse> StreamScore(const v1::StreamScoreRequest&, const CallOptions& = {});

  v1::EncodeResponse Encode(const v1::EncodeRequest&, const CallOptions& = {});
  v1::DecodeResponse Decode(const v1::DecodeRequest&, const CallOptions& = {});
  v1::InterpolateResponse Interpolate(const v1::InterpolateRequest&, const CallOptions& = {});

  // The connection, for stubs of your own, such as asynchronous ones. Their calls set deadline and token themselves.
  std::shared_ptr<grpc::Channel> channel() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pixelzoo
