package com.pixelzoo.client;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import com.pixelzoo.v1.ModelSelector;
import io.grpc.Status;
import java.util.List;
import java.util.Map;
import org.junit.Test;

/** Models by their names. */
public final class ModelsTest {
  @Test
  public void mayBeNamedWithAVersionOrItsLabel() {
    assertEquals(3, Models.named("vae@3").getVersion());
    assertEquals("stable", Models.named("vae@stable").getVersionLabel());
    assertEquals(
        ModelSelector.VersionChoiceCase.VERSIONCHOICE_NOT_SET, Models.named("vae").getVersionChoiceCase());
    assertEquals("18446744073709551615", Long.toUnsignedString(Models.named("vae@18446744073709551615").getVersion()));
  }

  @Test
  public void whateverIsNoVersionIsALabelForTheServerToJudge() {
    for (String label : new String[] {"", "18446744073709551616", "-1", "3 ", "1@2", "\u0663"}) {
      ModelSelector selector = Models.named("vae@" + label);
      assertEquals("vae", selector.getName());
      assertTrue(label, selector.hasVersionLabel());
      assertEquals(label, selector.getVersionLabel());
    }
  }

  @Test
  public void namesAreOfWholeCharacters() {
    PixelzooException error = assertThrows(PixelzooException.class, () -> Models.named("bad\ud800"));
    assertEquals("model: must be UTF-8, and is \"bad\\ud800\"", error.getMessage());
    assertEquals(Status.Code.INVALID_ARGUMENT, error.code());
    assertEquals("INVALID_FIELD", error.reason());
    assertEquals(List.of(new FieldViolation("model", "must be UTF-8, and is \"bad\\ud800\"")), error.violations());
    assertEquals(Map.of("field", "model"), error.metadata());
    assertEquals("\ud83d\uddbc", Models.named("\ud83d\uddbc@1").getName());
  }
}
