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

  /** Throws IllegalArgumentException for an option that is not in {@code options}, or has no value. */
  Arguments(String[] arguments, String... options) {
    for (int i = 0; i < arguments.length; i++) {
      String word = arguments[i];
      if (!word.startsWith("-")) {
        words.add(word);
      } else if (List.of(options).contains(word) && i + 1 < arguments.length) {
        values.put(word, arguments[++i]);
      } else {
        throw new IllegalArgumentException("what is " + word + "?");
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
