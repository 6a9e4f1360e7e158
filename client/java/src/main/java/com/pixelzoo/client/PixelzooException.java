package com.pixelzoo.client;

import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A call that failed. The message is the server's, for people; programs decide by {@link #reason}. */
public final class PixelzooException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final Status.Code code;
  private final String reason;
  // Immutable copies, which can be serialized as their elements can.
  @SuppressWarnings("serial")
  private final Map<String, String> metadata;

  @SuppressWarnings("serial")
  private final List<FieldViolation> violations;

  private final Duration retryAfter;

  PixelzooException(
      Status.Code code,
      String reason,
      String message,
      Map<String, String> metadata,
      List<FieldViolation> violations,
      Duration retryAfter,
      Throwable cause) {
    super(message, cause);
    this.code = code;
    this.reason = reason;
    this.metadata = Map.copyOf(metadata);
    this.violations = List.copyOf(violations);
    this.retryAfter = retryAfter;
  }

  /** The error INVALID_FIELD that the client gives itself, for a field of a request by its path. */
  static PixelzooException invalidField(String field, String rule) {
    return new PixelzooException(
        Status.Code.INVALID_ARGUMENT,
        "INVALID_FIELD",
        field + ": " + rule,
        Map.of("field", field),
        List.of(new FieldViolation(field, rule)),
        null,
        null);
  }

  /** An error that the client gives itself, or that gRPC gives without a server of pixelzoo. */
  PixelzooException(Status.Code code, String reason, String message, Throwable cause) {
    this(code, reason, message, Map.of(), List.of(), null, cause);
  }

  /** The gRPC status code. */
  public Status.Code code() {
    return code;
  }

  /**
   * A reason of {@code pixelzoo.v1.ErrorReason} without its prefix, such as {@code INVALID_FIELD}; SERVER_UNREACHABLE,
   * CLIENT_CLOSED, INSECURE_TOKEN or INVALID_SETTING, which this client gives itself; or the name of the code where no
   * server of pixelzoo answered.
   */
  public String reason() {
    return reason;
  }

  /** The parts of the message that vary, by name. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** Every field that breaks a rule; empty for errors that are not about fields. */
  public List<FieldViolation> violations() {
    return violations;
  }

  /** How long to wait before the same call may succeed; empty if repeating it is of no use. */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }
}
