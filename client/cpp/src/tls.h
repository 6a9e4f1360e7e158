// Encryption: whom the client trusts, and by which certificate servers know the client.
#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>

#include "settings.h"

namespace pixelzoo {

// The credentials of the options: in the clear if there is no ca_file. Throws Error INVALID_SETTING for files that gRPC
// would refuse only when it connects, without a word about them.
std::shared_ptr<grpc::ChannelCredentials> Credentials(const ClientOptions& options, const SettingNames& names);

}  // namespace pixelzoo
