package com.pixelzoo.client;

import com.pixelzoo.v1.Model;
import com.pixelzoo.v1.ModelSelector;
import io.grpc.Status;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;

/** Models and classes by their names. */
public final class Models {
  private Models() {}

  /**
   * The model "name", its version "name@3", or the version with a label, "name@stable". Whatever stands behind "@" and
   * is no version, 0 to 2^64 - 1, counts as a label; the server says whether there is such a one.
   */
  public static ModelSelector named(String name) {
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
   * The label of a class, given by its name in the model's card, in any case, or by its number.
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
    List<String> classes = model.getCard().getClassesList();
    for (int label = 0; label < classes.size(); label++) {
      if (classes.get(label).equalsIgnoreCase(className)) {
        return label;
      }
    }
    String names = classes.isEmpty() ? "none" : String.join(", ", classes);
    String rule = model.getName() + " has no class '" + className + "'; it has: " + names;
    throw new PixelzooException(
        Status.Code.INVALID_ARGUMENT,
        "INVALID_FIELD",
        "labels: " + rule,
        Map.of(),
        List.of(new FieldViolation("labels", rule)),
        null,
        null);
  }
}
