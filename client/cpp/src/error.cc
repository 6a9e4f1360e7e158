#include "pixelzoo/error.h"

#include <google/protobuf/util/time_util.h>

#include <array>
#include <utility>

#include "error_details.pb.h"

namespace pixelzoo {
namespace {

constexpr std::array<std::string_view, 17> kCodeNames = {
    "OK",         "CANCELLED",           "UNKNOWN",   "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
    "UNIMPLEMENTED", "INTERNAL",         "UNAVAILABLE", "DATA_LOSS",      "UNAUTHENTICATED"};

std::string_view NameOf(grpc::StatusCode code) {
  const auto number = static_cast<std::size_t>(code);
  return number < kCodeNames.size() ? kCodeNames[number] : "UNKNOWN";
}

// Reads `packed` into `message` if it is of that kind. Any::UnpackTo would compare package names too, and ours differs
// on purpose (see error_details.proto).
bool Unpack(const google::protobuf::Any& packed, std::string_view kind, google::protobuf::Message* message) {
  return packed.type_url() == "type.googleapis.com/google.rpc." + std::string(kind) &&
         message->ParseFromString(packed.value());
}

// The error of a call that no server of pixelzoo answered: gRPC itself did.
Error WithoutDetails(const grpc::Status& status, const std::string& target) {
  const std::string name(NameOf(status.error_code()));
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return {status.error_code(), "SERVER_UNREACHABLE",
              "no server answers at " + target +
                  ": start one with `pixelzoo serve`, or name another with PIXELZOO_TARGET; " +
                  "if one runs there, does it want TLS? PIXELZOO_TLS_CA turns it on, and names whom to trust (" +
                  status.error_message() + ")"};
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return {status.error_code(), name, "the call to " + target + " took longer than its timeout"};
    case grpc::StatusCode::CANCELLED:
      return {status.error_code(), name, "the call to " + target + " was cancelled"};
    default:
      return {status.error_code(), name, target + " answered " + name + ": " + status.error_message()};
  }
}

}  // namespace

Error::Error(grpc::StatusCode code, std::string reason, const std::string& message,
             std::vector<FieldViolation> violations, std::map<std::string, std::string> metadata)
    : std::runtime_error(message),
      code_(code),
      reason_(std::move(reason)),
      metadata_(std::move(metadata)),
      violations_(std::move(violations)) {}

std::string_view Error::code_name() const { return NameOf(code_); }

Error Error::From(const grpc::Status& status, const std::string& target) {
  errors::Status details;
  errors::ErrorInfo info;
  errors::BadRequest bad_request;
  errors::RetryInfo retry;
  details.ParseFromString(status.error_details());
  for (const google::protobuf::Any& packed : details.details()) {
    Unpack(packed, "ErrorInfo", &info) || Unpack(packed, "BadRequest", &bad_request) ||
        Unpack(packed, "RetryInfo", &retry);
  }
  if (info.reason().empty()) return WithoutDetails(status, target);

  Error error(status.error_code(), info.reason(), status.error_message());
  error.metadata_.insert(info.metadata().begin(), info.metadata().end());
  for (const errors::BadRequest::FieldViolation& violation : bad_request.field_violations()) {
    error.violations_.push_back({violation.field(), violation.description()});
  }
  if (retry.has_retry_delay()) {
    error.retry_after_ = std::chrono::milliseconds(
        google::protobuf::util::TimeUtil::DurationToMilliseconds(retry.retry_delay()));
  }
  return error;
}

}  // namespace pixelzoo
