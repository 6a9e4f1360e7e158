package com.pixelzoo.examples;

import com.pixelzoo.client.Models;
import com.pixelzoo.client.Pictures;
import com.pixelzoo.client.PixelzooClient;
import com.pixelzoo.client.ResultStream;
import com.pixelzoo.v1.Direction;
import com.pixelzoo.v1.StreamTranslateRequest;
import com.pixelzoo.v1.StreamTranslateResponse;
import com.pixelzoo.v1.TranslateRequest;
import com.pixelzoo.v1.TranslatedImage;
import java.io.IOException;
import java.nio.file.Path;

/** Turns a picture into another and writes it as a PNG file. */
final class Translate {
  private static final String USAGE =
      """
      translate MODEL PICTURE [--direction a_to_b|b_to_a] [--strength 0..1] [--class NAME|NUMBER] [--seed SEED]
                       [-o FILE.png]""";
  private static final String[] OPTIONS = {"--direction", "--strength", "--class", "--seed", "-o"};

  public static void main(String[] arguments) {
    Program.run(USAGE, 2, 2, arguments, OPTIONS, Translate::run);
  }

  private static void run(Arguments arguments, PixelzooClient zoo) throws IOException {
    StreamTranslateRequest request =
        StreamTranslateRequest.newBuilder().setTranslate(request(arguments, zoo)).build();
    try (ResultStream<StreamTranslateResponse> events = zoo.streamTranslate(request)) {
      for (StreamTranslateResponse event : events) {
        switch (event.getEventCase()) {
          case PROGRESS -> Program.show(event.getProgress());
          case IMAGE -> write(event.getImage(), arguments);
          default -> {} // Previews, which were not asked for, and whatever newer servers tell.
        }
      }
    }
  }

  private static TranslateRequest request(Arguments arguments, PixelzooClient zoo) throws IOException {
    String model = arguments.words.get(0);
    TranslateRequest.Builder request =
        TranslateRequest.newBuilder()
            .setModel(Models.named(model))
            .addImages(Pictures.read(Path.of(arguments.words.get(1))));
    arguments.get("--seed", Long::parseUnsignedLong).ifPresent(request::setSeed);
    arguments.get("--class").map(name -> Models.label(zoo.getModel(model), name)).ifPresent(request::addLabels);

    // The first is for models of two domains, the second for diffusion models.
    arguments
        .choice("--direction", Direction.class, "DIRECTION_")
        .ifPresent(way -> request.getOptionsBuilder().getAdversarialBuilder().setDirection(way));
    arguments
        .get("--strength", Float::parseFloat)
        .ifPresent(strength -> request.getOptionsBuilder().getDiffusionBuilder().setStrength(strength));
    return request.build();
  }

  private static void write(TranslatedImage image, Arguments arguments) throws IOException {
    Path file = Path.of(arguments.get("-o").orElse("translated.png"));
    Pictures.write(file, image.getImage());
    System.out.println(file + ": " + image.getRecipe().getModel() + " of " + arguments.words.get(1));
  }
}
