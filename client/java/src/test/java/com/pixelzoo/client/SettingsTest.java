package com.pixelzoo.client;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.Rule;
import org.junit.Test;
import org.junit.function.ThrowingRunnable;
import org.junit.rules.TemporaryFolder;

/** Settings that cannot be are refused, by their name, before anything is sent. */
public final class SettingsTest {
  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  @Test
  public void tokensAreNotSentInTheClearToOtherMachines() {
    for (String target :
        new String[] {
          "zoo.example:50051", "127.0.0.1.evil.example:443", "127.example:443", "127.0.0.256:443",
          "dns:///zoo.example:1"
        }) {
      PixelzooClient.Builder builder = PixelzooClient.builder().target(target).token("secret");
      PixelzooException error = assertThrows(PixelzooException.class, builder::build);
      assertEquals(target, "INSECURE_TOKEN", error.reason());
      assertEquals(
          "the token would go to " + target + " unencrypted: use TLS, such as by PIXELZOO_TLS_CA", error.getMessage());
    }
    for (String target : new String[] {"localhost:1", "127.255.0.2:1", "[::1]:1", "dns:///localhost:1"}) {
      PixelzooClient.builder().target(target).token("secret").build().close();
    }
  }

  @Test
  public void whatIsOnThisMachine() {
    for (String target :
        new String[] {"ipv4:127.0.0.1:1,127.0.0.2:1", "ipv6:[::1]:1", "unix:/run/zoo", "unix-abstract:zoo"}) {
      assertTrue(target, Address.isLoopback(target));
    }
    for (String target :
        new String[] {
          "ipv4:127.0.0.1:1,10.0.0.1:1", "ipv6:[::2]:1", "dns://8.8.8.8/localhost:1", "xds:///localhost:1", "localhost"
        }) {
      assertFalse(target, Address.isLoopback(target));
    }
  }

  @Test
  public void tokensHaveNoSpaceAndNoEndOfALine() {
    for (String token : new String[] {"secret\n", "se cret", "\u007f", "\u00fc"}) {
      assertRefused(
          "token: has characters that no token has: give the one that the server's operator gave",
          PixelzooClient.builder().token(token)::build);
    }
    assertRefused(
        "token: is empty: give the one that the server's operator gave", PixelzooClient.builder().token("")::build);
  }

  @Test
  public void filesMustBeReadable() throws IOException {
    assertRefused(
        "authority: /no/such.pem: there is no such file: name a PEM file of certificates, or say system",
        PixelzooClient.builder().authority(Path.of("/no/such.pem"))::build);
    assertRefused(
        "authority: " + folder.getRoot() + ": cannot be read (java.io.IOException: Is a directory): "
            + "name a PEM file of certificates, or say system",
        PixelzooClient.builder().authority(folder.getRoot().toPath())::build);
  }

  @Test
  public void filesMustHoldCertificates() throws IOException {
    Path file = folder.newFile("authority.pem").toPath();
    Files.writeString(file, "hello");
    assertRefused(
        "authority: " + file + ": has no PEM certificate: name a PEM file of certificates, or say system",
        PixelzooClient.builder().authority(file)::build);
    Files.writeString(file, "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n");
    assertRefused(
        "authority: " + file
            + ": has a certificate that cannot be read: name a PEM file of certificates, or say system",
        PixelzooClient.builder().authority(file)::build);
  }

  @Test
  public void encryptionNeedsTheAuthorities() {
    assertRefused(
        "serverName: zoo.example: nothing is encrypted without authority: set that too, to system or a PEM file",
        PixelzooClient.builder().serverName("zoo.example")::build);
    assertRefused(
        "PIXELZOO_TLS_CLIENT_CERTIFICATE: c.pem: nothing is encrypted without PIXELZOO_TLS_CA: set that too, to system "
            + "or a PEM file",
        () -> PixelzooClient.from(Map.of("PIXELZOO_TLS_CLIENT_CERTIFICATE", "c.pem")));
    assertRefused(
        "PIXELZOO_TLS_CLIENT_CERTIFICATE: c.pem: has no key beside it: set PIXELZOO_TLS_CLIENT_KEY too",
        () -> PixelzooClient.from(Map.of("PIXELZOO_TLS_CA", "system", "PIXELZOO_TLS_CLIENT_CERTIFICATE", "c.pem")));
    assertRefused(
        "PIXELZOO_TLS_CLIENT_KEY: k.pem: has no certificate beside it: set PIXELZOO_TLS_CLIENT_CERTIFICATE too",
        () -> PixelzooClient.from(Map.of("PIXELZOO_TLS_CA", "system", "PIXELZOO_TLS_CLIENT_KEY", "k.pem")));
  }

  @Test
  public void variablesAreNamed() {
    assertRefused(
        "PIXELZOO_TLS_CA: /no/such.pem: there is no such file: name a PEM file of certificates, or say system",
        () -> PixelzooClient.from(Map.of("PIXELZOO_TLS_CA", "/no/such.pem")));
  }

  @Test
  public void addressesAndNamesAreThoseOfHosts() {
    for (String target :
        new String[] {
          "a b:1", "http://zoo.example:1", "zoo.example/x:1", "localhost", "localhost:0", "localhost:65536",
          "localhost:110879", "localhost:http", "localhost:\u0663", "::1:50051", ":1", "ipv4:127.0.0.1:1"
        }) {
      assertRefused(
          "PIXELZOO_TARGET: " + target + ": must be host:port, with a port from 1 to 65535",
          () -> PixelzooClient.from(Map.of("PIXELZOO_TARGET", target)));
    }
    assertRefused(
        "serverName: a b: is no host name: give the one in the server's certificate",
        PixelzooClient.builder().systemAuthorities().serverName("a b")::build);
    for (String target : new String[] {"[::1]:65535", "dns:localhost:1", "dns:///localhost:1"}) {
      PixelzooClient.builder().target(target).build().close();
    }
  }

  @Test
  public void timesAreNotNegative() {
    assertRefused(
        "timeout: must be at least 0 seconds, and is PT-1S",
        () -> PixelzooClient.builder().timeout(Duration.ofSeconds(-1)));
    try (PixelzooClient zoo = PixelzooClient.builder().build()) {
      Duration least = Duration.ofSeconds(Long.MIN_VALUE);
      assertRefused("timeout: must be at least 0 seconds, and is " + least, () -> zoo.withTimeout(least));
    }
  }

  static void assertRefused(String message, ThrowingRunnable build) {
    PixelzooException error = assertThrows(PixelzooException.class, build);
    assertEquals(message, error.getMessage());
    assertEquals(Status.Code.INVALID_ARGUMENT, error.code());
    assertEquals("INVALID_SETTING", error.reason());
    assertEquals(Map.of("setting", message.substring(0, message.indexOf(':'))), error.metadata());
  }
}
