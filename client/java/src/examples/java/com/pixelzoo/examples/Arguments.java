package com.pixelzoo.examples;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** The words of a command line, and its options, each of which takes a value. */
final class Arguments {
  final List<String> words = new ArrayList<>();
  private final Map<String, String> values = new HashMap<>();

  /** Whether "--help", or "-h", is among the arguments. */
  final boolean isHelpWanted;

  /** Throws IllegalArgumentException for an option that is not in {@code options}, or has no value. */
  Arguments(String[] arguments, String... options) {
    isHelpWanted = List.of(arguments).contains("--help") || List.of(arguments).contains("-h");
    for (int i = 0; i < arguments.length && !isHelpWanted; i++) {
      String word = arguments[i];
      if (!word.startsWith("-")) {
        words.add(word);
      } else if (!List.of(options).contains(word)) {
        throw new IllegalArgumentException("there is no option " + word);
      } else if (i + 1 == arguments.length) {
        throw new IllegalArgumentException(word + " needs a value");
      } else {
        values.put(word, arguments[++i]);
      }
    }
  }

  /** The value of an option, if it was given. */
  Optional<String> get(String option) {
    return Optional.ofNullable(values.get(option));
  }

  /** The value of an option as {@code parse} reads it, if it was given. */
  <T> Optional<T> get(String option, Function<String, T> parse) {
    return get(option)
        .map(
            value -> {
              try {
                return parse.apply(value);
              } catch (IllegalArgumentException error) {
                throw new IllegalArgumentException(option + " cannot be " + value, error);
              }
            });
  }

  /** The enumerator whose name ends in the option's value, in any case: SAMPLER_DDIM for "ddim". */
  <E extends Enum<E>> Optional<E> choice(String option, Class<E> kind, String prefix) {
    return get(option, name -> Enum.valueOf(kind, prefix + name.toUpperCase(Locale.ROOT)));
  }
}
