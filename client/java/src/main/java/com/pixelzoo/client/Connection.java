package com.pixelzoo.client;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** How the client connects: encryption, message sizes, keepalive and retries. */
final class Connection {
  /** gRPC's own limit, 4 MiB, is one raw 1024 x 1024 RGB picture and a bit; servers send 256 MiB of pixels at most. */
  private static final int MAX_RECEIVE_BYTES = 260 << 20;

  /**
   * Only UNAVAILABLE is repeated: it says that the server did not take the call on. A stream is repeated only if
   * nothing of it has arrived yet. gRPC varies each wait, so that clients do not come back all at once. A server that
   * goes away fails every call in flight at once, and repetitions end when half of the tokens are gone, so there must
   * be far more of them than calls. Each success gives one back.
   */
  private static final Map<String, ?> SERVICE_CONFIG =
      Map.of(
          "methodConfig",
          List.of(
              Map.of(
                  "name", List.of(Map.of()),
                  "retryPolicy",
                      Map.of(
                          "maxAttempts", 4.0,
                          "initialBackoff", "0.2s",
                          "maxBackoff", "2s",
                          "backoffMultiplier", 2.0,
                          "retryableStatusCodes", List.of("UNAVAILABLE")))),
          "retryThrottling", Map.of("maxTokens", 1000.0, "tokenRatio", 1.0));

  private Connection() {}

  /**
   * Opens a channel, encrypted if there is the file of an authority.
   *
   * @param authority PEM file of the authority that vouches for the server; null for none
   * @throws UncheckedIOException the file cannot be read
   */
  static ManagedChannel open(String target, Path authority) {
    return Grpc.newChannelBuilder(target, credentials(authority))
        .maxInboundMessageSize(MAX_RECEIVE_BYTES)
        .defaultServiceConfig(SERVICE_CONFIG)
        .enableRetry()
        // Servers close the connection of a client that pings more often than they allow; once a minute is safe.
        .keepAliveTime(60, TimeUnit.SECONDS)
        .keepAliveTimeout(20, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(false)
        .build();
  }

  /** Throws PixelzooException INSECURE_TOKEN where a token would be readable on its way. */
  static void checkToken(String target, Path authority) {
    if (authority == null && !isLoopback(target)) {
      throw new PixelzooException(
          Status.Code.UNAUTHENTICATED,
          "INSECURE_TOKEN",
          "the token would go to " + target + " unencrypted: use TLS (Builder.authority, or PIXELZOO_TLS_CA)",
          null);
    }
  }

  private static ChannelCredentials credentials(Path authority) {
    if (authority == null) {
      return InsecureChannelCredentials.create();
    }
    try {
      return TlsChannelCredentials.newBuilder().trustManager(authority.toFile()).build();
    } catch (IOException error) {
      throw new UncheckedIOException("cannot read the authority's certificate " + authority, error);
    }
  }

  /** Whether "host:port" is on this machine. */
  private static boolean isLoopback(String target) {
    String host = target.substring(0, Math.max(target.lastIndexOf(':'), 0));
    return host.equals("localhost") || host.equals("[::1]") || host.matches("127\\.\\d+\\.\\d+\\.\\d+");
  }
}
