// Encryption: whom the client trusts, and by which certificate servers know the client.
#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "pixelzoo/client.h"

namespace pixelzoo {

// What an error calls the settings: as the fields of ClientOptions, or as the variables that they came from.
struct SettingNames {
  std::string ca_file = "ca_file";
  std::string server_name = "server_name";
  std::string client_certificate_file = "client_certificate_file";
  std::string client_key_file = "client_key_file";
  std::string token = "token";
};

// The credentials of the options: in the clear if there is no ca_file. Throws Error INVALID_SETTING for files that gRPC
// would refuse only when it connects, without a word about them.
std::shared_ptr<grpc::ChannelCredentials> Credentials(const ClientOptions& options, const SettingNames& names);

// Throws Error INVALID_SETTING for a token with which gRPC would end the program.
void CheckToken(const std::string& token, const SettingNames& names);

}  // namespace pixelzoo
