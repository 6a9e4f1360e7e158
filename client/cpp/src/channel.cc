#include "channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

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

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) throw std::runtime_error("cannot read the authority's certificate " + path);
  return text;
}

// Whether "host:port" is on this machine; unix sockets are.
bool IsLoopback(std::string_view target) {
  if (target.starts_with("unix:") || target.starts_with("unix-abstract:")) return true;
  const std::string_view host = target.substr(0, target.rfind(':'));
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

std::string Environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

}  // namespace

ClientOptions ClientOptions::FromEnvironment() {
  ClientOptions options;
  options.target = Environment("PIXELZOO_TARGET", options.target);
  options.ca_file = Environment("PIXELZOO_TLS_CA", "");
  options.token = Environment("PIXELZOO_TOKEN", "");
  return options;
}

std::shared_ptr<grpc::Channel> Connect(const ClientOptions& options) {
  if (!options.token.empty() && options.ca_file.empty() && !IsLoopback(options.target)) {
    throw Error(grpc::StatusCode::UNAUTHENTICATED, "INSECURE_TOKEN",
                "the token would go to " + options.target + " unencrypted: use TLS (ca_file, or PIXELZOO_TLS_CA)");
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  arguments.SetMaxSendMessageSize(kMaxSendBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 1);
  arguments.SetServiceConfigJSON(kServiceConfig);
  // Servers close the connection of a client that pings more often than they allow; once a minute is safe.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);

  if (options.ca_file.empty()) {
    return grpc::CreateCustomChannel(options.target, grpc::InsecureChannelCredentials(), arguments);
  }
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = Contents(options.ca_file);
  return grpc::CreateCustomChannel(options.target, grpc::SslCredentials(tls), arguments);
}

}  // namespace pixelzoo
