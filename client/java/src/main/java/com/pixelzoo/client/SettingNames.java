package com.pixelzoo.client;

import io.grpc.Status;
import java.util.List;
import java.util.Map;

/** What an error calls the settings of a client: as the builder does, or as the variables that they came from. */
record SettingNames(
    String target, String authority, String serverName, String clientCertificate, String clientKey, String token) {
  static final SettingNames BUILDER =
      new SettingNames("target", "authority", "serverName", "clientCertificate", "clientCertificate's key", "token");
  static final SettingNames ENVIRONMENT =
      new SettingNames(
          "PIXELZOO_TARGET",
          "PIXELZOO_TLS_CA",
          "PIXELZOO_TLS_SERVER_NAME",
          "PIXELZOO_TLS_CLIENT_CERTIFICATE",
          "PIXELZOO_TLS_CLIENT_KEY",
          "PIXELZOO_TOKEN");

  /**
   * The error for a setting that cannot be.
   *
   * @param rule its value, unless it is secret, what is wrong with it, and what to do, with colons between
   */
  static PixelzooException invalid(String setting, String rule, Throwable cause) {
    return new PixelzooException(
        Status.Code.INVALID_ARGUMENT,
        "INVALID_SETTING",
        setting + ": " + rule,
        Map.of("setting", setting),
        List.of(),
        null,
        cause);
  }
}
