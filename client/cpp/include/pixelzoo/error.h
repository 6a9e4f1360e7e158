// What can go wrong with a call.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pixelzoo {

// One field of a request that breaks a rule.
struct FieldViolation {
  std::string field;        // Its path in the request, such as "options.diffusion.steps".
  std::string description;  // What is wrong, the rule, and what is allowed.
};

// A call that failed. what() is the server's message, for people; programs decide by reason().
class Error : public std::runtime_error {
 public:
  // The error that `status` describes, with the google.rpc details that the server sent along.
  static Error From(const grpc::Status& status, const std::string& target);

  Error(grpc::StatusCode code, std::string reason, const std::string& message,
        std::vector<FieldViolation> violations = {}, std::map<std::string, std::string> metadata = {});

  grpc::StatusCode code() const { return code_; }

  // Name of code(), such as "INVALID_ARGUMENT".
  std::string_view code_name() const;

  // A reason of pixelzoo.v1.ErrorReason without its prefix, such as "INVALID_FIELD"; SERVER_UNREACHABLE,
  // INSECURE_TOKEN or INVALID_SETTING, which this client gives itself; or code_name() where no server of pixelzoo
  // answered.
  const std::string& reason() const { return reason_; }

  // The parts of the message that vary, by name.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // Every field that breaks a rule; empty for errors that are not about fields.
  const std::vector<FieldViolation>& violations() const { return violations_; }

  // How long to wait before the same call may succeed; unset if repeating it is of no use.
  std::optional<std::chrono::milliseconds> retry_after() const { return retry_after_; }

 private:
  grpc::StatusCode code_;
  std::string reason_;
  std::map<std::string, std::string> metadata_;
  std::vector<FieldViolation> violations_;
  std::optional<std::chrono::milliseconds> retry_after_;
};

}  // namespace pixelzoo
