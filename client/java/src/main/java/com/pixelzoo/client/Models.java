package com.pixelzoo.client;

import com.pixelzoo.v1.Model;
import com.pixelzoo.v1.ModelSelector;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Models and classes by their names. */
public final class Models {
  /** More classes than a model has: the server refuses it whatever the card turns out to say. */
  private static final int NO_LABEL = Integer.MAX_VALUE;

  private Models() {}

  /**
   * The model "name", its version "name@3", or the version with a label, "name@stable". Whatever stands behind "@" and
   * is no version, 0 to 2^64 - 1, counts as a label; the server says whether there is such a one.
   *
   * @throws PixelzooException INVALID_FIELD for half of a surrogate pair, which cannot be sent
   */
  public static ModelSelector named(String name) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(name)) {
      throw PixelzooException.invalidField("model", "must be UTF-8, and is " + quoted(name));
    }
    String[] parts = name.split("@", 2);
    ModelSelector.Builder selector = ModelSelector.newBuilder().setName(parts[0]);
    if (parts.length == 1) {
      return selector.build();
    }
    if (parts[1].matches("[0-9]+")) {
      BigInteger version = new BigInteger(parts[1]);
      if (version.bitLength() <= Long.SIZE) {
        return selector.setVersion(version.longValue()).build(); // A negative long is what Java has for 2^63 and above.
      }
    }
    return selector.setVersionLabel(parts[1]).build();
  }

  /**
   * The label of a class, given by its name in the model's card, in any case, or by its number. A model of which no
   * version is available has no card: then it is a label that no model has, so that the call with it brings the
   * server's answer, such as MODEL_FAILED.
   *
   * @throws PixelzooException INVALID_FIELD, with the names that there are, for anything else
   */
  public static int label(Model model, String className) {
    if (className.matches("-?[0-9]+")) {
      BigInteger number = new BigInteger(className);
      if (number.bitLength() < Integer.SIZE) {
        return number.intValue();
      }
    }
    if (!model.hasCard()) {
      return NO_LABEL;
    }
    List<String> classes = model.getCard().getClassesList();
    for (int label = 0; label < classes.size(); label++) {
      if (classes.get(label).equalsIgnoreCase(className)) {
        return label;
      }
    }
    String names = classes.isEmpty() ? "none" : String.join(", ", classes);
    String rule = model.getName() + " has no class '" + className + "'; it has: " + names;
    throw PixelzooException.invalidField("labels", rule);
  }

  /** The text in quotes, with every half of a character, which UTF-8 does not have, by its number. */
  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    text.codePoints()
        .forEach(
            point -> {
              if (Character.getType(point) == Character.SURROGATE) {
                quoted.append("\\u").append(Integer.toHexString(point));
              } else {
                quoted.appendCodePoint(point);
              }
            });
    return quoted.append('"').toString();
  }
}
