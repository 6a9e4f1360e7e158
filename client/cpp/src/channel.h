// How the client connects: encryption, message sizes, keepalive and retries.
#pragma once

#include <grpcpp/channel.h>

#include <memory>

#include "pixelzoo/client.h"

namespace pixelzoo {

std::shared_ptr<grpc::Channel> Connect(const ClientOptions& options);

}  // namespace pixelzoo
