#include "settings.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace pixelzoo {
namespace {

// What gRPC itself reads, in ways of its own.
constexpr std::array<std::string_view, 6> kSchemes = {"dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "xds:"};

bool StartsWithAny(std::string_view text, const auto& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](auto beginning) { return text.starts_with(beginning); });
}

// "host:port" as its two parts; the host is empty if there is none. An IPv6 address is in brackets, and stays so.
std::pair<std::string_view, std::string_view> Parts(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return {"", ""};
  return {address.substr(0, colon), address.substr(colon + 1)};
}

bool IsPort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0;
}

bool IsAddress(std::string_view target) {
  const auto [host, port] = Parts(target);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  const std::string_view forbidden = bracketed ? std::string_view("/ \t\r\n") : std::string_view("/ \t\r\n:[]");
  return !host.empty() && host.find_first_of(forbidden) == std::string_view::npos && IsPort(port);
}

bool IsLoopbackAddress(std::string_view address) {
  const std::string host(Parts(address).first);
  in_addr parsed;  // A name such as 127.0.0.1.example.com is no address.
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") && inet_pton(AF_INET, host.c_str(), &parsed) == 1);
}

bool IsLetterOrDigit(char c) { return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9'); }

bool IsServerName(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return IsLetterOrDigit(c) || std::string_view(".-_:").find(c) != std::string_view::npos;
  });
}

}  // namespace

Error InvalidSetting(const std::string& setting, const std::string& value, std::string_view why,
                     std::string_view remedy) {
  std::string message = setting + ": ";
  if (!value.empty()) message += value + ": ";
  message.append(why);
  if (!remedy.empty()) message.append(": ").append(remedy);
  return {grpc::StatusCode::INVALID_ARGUMENT, "INVALID_SETTING", message, {}, {{"setting", setting}}};
}

void CheckSettings(const ClientOptions& options, const SettingNames& names) {
  if (!StartsWithAny(options.target, kSchemes) && !IsAddress(options.target)) {
    throw InvalidSetting(names.target, options.target, "must be host:port, with a port from 1 to 65535", "");
  }
  if (!IsServerName(options.server_name)) {
    throw InvalidSetting(names.server_name, options.server_name, "is no host name",
                         "give the one in the server's certificate");
  }
  const std::string& token = options.token;
  if (!std::all_of(token.begin(), token.end(), [](char c) { return '!' <= c && c <= '~'; })) {
    throw InvalidSetting(names.token, "", "has characters that no token has",
                         "give the one that the server's operator gave");
  }
  if (!token.empty() && options.ca_file.empty() && !IsLoopback(options.target)) {
    throw Error(grpc::StatusCode::UNAUTHENTICATED, "INSECURE_TOKEN",
                "the token would go to " + options.target + " unencrypted: use TLS, such as by PIXELZOO_TLS_CA");
  }
}

void CheckTimeout(std::chrono::milliseconds timeout) {
  if (timeout.count() < 0) {
    throw InvalidSetting("timeout", "", "must be at least 0 ms, and is " + std::to_string(timeout.count()) + " ms", "");
  }
}

bool IsLoopback(std::string_view target) {
  if (target.starts_with("unix:") || target.starts_with("unix-abstract:")) return true;
  for (const std::string_view scheme : {"dns:///", "ipv4:", "ipv6:"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    break;
  }
  while (true) {  // ipv4: and ipv6: may be followed by several addresses.
    const std::size_t comma = target.find(',');
    if (!IsLoopbackAddress(target.substr(0, comma))) return false;
    if (comma == std::string_view::npos) return true;
    target.remove_prefix(comma + 1);
  }
}

}  // namespace pixelzoo
