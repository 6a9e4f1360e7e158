package com.pixelzoo.client;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import com.pixelzoo.v1.ModelSelector;
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
}
