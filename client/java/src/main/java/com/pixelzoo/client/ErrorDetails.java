package com.pixelzoo.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Parser;
import com.pixelzoo.errors.BadRequest;
import com.pixelzoo.errors.ErrorInfo;
import com.pixelzoo.errors.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;

/** Reads the {@code google.rpc} details that a server sends along with an error. */
final class ErrorDetails {
  private static final Metadata.Key<byte[]> TRAILER =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private ErrorDetails() {}

  /**
   * The exception for a call to {@code target} that failed with {@code error}.
   *
   * @param closed whether the client is closed, which gRPC reports as it does a server that is gone
   */
  static PixelzooException exception(StatusRuntimeException error, String target, boolean closed) {
    List<Any> details = details(error);
    ErrorInfo info = find(details, "ErrorInfo", ErrorInfo.parser(), ErrorInfo.getDefaultInstance());
    if (info.getReason().isEmpty() && closed && error.getStatus().getCode() == Status.Code.UNAVAILABLE) {
      String message = "the client is closed: make a new one, and close it after its last call";
      return new PixelzooException(Status.Code.CANCELLED, "CLIENT_CLOSED", message, error);
    }
    if (info.getReason().isEmpty()) {
      return withoutDetails(error, target);
    }
    BadRequest badRequest = find(details, "BadRequest", BadRequest.parser(), BadRequest.getDefaultInstance());
    RetryInfo retry = find(details, "RetryInfo", RetryInfo.parser(), RetryInfo.getDefaultInstance());
    return new PixelzooException(
        error.getStatus().getCode(),
        info.getReason(),
        error.getStatus().getDescription(),
        info.getMetadataMap(),
        badRequest.getFieldViolationsList().stream()
            .map(violation -> new FieldViolation(violation.getField(), violation.getDescription()))
            .toList(),
        retry.hasRetryDelay()
            ? Duration.ofSeconds(retry.getRetryDelay().getSeconds(), retry.getRetryDelay().getNanos())
            : null,
        error);
  }

  private static List<Any> details(StatusRuntimeException error) {
    byte[] trailer = error.getTrailers() == null ? null : error.getTrailers().get(TRAILER);
    if (trailer == null) {
      return List.of();
    }
    try {
      return com.pixelzoo.errors.Status.parseFrom(trailer).getDetailsList();
    } catch (InvalidProtocolBufferException damaged) {
      return List.of(); // The status code and the message are there all the same.
    }
  }

  /** Any.unpack would compare package names too, and ours differs on purpose: see error_details.proto. */
  private static <T> T find(List<Any> details, String kind, Parser<T> parser, T otherwise) {
    for (Any packed : details) {
      if (packed.getTypeUrl().equals("type.googleapis.com/google.rpc." + kind)) {
        try {
          return parser.parseFrom(packed.getValue());
        } catch (InvalidProtocolBufferException damaged) {
          return otherwise;
        }
      }
    }
    return otherwise;
  }

  /** The error of a call that no server of pixelzoo answered: gRPC itself did. */
  private static PixelzooException withoutDetails(StatusRuntimeException error, String target) {
    Status.Code code = error.getStatus().getCode();
    String description = description(error);
    return switch (code) {
      case UNAVAILABLE -> new PixelzooException(
          code,
          "SERVER_UNREACHABLE",
          "no server answers at " + target + ": start one with `pixelzoo serve`, or name another with PIXELZOO_TARGET; "
              + "if one runs there, does it want TLS? PIXELZOO_TLS_CA turns it on, and names whom to trust ("
              + description + ")",
          error);
      case DEADLINE_EXCEEDED -> new PixelzooException(
          code, code.name(), "the call to " + target + " took longer than its timeout", error);
      case CANCELLED -> new PixelzooException(
          code, code.name(), "the call to " + target + " was cancelled", error);
      default -> new PixelzooException(
          code, code.name(), target + " answered " + code + ": " + description, error);
    };
  }

  /** gRPC's own description, and what is at the bottom of it, such as a certificate that nobody vouches for. */
  private static String description(StatusRuntimeException error) {
    Throwable cause = error;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    String description = error.getStatus().getDescription();
    if (description == null) {
      return String.valueOf(cause.getMessage());
    }
    String said = description.lines().findFirst().orElse(""); // Netty's pipeline stands on the lines after it.
    return cause == error || cause.getMessage() == null ? said : said + ": " + cause.getMessage();
  }
}
