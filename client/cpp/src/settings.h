// Settings by their names, and what they may be.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "pixelzoo/client.h"

namespace pixelzoo {

// What an error calls the settings: as the fields of ClientOptions, or as the variables that they came from.
struct SettingNames {
  std::string target = "target";
  std::string ca_file = "ca_file";
  std::string server_name = "server_name";
  std::string client_certificate_file = "client_certificate_file";
  std::string client_key_file = "client_key_file";
  std::string token = "token";
};

// The error INVALID_SETTING for a setting that cannot be. The value is left out if it is empty.
Error InvalidSetting(const std::string& setting, const std::string& value, std::string_view why,
                     std::string_view remedy);

// Throws Error INVALID_SETTING for what gRPC would take for something else, or end the program about, and
// INSECURE_TOKEN for a token that would be readable on its way.
void CheckSettings(const ClientOptions& options, const SettingNames& names);

// Throws Error INVALID_SETTING for a time that no call can take.
void CheckTimeout(std::chrono::milliseconds timeout);

// Whether a target is on this machine.
bool IsLoopback(std::string_view target);

}  // namespace pixelzoo
