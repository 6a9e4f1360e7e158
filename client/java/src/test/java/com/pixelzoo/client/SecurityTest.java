package com.pixelzoo.client;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assume.assumeTrue;

import com.pixelzoo.v1.ModelSelector;
import io.grpc.Status;
import java.nio.file.Path;
import org.junit.Test;

/**
 * The client against the server PIXELZOO_TLS_SERVER, which wants TLS, by the authority PIXELZOO_CA_FILE, and the token
 * PIXELZOO_TOKEN; and what it does without a server.
 */
public final class SecurityTest {
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
    String server = System.getenv("PIXELZOO_TLS_SERVER");
    assumeTrue("PIXELZOO_TLS_SERVER is not set", server != null && !server.isEmpty());
    try (PixelzooClient zoo = PixelzooClient.builder().target(server).build()) {
      PixelzooException error = assertThrows(PixelzooException.class, zoo::listModels);
      assertEquals("SERVER_UNREACHABLE", error.reason());
    }
  }

  @Test
  public void tokensAreNotSentInTheClearToOtherMachines() {
    for (String target : new String[] {"zoo.example:50051", "127.0.0.1.evil.example:443"}) {
      PixelzooClient.Builder builder = PixelzooClient.builder().target(target).token("secret");
      PixelzooException error = assertThrows(PixelzooException.class, builder::build);
      assertEquals("INSECURE_TOKEN", error.reason());
    }
  }

  @Test
  public void modelsMayBeNamedWithAVersionOrItsLabel() {
    assertEquals(3, Models.named("vae@3").getVersion());
    assertEquals("stable", Models.named("vae@stable").getVersionLabel());
    assertEquals(
        ModelSelector.VersionChoiceCase.VERSIONCHOICE_NOT_SET, Models.named("vae").getVersionChoiceCase());
  }

  private static PixelzooClient.Builder secure() {
    String server = System.getenv("PIXELZOO_TLS_SERVER");
    assumeTrue("PIXELZOO_TLS_SERVER is not set", server != null && !server.isEmpty());
    return PixelzooClient.builder().target(server).authority(Path.of(System.getenv("PIXELZOO_CA_FILE")));
  }
}
