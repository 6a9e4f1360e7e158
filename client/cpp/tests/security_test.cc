// Encryption and tokens: against a server that wants TLS and a token, PIXELZOO_TLS_SERVER with PIXELZOO_CA_FILE and
// PIXELZOO_TOKEN; against one that wants the client's certificate, PIXELZOO_MTLS_SERVER with PIXELZOO_MTLS_CERTIFICATE
// and PIXELZOO_MTLS_KEY; and what is refused without any server.
#include <pixelzoo/client.h>

#include <filesystem>
#include <fstream>

#include "testing.h"

void ExpectRefused(const pixelzoo::Error& error, const std::string& message) {
  EXPECT_EQ(error.code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason(), "INVALID_SETTING");
  EXPECT_STREQ(error.what(), message.c_str());
  EXPECT_EQ(error.metadata().at("setting"), message.substr(0, message.find(':')));
}

// A client of a server that wants TLS.
class SecureServer : public testing::Test {
 protected:
  void SetUp() override {
    options_.target = Environment("PIXELZOO_TLS_SERVER");
    options_.ca_file = Environment("PIXELZOO_CA_FILE");
    options_.token = Environment("PIXELZOO_TOKEN");
    if (options_.target.empty()) GTEST_SKIP() << "PIXELZOO_TLS_SERVER is not set";
  }

  bool Answers() const { return !pixelzoo::Client(options_).ListModels().empty(); }

  pixelzoo::Error Failure() const {
    return ErrorOf([this] { Answers(); });
  }

  pixelzoo::ClientOptions options_;
};

TEST_F(SecureServer, AnswersWhoHasTheTokenAndTheAuthority) { EXPECT_TRUE(Answers()); }

TEST_F(SecureServer, RefusesWhoHasNoToken) {
  options_.token.clear();
  EXPECT_EQ(Failure().code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Failure().reason(), "UNAUTHENTICATED");
}

TEST_F(SecureServer, IsNotTrustedIfTheSystemDoesNot) {
  options_.ca_file = pixelzoo::kSystemAuthorities;
  EXPECT_EQ(Failure().reason(), "SERVER_UNREACHABLE");
}

