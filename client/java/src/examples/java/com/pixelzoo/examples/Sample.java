package com.pixelzoo.examples;

import com.pixelzoo.client.Models;
import com.pixelzoo.client.Pictures;
import com.pixelzoo.client.PixelzooClient;
import com.pixelzoo.client.ResultStream;
import com.pixelzoo.v1.DiffusionOptions;
import com.pixelzoo.v1.GeneratedImage;
import com.pixelzoo.v1.Recipe;
import com.pixelzoo.v1.SampleRequest;
import com.pixelzoo.v1.Sampler;
import com.pixelzoo.v1.StreamSampleRequest;
import com.pixelzoo.v1.StreamSampleResponse;
import java.io.IOException;
import java.nio.file.Path;

/** Draws pictures and writes each as a PNG file. */
final class Sample {
  private static final String USAGE =
      """
      sample MODEL [-n COUNT] [--seed SEED] [--class NAME|NUMBER] [--sampler ddpm|ddim|dpm_solver_pp_2m]
                    [--steps STEPS] [--guidance STRENGTH] [-o FILE.png]""";
  private static final String[] OPTIONS = {
    "-n", "--seed", "--class", "--sampler", "--steps", "--guidance", "-o"
  };

  public static void main(String[] arguments) {
    Program.run(USAGE, 1, 1, arguments, OPTIONS, Sample::run);
  }

  private static void run(Arguments arguments, PixelzooClient zoo) throws IOException {
    StreamSampleRequest request =
        StreamSampleRequest.newBuilder().setSample(request(arguments, zoo)).build();
    try (ResultStream<StreamSampleResponse> events = zoo.streamSample(request)) {
      for (StreamSampleResponse event : events) {
        switch (event.getEventCase()) {
          case PROGRESS -> Program.show(event.getProgress());
          case IMAGE -> write(event.getImage(), arguments);
          default -> {} // Previews, which were not asked for, and whatever newer servers tell.
        }
      }
    }
  }

  private static SampleRequest request(Arguments arguments, PixelzooClient zoo) {
    String model = arguments.words.get(0);
    SampleRequest.Builder request = SampleRequest.newBuilder().setModel(Models.named(model));
    arguments.get("-n", Integer::parseUnsignedInt).ifPresent(request::setCount);
    arguments.get("--seed", Long::parseUnsignedLong).ifPresent(request::setSeed);
    arguments.get("--class").map(name -> Models.label(zoo.getModel(model), name)).ifPresent(request::addLabels);

    // Only diffusion models have these; what is not set takes the default of the model's card.
    DiffusionOptions.Builder diffusion = DiffusionOptions.newBuilder();
    arguments.choice("--sampler", Sampler.class, "SAMPLER_").ifPresent(diffusion::setSampler);
    arguments.get("--steps", Integer::parseUnsignedInt).ifPresent(diffusion::setSteps);
    arguments.get("--guidance", Float::parseFloat).ifPresent(diffusion::setGuidance);
    if (!diffusion.build().equals(DiffusionOptions.getDefaultInstance())) {
      request.getOptionsBuilder().setDiffusion(diffusion);
    }
    return request.build();
  }

  private static void write(GeneratedImage image, Arguments arguments) throws IOException {
    Path file = file(image, arguments);
    Pictures.write(file, image.getImage());
    Recipe recipe = image.getRecipe();
    System.out.println(file + ": " + recipe.getModel() + "@" + recipe.getVersion() + ", seed " + recipe.getSeed());
  }

  /** FILE.png for one picture, FILE-0.png, FILE-1.png ... for several. */
  private static Path file(GeneratedImage image, Arguments arguments) {
    String name = arguments.get("-o").orElse("sample.png");
    boolean one = arguments.get("-n").orElse("1").equals("1");
    return Path.of(one ? name : name.replaceFirst("(\\.[^./]*)?$", "-" + image.getIndex() + "$1"));
  }
}
