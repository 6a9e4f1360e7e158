package com.pixelzoo.client;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;

import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
    for (String target : new String[] {"zoo.example:50051", "127.0.0.1.evil.example:443"}) {
      PixelzooClient.Builder builder = PixelzooClient.builder().target(target).token("secret");
      PixelzooException error = assertThrows(PixelzooException.class, builder::build);
      assertEquals("INSECURE_TOKEN", error.reason());
    }
  }

  @Test
  public void tokensHaveNoEndOfALine() {
    assertRefused(
        "token: has characters that no token has, such as the end of a line: copy it anew",
        PixelzooClient.builder().token("secret\n")::build);
  }

  @Test
  public void filesMustBeReadable() throws IOException {
    assertRefused(
        "authority: /no/such.pem: there is no such file: name a PEM file of certificates",
        PixelzooClient.builder().authority(Path.of("/no/such.pem"))::build);
    assertRefused(
        "authority: " + folder.getRoot() + ": it cannot be read (java.io.IOException: Is a directory): "
            + "name a PEM file of certificates",
        PixelzooClient.builder().authority(folder.getRoot().toPath())::build);
  }

  @Test
  public void filesMustHoldCertificates() throws IOException {
    Path file = folder.newFile("authority.pem").toPath();
    Files.writeString(file, "hello");
    assertRefused(
        "authority: " + file + ": it has no certificate: name a PEM file of certificates",
        PixelzooClient.builder().authority(file)::build);
    Files.writeString(file, "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n");
    assertRefused(
        "authority: " + file + ": it has a damaged certificate: name a PEM file of certificates",
        PixelzooClient.builder().authority(file)::build);
  }

  @Test
  public void encryptionNeedsTheAuthorities() {
    assertRefused(
        "serverName: zoo.example: nothing is encrypted: set authority too",
        PixelzooClient.builder().serverName("zoo.example")::build);
    assertRefused(
        "PIXELZOO_TLS_CLIENT_CERTIFICATE: c.pem: nothing is encrypted: set PIXELZOO_TLS_CA too",
        () -> PixelzooClient.from(Map.of("PIXELZOO_TLS_CLIENT_CERTIFICATE", "c.pem")));
    assertRefused(
        "PIXELZOO_TLS_CLIENT_CERTIFICATE: c.pem: its key is missing: set PIXELZOO_TLS_CLIENT_KEY too",
        () -> PixelzooClient.from(Map.of("PIXELZOO_TLS_CA", "system", "PIXELZOO_TLS_CLIENT_CERTIFICATE", "c.pem")));
    assertRefused(
        "PIXELZOO_TLS_CLIENT_KEY: k.pem: its certificate is missing: set PIXELZOO_TLS_CLIENT_CERTIFICATE too",
        () -> PixelzooClient.from(Map.of("PIXELZOO_TLS_CA", "system", "PIXELZOO_TLS_CLIENT_KEY", "k.pem")));
  }

  @Test
  public void variablesAreNamed() {
    assertRefused(
        "PIXELZOO_TLS_CA: /no/such.pem: there is no such file: name a PEM file of certificates",
        () -> PixelzooClient.from(Map.of("PIXELZOO_TLS_CA", "/no/such.pem")));
  }

  @Test
  public void addressesAndNamesAreThoseOfHosts() {
    for (String target : new String[] {"a b:1", "http://zoo.example:1", "localhost:65536"}) {
      assertRefused(
          "PIXELZOO_TARGET: " + target + ": it is no address: name a server as host:port",
          () -> PixelzooClient.from(Map.of("PIXELZOO_TARGET", target)));
    }
    assertRefused(
        "serverName: a b: it is no name of a host: name the one in the server's certificate",
        PixelzooClient.builder().systemAuthorities().serverName("a b")::build);
  }

  static void assertRefused(String message, ThrowingRunnable build) {
    PixelzooException error = assertThrows(PixelzooException.class, build);
    assertEquals(message, error.getMessage());
    assertEquals(Status.Code.INVALID_ARGUMENT, error.code());
    assertEquals("INVALID_SETTING", error.reason());
  }
}
