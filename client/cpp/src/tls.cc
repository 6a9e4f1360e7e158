#include "tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

namespace pixelzoo {
namespace {

template <auto release>
struct Releasing {
  void operator()(auto* held) const { release(held); }
};
using File = std::unique_ptr<std::FILE, Releasing<std::fclose>>;
using Bio = std::unique_ptr<BIO, Releasing<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Releasing<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Releasing<EVP_PKEY_free>>;

constexpr std::string_view kNameAuthorities = "name a PEM file of certificates, or say system";
constexpr std::string_view kNameCertificate = "name the PEM file of the client's certificate";
constexpr std::string_view kNameKey = "name the PEM file of its key, without a password";

std::string Contents(const std::string& setting, const std::string& path, std::string_view remedy) {
  std::string text;
  const File file(std::fopen(path.c_str(), "rb"));
  char block[4096];
  while (file != nullptr) {
    const std::size_t length = std::fread(block, 1, sizeof block, file.get());
    text.append(block, length);
    if (length < sizeof block) break;
  }
  if (file == nullptr || std::ferror(file.get())) throw InvalidSetting(setting, path, std::strerror(errno), remedy);
  return text;
}

Bio Reading(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// The first of the certificates, all of which must be sound.
Certificate FirstCertificate(const std::string& pem) {
  const Bio bio = Reading(pem);
  Certificate first;
  while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (first == nullptr) first = std::move(next);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return at_end ? std::move(first) : nullptr;
}

std::string Certificates(const std::string& setting, const std::string& path, std::string_view remedy) {
  std::string pem = Contents(setting, path, remedy);
  if (pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    throw InvalidSetting(setting, path, "has no PEM certificate", remedy);
  }
  if (FirstCertificate(pem) == nullptr) {
    throw InvalidSetting(setting, path, "has a certificate that cannot be read", remedy);
  }
  return pem;
}

// The key of `certificate`. OpenSSL would ask the terminal for a password; an empty one stops that.
std::string PrivateKey(const std::string& setting, const std::string& path, const std::string& certificate) {
  std::string pem = Contents(setting, path, kNameKey);
  char password[] = "";
  const Key key(PEM_read_bio_PrivateKey(Reading(pem).get(), nullptr, nullptr, password));
  const bool fits = key != nullptr && X509_check_private_key(FirstCertificate(certificate).get(), key.get()) == 1;
  ERR_clear_error();
  if (key == nullptr) throw InvalidSetting(setting, path, "cannot be read as a key", kNameKey);
  if (!fits) throw InvalidSetting(setting, path, "is not the key of the certificate", kNameKey);
  return pem;
}

void CheckTogether(const ClientOptions& options, const SettingNames& names) {
  const std::string& certificate = options.client_certificate_file;
  const std::string& key = options.client_key_file;
  if (options.ca_file.empty()) {
    for (const auto& [name, value] : {std::pair(&names.server_name, &options.server_name),
                                      std::pair(&names.client_certificate_file, &certificate),
                                      std::pair(&names.client_key_file, &key)}) {
      if (value->empty()) continue;
      throw InvalidSetting(*name, *value, "nothing is encrypted without " + names.ca_file,
                           "set that too, to system or a PEM file");
    }
  }
  if (key.empty() && !certificate.empty()) {
    throw InvalidSetting(names.client_certificate_file, certificate, "has no key beside it",
                         "set " + names.client_key_file + " too");
  }
  if (certificate.empty() && !key.empty()) {
    throw InvalidSetting(names.client_key_file, key, "has no certificate beside it",
                         "set " + names.client_certificate_file + " too");
  }
}

}  // namespace

std::shared_ptr<grpc::ChannelCredentials> Credentials(const ClientOptions& options, const SettingNames& names) {
  CheckTogether(options, names);
  if (options.ca_file.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions tls;  // Without pem_root_certs gRPC takes the system's.
  if (options.ca_file != kSystemAuthorities) {
    tls.pem_root_certs = Certificates(names.ca_file, options.ca_file, kNameAuthorities);
  }
  if (!options.client_certificate_file.empty()) {
    tls.pem_cert_chain =
        Certificates(names.client_certificate_file, options.client_certificate_file, kNameCertificate);
    tls.pem_private_key = PrivateKey(names.client_key_file, options.client_key_file, tls.pem_cert_chain);
  }
  return grpc::SslCredentials(tls);
}

}  // namespace pixelzoo