// In a process of its own: gRPC reads what it trusts by itself once.
TEST_F(SecureServer, IsTrustedIfItsAuthorityIsInTheFileThatTheEnvironmentNames) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string ca_file = options_.ca_file;
  options_.ca_file = pixelzoo::kSystemAuthorities;
  EXPECT_EXIT(
      {
        setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", ca_file.c_str(), 1);
        std::_Exit(Answers() ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(SecureServer, MustHaveTheNameThatIsSet) {
  options_.target = "127.0.0.1" + options_.target.substr(options_.target.rfind(':'));
  options_.server_name = "localhost";
  EXPECT_TRUE(Answers());
  options_.server_name = "zoo.example";
  const std::string message = Failure().what();
  EXPECT_NE(message.find("zoo.example is not in peer certificate"), std::string::npos) << message;
}

// A client of a server that asks for its certificate.
class MutualServer : public SecureServer {
 protected:
  void SetUp() override {
    options_.target = Environment("PIXELZOO_MTLS_SERVER");
    options_.ca_file = Environment("PIXELZOO_CA_FILE");
    options_.client_certificate_file = Environment("PIXELZOO_MTLS_CERTIFICATE");
    options_.client_key_file = Environment("PIXELZOO_MTLS_KEY");
    if (options_.target.empty()) GTEST_SKIP() << "PIXELZOO_MTLS_SERVER is not set";
  }
};

TEST_F(MutualServer, AnswersWhoHasACertificate) { EXPECT_TRUE(Answers()); }

TEST_F(MutualServer, RefusesWhoHasNone) {
  options_.client_certificate_file.clear();
  options_.client_key_file.clear();
  EXPECT_EQ(Failure().reason(), "SERVER_UNREACHABLE");
}

TEST_F(MutualServer, IsReachedByWhatTheEnvironmentSays) {
  setenv("PIXELZOO_TLS_CA", options_.ca_file.c_str(), 1);
  setenv("PIXELZOO_TLS_SERVER_NAME", "localhost", 1);
  setenv("PIXELZOO_TLS_CLIENT_CERTIFICATE", options_.client_certificate_file.c_str(), 1);
  setenv("PIXELZOO_TLS_CLIENT_KEY", options_.client_key_file.c_str(), 1);
  const std::string target = options_.target;
  options_ = pixelzoo::ClientOptions::FromEnvironment();
  for (const char* name : {"PIXELZOO_TLS_CA", "PIXELZOO_TLS_SERVER_NAME", "PIXELZOO_TLS_CLIENT_CERTIFICATE",
                           "PIXELZOO_TLS_CLIENT_KEY"}) {
    unsetenv(name);
  }
  options_.target = target;
  options_.token.clear();
  EXPECT_EQ(options_.server_name, "localhost");
  EXPECT_TRUE(Answers());
}

TEST_F(MutualServer, IsNotCalledWithTheKeyOfAnotherCertificate) {
  options_.client_certificate_file = options_.ca_file;
  ExpectRefused(Failure(),
                "client_key_file: " + options_.client_key_file +
                    ": is not the key of the certificate: name the PEM file of its key, without a password");
}

TEST_F(MutualServer, IsNotCalledWithACertificateForAKey) {
  options_.client_key_file = options_.client_certificate_file;
  ExpectRefused(Failure(),
                "client_key_file: " + options_.client_key_file +
                    ": cannot be read as a key: name the PEM file of its key, without a password");
}

pixelzoo::Error RefusalOf(const pixelzoo::ClientOptions& options) {
  return ErrorOf([&] { pixelzoo::Client zoo(options); });
}

TEST(Settings, ThatAreFilesMustBeReadable) {
  ExpectRefused(RefusalOf({.ca_file = "/no/such.pem"}),
                "ca_file: /no/such.pem: No such file or directory: name a PEM file of certificates, or say system");
  ExpectRefused(RefusalOf({.ca_file = "/"}),
                "ca_file: /: Is a directory: name a PEM file of certificates, or say system");
}

TEST(Settings, ThatAreFilesMustHoldCertificates) {
  const std::string path = testing::TempDir() + "pixelzoo_not_a_certificate.pem";
  std::ofstream(path) << "hello\n";
  ExpectRefused(RefusalOf({.ca_file = path}),
                "ca_file: " + path + ": has no PEM certificate: name a PEM file of certificates, or say system");
  std::ofstream(path) << "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
  ExpectRefused(RefusalOf({.ca_file = path}),
                "ca_file: " + path + ": has a certificate that cannot be read: name a PEM file of certificates, "
                "or say system");
  std::filesystem::remove(path);
}

TEST(Settings, OfEncryptionNeedTheAuthorities) {
  ExpectRefused(RefusalOf({.server_name = "zoo.example"}),
                "server_name: zoo.example: nothing is encrypted without ca_file: set that too, to system "
                "or a PEM file");
  ExpectRefused(RefusalOf({.client_certificate_file = "c.pem", .client_key_file = "k.pem"}),
                "client_certificate_file: c.pem: nothing is encrypted without ca_file: set that too, to system "
                "or a PEM file");
  ExpectRefused(RefusalOf({.ca_file = pixelzoo::kSystemAuthorities, .client_certificate_file = "c.pem"}),
                "client_certificate_file: c.pem: has no key beside it: set client_key_file too");
  ExpectRefused(RefusalOf({.ca_file = pixelzoo::kSystemAuthorities, .client_key_file = "k.pem"}),
                "client_key_file: k.pem: has no certificate beside it: set client_certificate_file too");
}

TEST(Settings, OfTheEnvironmentAreNamedByTheirVariables) {
  setenv("PIXELZOO_TLS_CA", "/no/such.pem", 1);
  const pixelzoo::Error error = ErrorOf([] { pixelzoo::Client zoo; });
  unsetenv("PIXELZOO_TLS_CA");
  ExpectRefused(error,
                "PIXELZOO_TLS_CA: /no/such.pem: No such file or directory: name a PEM file of certificates, "
                "or say system");
}

TEST(Settings, OfTheTargetAreHostAndPortOrWhatGrpcReads) {
  for (const char* target : {"localhost", "localhost:0", "localhost:65536", "localhost:110879", "localhost:http", ":1",
                             "localhost:", "http://zoo.example:1", "zoo.example/x:1", "::1:50051", "a b:1", ""}) {
    const std::string value = *target == '\0' ? "" : std::string(target) + ": ";
    ExpectRefused(RefusalOf({.target = target}),
                  "target: " + value + "must be host:port, with a port from 1 to 65535");
  }
  for (const char* target : {"localhost:1", "[::1]:65535", "my_host:50051", "dns:///zoo.example:1", "unix:/run/zoo"}) {
    EXPECT_NO_THROW(pixelzoo::Client(pixelzoo::ClientOptions{.target = target})) << target;
  }
}

TEST(Settings, OfTheNameAreThoseOfHosts) {
  ExpectRefused(RefusalOf({.ca_file = pixelzoo::kSystemAuthorities, .server_name = "a b"}),
                "server_name: a b: is no host name: give the one in the server's certificate");
}

TEST(Settings, OfTimeAreNotNegative) {
  using std::chrono::milliseconds;
  ExpectRefused(RefusalOf({.timeout = milliseconds(-1)}), "timeout: must be at least 0 ms, and is -1 ms");
  pixelzoo::Client zoo(pixelzoo::ClientOptions{});
  const pixelzoo::Error error = ErrorOf([&] { zoo.ListModels({.timeout = milliseconds::min()}); });
  ExpectRefused(error, "timeout: must be at least 0 ms, and is -9223372036854775808 ms");
}

TEST(Tokens, AreNotSentInTheClearToOtherMachines) {
  pixelzoo::ClientOptions options;
  options.token = "secret";
  for (const char* target :
       {"zoo.example:50051", "127.0.0.1.evil.example:443", "127.example:443", "dns:///zoo.example:1",
        "dns://8.8.8.8/localhost:1", "ipv4:127.0.0.1:1,10.0.0.1:1", "ipv6:[::2]:1", "xds:///localhost:1"}) {
    options.target = target;
    EXPECT_EQ(RefusalOf(options).reason(), "INSECURE_TOKEN") << target;
  }
  for (const char* target : {"localhost:1", "127.0.0.2:50051", "[::1]:1", "dns:///localhost:1", "ipv4:127.0.0.1:1",
                             "ipv4:127.0.0.1:1,127.0.0.2:1", "ipv6:[::1]:1", "unix:/run/zoo", "unix-abstract:zoo"}) {
    options.target = target;
    EXPECT_NO_THROW(pixelzoo::Client{options}) << target;
  }
}

// gRPC would end the program.
TEST(Tokens, HaveNoSpaceAndNoEndOfALine) {
  for (const char* token : {"secret\n", "se cret", "\x7f"}) {
    ExpectRefused(RefusalOf({.token = token}),
                  "token: has characters that no token has: give the one that the server's operator gave");
  }
}
