package com.pixelzoo.client;

import static com.pixelzoo.client.SettingsTest.assertRefused;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;
import static org.junit.Assume.assumeTrue;

import io.grpc.Status;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Map;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

/**
 * The client against the server PIXELZOO_TLS_SERVER, which wants TLS, by the authority PIXELZOO_CA_FILE, and the token
 * PIXELZOO_TOKEN; and against the server PIXELZOO_MTLS_SERVER, which wants the client's certificate,
 * PIXELZOO_MTLS_CERTIFICATE with PIXELZOO_MTLS_KEY.
 */
public final class SecurityTest {
  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  @Test
  public void whoHasTheTokenAndTheAuthorityIsAnswered() {
    try (PixelzooClient zoo = secure().token(System.getenv("PIXELZOO_TOKEN")).build()) {
      assertFalse(zoo.listModels().isEmpty());
    }
  }

  @Test
  public void whoHasNoTokenIsRefused() {
    try (PixelzooClient zoo = secure().build()) {
      PixelzooException error = assertThrows(PixelzooException.class, zoo::listModels);
      assertEquals(Status.Code.UNAUTHENTICATED, error.code());
      assertEquals("UNAUTHENTICATED", error.reason());
    }
  }

  @Test
  public void whoSpeaksInTheClearGetsNoAnswer() {
    try (PixelzooClient zoo = PixelzooClient.builder().target(variable("PIXELZOO_TLS_SERVER")).build()) {
      PixelzooException error = assertThrows(PixelzooException.class, zoo::listModels);
      assertEquals("SERVER_UNREACHABLE", error.reason());
    }
  }

  @Test
  public void whoTrustsOthersAsJavaDoesIsNotAnsweredByAStranger() {
    PixelzooClient.Builder trusting = PixelzooClient.builder().systemAuthorities();
    try (PixelzooClient zoo = trusting.target(variable("PIXELZOO_TLS_SERVER")).build()) {
      PixelzooException error = assertThrows(PixelzooException.class, zoo::listModels);
      assertEquals("SERVER_UNREACHABLE", error.reason());
      assertTrue(error.getMessage(), error.getMessage().contains("unable to find valid certification path"));
    }
  }

  @Test
  public void systemAuthoritiesAreThoseOfTheKeyStoreThatJavaIsTold() throws Exception {
    Path store = folder.newFile("trusted.p12").toPath();
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null);
    try (InputStream file = Files.newInputStream(Path.of(variable("PIXELZOO_CA_FILE")))) {
      trusted.setCertificateEntry("ours", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    try (OutputStream file = Files.newOutputStream(store)) {
      trusted.store(file, "changeit".toCharArray());
    }
    Map<String, String> variables =
        Map.of(
            "PIXELZOO_TARGET", variable("PIXELZOO_TLS_SERVER"),
            "PIXELZOO_TLS_CA", "system",
            "PIXELZOO_TOKEN", variable("PIXELZOO_TOKEN"));
    System.setProperty("javax.net.ssl.trustStore", store.toString());
    System.setProperty("javax.net.ssl.trustStorePassword", "changeit");
    try (PixelzooClient zoo = PixelzooClient.from(variables)) {
      assertFalse(zoo.listModels().isEmpty());
    } finally {
      System.clearProperty("javax.net.ssl.trustStore");
      System.clearProperty("javax.net.ssl.trustStorePassword");
    }
  }

  @Test
  public void serversMustHaveTheNameThatIsSet() {
    String token = variable("PIXELZOO_TOKEN");
    String address = variable("PIXELZOO_TLS_SERVER").replace("localhost", "127.0.0.1");
    try (PixelzooClient zoo = secure().target(address).serverName("localhost").token(token).build()) {
      assertFalse(zoo.listModels().isEmpty());
    }
    try (PixelzooClient zoo = secure().serverName("zoo.example").token(token).build()) {
      PixelzooException error = assertThrows(PixelzooException.class, zoo::listModels);
      assertTrue(error.getMessage(), error.getMessage().contains("zoo.example"));
    }
  }

  @Test
  public void whoHasACertificateIsAnsweredByWhoAsksForOne() {
    try (PixelzooClient zoo = mutual().clientCertificate(certificate(), key()).build()) {
      assertFalse(zoo.listModels().isEmpty());
    }
    Map<String, String> variables =
        Map.of(
            "PIXELZOO_TARGET", variable("PIXELZOO_MTLS_SERVER"),
            "PIXELZOO_TLS_CA", variable("PIXELZOO_CA_FILE"),
            "PIXELZOO_TLS_SERVER_NAME", "localhost",
            "PIXELZOO_TLS_CLIENT_CERTIFICATE", certificate().toString(),
            "PIXELZOO_TLS_CLIENT_KEY", key().toString(),
            "PIXELZOO_TOKEN", "");
    try (PixelzooClient zoo = PixelzooClient.from(variables)) {
      assertFalse(zoo.listModels().isEmpty());
    }
  }

  @Test
  public void whoHasNoCertificateIsNotAnsweredByWhoAsksForOne() {
    try (PixelzooClient zoo = mutual().build()) {
      PixelzooException error = assertThrows(PixelzooException.class, zoo::listModels);
      assertEquals("SERVER_UNREACHABLE", error.reason());
    }
  }

  @Test
  public void keysBelongToTheirCertificates() {
    Path authority = Path.of(variable("PIXELZOO_CA_FILE"));
    assertRefused(
        "clientCertificate's key: " + key() + ": is not the key of the certificate: name the PEM file of its key, "
            + "without a password",
        mutual().clientCertificate(authority, key())::build);
    assertRefused(
        "clientCertificate's key: " + certificate() + ": cannot be read as a key: name the PEM file of its "
            + "key, without a password",
        mutual().clientCertificate(certificate(), certificate())::build);
  }

  private static PixelzooClient.Builder mutual() {
    return secure().target(variable("PIXELZOO_MTLS_SERVER"));
  }

  private static PixelzooClient.Builder secure() {
    return PixelzooClient.builder()
        .target(variable("PIXELZOO_TLS_SERVER"))
        .authority(Path.of(variable("PIXELZOO_CA_FILE")));
  }

  private static Path certificate() {
    return Path.of(variable("PIXELZOO_MTLS_CERTIFICATE"));
  }

  private static Path key() {
    return Path.of(variable("PIXELZOO_MTLS_KEY"));
  }

  private static String variable(String name) {
    String value = System.getenv(name);
    assumeTrue(name + " is not set", value != null && !value.isEmpty());
    return value;
  }
}
