package com.pixelzoo.examples;

import com.pixelzoo.client.Models;
import com.pixelzoo.client.Pictures;
import com.pixelzoo.client.PixelzooClient;
import com.pixelzoo.client.ResultStream;
import com.pixelzoo.v1.ImageScore;
import com.pixelzoo.v1.ScoreRequest;
import com.pixelzoo.v1.ScoreValue;
import com.pixelzoo.v1.StreamScoreRequest;
import com.pixelzoo.v1.StreamScoreResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Says how likely, or how good, a model holds pictures to be. */
final class Score {
  private static final String USAGE = "score MODEL PICTURE... [--class NAME|NUMBER]";
  private static final String[] OPTIONS = {"--class"};

  public static void main(String[] arguments) {
    Program.run(USAGE, 2, Integer.MAX_VALUE, arguments, OPTIONS, Score::run);
  }

  private static void run(Arguments arguments, PixelzooClient zoo) throws IOException {
    String model = arguments.words.get(0);
    List<String> files = arguments.words.subList(1, arguments.words.size());
    ScoreRequest.Builder request = ScoreRequest.newBuilder().setModel(Models.named(model));
    for (String file : files) {
      request.addImages(Pictures.read(Path.of(file)));
    }
    arguments.get("--class").map(name -> Models.label(zoo.getModel(model), name)).ifPresent(request::addLabels);

    try (ResultStream<StreamScoreResponse> events =
        zoo.streamScore(StreamScoreRequest.newBuilder().setScore(request).build())) {
      for (StreamScoreResponse event : events) {
        switch (event.getEventCase()) {
          case PROGRESS -> Program.show(event.getProgress());
          case SCORE -> print(files.get(event.getScore().getIndex()), event.getScore());
          default -> {} // Whatever newer servers tell.
        }
      }
    }
  }

  private static void print(String file, ImageScore score) {
    for (ScoreValue value : score.getValuesList()) {
      String entry = value.hasEntry() ? "[" + value.getEntry() + "]" : "";
      System.out.printf("%s: %s%s %.4f %s%n", file, value.getName(), entry, value.getValue(), value.getUnit());
    }
  }
}
