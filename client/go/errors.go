package pixelzoo

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Error is a failed call. Programs decide by Code and Reason, people read the message.
type Error struct {
	// Code is gRPC's own.
	Code codes.Code
	// Reason is a name from the server's catalogue, ErrorReason in error.proto without its prefix, such as
	// "INVALID_FIELD" or "QUEUE_FULL"; SERVER_UNREACHABLE, INSECURE_TOKEN, INVALID_SETTING or CLIENT_CLOSED, which this
	// client gives itself; or the name of the code, such as "DEADLINE_EXCEEDED", where gRPC has ended the call otherwise.
	Reason string
	// Message names the field, the rule and the remedy.
	Message string
	// Metadata are the parts of the message that vary, by name.
	Metadata map[string]string
	// Violations are the fields of the request that break a rule.
	Violations []FieldViolation
	// RetryDelay is the time after which the same call may succeed; 0 if repeating it is of no use.
	RetryDelay time.Duration

	status *status.Status
}

// FieldViolation is a field, by its path in the request, and the rule that it breaks.
type FieldViolation struct {
	Field, Description string
}

func (e *Error) Error() string { return e.Reason + ": " + e.Message }

// GRPCStatus makes status.Code and status.FromError understand the error.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Is makes errors.Is(err, context.DeadlineExceeded) and errors.Is(err, context.Canceled) true of calls that ended so.
func (e *Error) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Code == codes.DeadlineExceeded ||
		target == context.Canceled && e.Code == codes.Canceled
}

// FromStatus unpacks what the server sent along with an error of a stub, into an *Error. Of nil it is nil.
func FromStatus(err error) error {
	var own *Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	answer := status.Convert(err)
	reason := code.Code(answer.Code()).String()
	unpacked := &Error{Code: answer.Code(), Reason: reason, Message: answer.Message(), status: answer}
	if unpacked.Code == codes.Unavailable {
		unpacked.Reason = "SERVER_UNREACHABLE" // If it was reached, its details say another reason.
	}
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			unpacked.Reason, unpacked.Metadata = detail.Reason, detail.Metadata
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				unpacked.Violations = append(unpacked.Violations, FieldViolation{violation.Field, violation.Description})
			}
		case *errdetails.RetryInfo:
			unpacked.RetryDelay = time.Duration(detail.RetryDelay.GetSeconds())*time.Second +
				time.Duration(detail.RetryDelay.GetNanos())
		}
	}
	return unpacked
}

// refusal is an error for what was not sent.
func refusal(code codes.Code, reason, message string) *Error {
	return &Error{Code: code, Reason: reason, Message: message, status: status.New(code, message)}
}

func insecureToken(target string) error {
	message := "the token would go to " + target + " unencrypted: use TLS, such as by PIXELZOO_TLS_CA"
	return refusal(codes.Unauthenticated, "INSECURE_TOKEN", message)
}

// invalidSetting is the error for a variable of the environment, or an argument of Dial, that cannot be.
func invalidSetting(setting, rule string) error {
	invalid := refusal(codes.InvalidArgument, "INVALID_SETTING", setting+": "+rule)
	invalid.Metadata = map[string]string{"setting": setting}
	return invalid
}

// invalidField is the error for a field of a request, as the server would have given it.
func invalidField(field, rule string) error {
	invalid := refusal(codes.InvalidArgument, "INVALID_FIELD", field+": "+rule)
	invalid.Metadata = map[string]string{"field": field}
	invalid.Violations = []FieldViolation{{field, rule}}
	return invalid
}

// within is an error of invalidField whose field stands in another message.
func within(message string, err error) error {
	violation := err.(*Error).Violations[0]
	return invalidField(message+"."+violation.Field, violation.Description)
}
