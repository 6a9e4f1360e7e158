package com.pixelzoo.client;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.ManagedChannelProvider;
import io.grpc.Status;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

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

  private static final Pattern SERVER_NAME = Pattern.compile("[A-Za-z0-9._:-]+");

  private Connection() {}

  /** Opens a channel. Throws PixelzooException INVALID_SETTING for settings that cannot be. */
  static ManagedChannel open(String target, Tls tls, SettingNames names) {
    if (!Address.isTarget(target)) {
      throw unusableTarget(target, names, null);
    }
    if (tls.serverName() != null && !SERVER_NAME.matcher(tls.serverName()).matches()) {
      throw unusableServerName(tls.serverName(), names, null);
    }
    ChannelCredentials credentials = tls.credentials(names);
    ManagedChannelBuilder<?> channel;
    try {
      channel = Grpc.newChannelBuilder(target.replaceFirst("^dns:(?!/)", "dns:///"), credentials);
    } catch (IllegalArgumentException | ManagedChannelProvider.ProviderNotFoundException error) {
      throw unusableTarget(target, names, error);
    }
    if (tls.serverName() != null) {
      try {
        channel.overrideAuthority(tls.serverName());
      } catch (IllegalArgumentException error) {
        throw unusableServerName(tls.serverName(), names, error);
      }
    }
    channel
        .maxInboundMessageSize(MAX_RECEIVE_BYTES)
        .defaultServiceConfig(SERVICE_CONFIG)
        .enableRetry()
        // Servers close the connection of a client that pings more often than they allow; once a minute is safe.
        .keepAliveTime(60, TimeUnit.SECONDS)
        .keepAliveTimeout(20, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(false);
    try {
      return channel.build();
    } catch (IllegalArgumentException error) {
      throw unusableTarget(target, names, error);
    }
  }

  private static PixelzooException unusableTarget(String target, SettingNames names, Exception cause) {
    return SettingNames.invalid(names.target(), target + ": must be host:port, with a port from 1 to 65535", cause);
  }

  private static PixelzooException unusableServerName(String name, SettingNames names, Exception cause) {
    String rule = name + ": is no host name: give the one in the server's certificate";
    return SettingNames.invalid(names.serverName(), rule, cause);
  }

  /**
   * Throws PixelzooException INVALID_SETTING for a token that cannot be sent as it is, and INSECURE_TOKEN where it
   * would be readable on its way.
   */
  static void checkToken(String token, String target, Tls tls, SettingNames names) {
    if (!token.chars().allMatch(character -> '!' <= character && character <= '~')) {
      String rule = "has characters that no token has: give the one that the server's operator gave";
      throw SettingNames.invalid(names.token(), rule, null);
    }
    if (token.isEmpty()) {
      throw SettingNames.invalid(names.token(), "is empty: give the one that the server's operator gave", null);
    }
    if (!tls.encrypted() && !Address.isLoopback(target)) {
      throw new PixelzooException(
          Status.Code.UNAUTHENTICATED,
          "INSECURE_TOKEN",
          "the token would go to " + target + " unencrypted: use TLS, such as by PIXELZOO_TLS_CA",
          null);
    }
  }
}
