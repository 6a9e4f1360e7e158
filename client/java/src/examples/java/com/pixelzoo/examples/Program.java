package com.pixelzoo.examples;

import com.pixelzoo.client.PixelzooClient;
import com.pixelzoo.client.PixelzooException;
import com.pixelzoo.v1.Progress;
import java.io.IOException;
import java.io.UncheckedIOException;

/** What the example programs have in common: their progress line and their errors. */
final class Program {
  private Program() {}

  /** What a program does with its arguments and a client. */
  interface Body {
    void run(Arguments arguments, PixelzooClient zoo) throws IOException;
  }

  /**
   * Runs a program, or prints its usage if that is asked for. What goes wrong is one line on the standard error, and
   * exit status 1; for wrong arguments, with the usage, it is 2.
   *
   * @param least how many words the program needs beside its options, at least
   * @param most how many it takes
   */
  static void run(String usage, int least, int most, String[] arguments, String[] options, Body body) {
    int status = 0;
    try {
      Arguments parsed = new Arguments(arguments, options);
      if (parsed.isHelpWanted) {
        System.out.println("usage: " + usage);
      } else {
        run(parsed, least, most, body);
      }
    } catch (PixelzooException error) {
      System.err.println(error.getMessage());
      status = 1;
    } catch (IOException | UncheckedIOException error) {
      System.err.println(error);
      status = 1;
    } catch (IllegalArgumentException error) {
      System.err.println(error.getMessage() + "\nusage: " + usage);
      status = 2;
    }
    System.exit(status);
  }

  private static void run(Arguments arguments, int least, int most, Body body) throws IOException {
    if (arguments.words.size() < least) {
      throw new IllegalArgumentException("too few arguments");
    }
    if (arguments.words.size() > most) {
      throw new IllegalArgumentException("too many arguments");
    }
    try (PixelzooClient zoo = PixelzooClient.fromEnvironment()) {
      body.run(arguments, zoo);
    }
  }

  /** Shows how far a request has come, on one line that is written again and again. */
  static void show(Progress progress) {
    System.err.print("\r" + progress.getStep() + "/" + progress.getSteps() + " steps");
    if (progress.getQueuePosition() > 0) {
      System.err.print(", " + progress.getQueuePosition() + " items before us");
    }
    System.err.print(progress.getItemsDone() == progress.getItems() ? "\n" : "\033[K");
  }
}
