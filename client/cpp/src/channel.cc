#include "channel.h"

#include <grpcpp/create_channel.h>

#include <cstdlib>

#include "settings.h"
#include "tls.h"

namespace pixelzoo {
namespace {

// gRPC's own limit, 4 MiB, is one raw 1024 x 1024 RGB picture and a bit; a server sends 256 MiB of pixels at most.
constexpr int kMaxReceiveBytes = 260 << 20;
constexpr int kMaxSendBytes = 64 << 20;

// Only UNAVAILABLE is repeated: it says that the server did not take the call on. A stream is repeated only if nothing
// of it has arrived yet. gRPC varies each wait, so that clients do not come back all at once.
constexpr char kServiceConfig[] = R"({
  "methodConfig": [{
    "name": [{}],
    "retryPolicy": {
      "maxAttempts": 4,
      "initialBackoff": "0.2s",
      "maxBackoff": "2s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }],
  "retryThrottling": {"maxTokens": 1000, "tokenRatio": 1}
})";

std::string Environment(const std::string& name, const std::string& otherwise) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr && *value != '\0' ? value : otherwise;
}

}  // namespace

ClientOptions ClientOptions::FromEnvironment() {
  const SettingNames names{"PIXELZOO_TARGET",         "PIXELZOO_TLS_CA",
                           "PIXELZOO_TLS_SERVER_NAME", "PIXELZOO_TLS_CLIENT_CERTIFICATE",
                           "PIXELZOO_TLS_CLIENT_KEY", "PIXELZOO_TOKEN"};
  ClientOptions options;
  options.target = Environment(names.target, options.target);
  options.ca_file = Environment(names.ca_file, "");
  options.server_name = Environment(names.server_name, "");
  options.client_certificate_file = Environment(names.client_certificate_file, "");
  options.client_key_file = Environment(names.client_key_file, "");
  options.token = Environment(names.token, "");
  CheckSettings(options, names);
  Credentials(options, names);  // Whatever is wrong is told by the name of its variable.
  return options;
}

std::shared_ptr<grpc::Channel> Connect(const ClientOptions& options) {
  CheckSettings(options, {});
  CheckTimeout(options.timeout);
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  arguments.SetMaxSendMessageSize(kMaxSendBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 1);
  arguments.SetServiceConfigJSON(kServiceConfig);
  // Servers close the connection of a client that pings more often than they allow; once a minute is safe.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  // gRPC's own is two minutes, in which nobody would notice that the server is back.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  // What may go unencrypted because it stays on this machine must not take the way over a proxy.
  if (IsLoopback(options.target)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);

  if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
  return grpc::CreateCustomChannel(options.target, Credentials(options, {}), arguments);
}

}  // namespace pixelzoo
