// What the example programs have in common: their arguments, their progress line and their errors.
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "pixelzoo/v1/progress.pb.h"

// What "--help", or "-h", among the arguments throws.
struct HelpWanted {};

// The words of a command line, and its options, each of which takes a value.
class Arguments {
 public:
  Arguments(int argc, char** argv, const std::vector<std::string_view>& options) {
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      if (word == "--help" || word == "-h") throw HelpWanted();
      if (word.size() < 2 || word[0] != '-') {
        words.push_back(word);
      } else if (std::find(options.begin(), options.end(), word) == options.end()) {
        throw std::invalid_argument("there is no option " + word);
      } else if (i + 1 == argc) {
        throw std::invalid_argument(word + " needs a value");
      } else {
        values_[word] = argv[++i];
      }
    }
  }

  // The value of an option, if it was given.
  std::optional<std::string> operator[](const std::string& option) const {
    const auto found = values_.find(option);
    if (found == values_.end()) return std::nullopt;
    return found->second;
  }

  std::vector<std::string> words;

 private:
  std::map<std::string, std::string> values_;
};

// The number that an option's value is.
template <typename T>
T Number(const std::string& text) {
  T number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::invalid_argument(text + " is no number that fits here");
  }
  return number;
}

// Runs `body`, or prints the usage if that is asked for. What goes wrong is one line on the standard error, and exit
// status 1; for wrong arguments, with the usage, it is 2.
inline int RunProgram(std::string_view usage, const std::function<void()>& body) {
  try {
    body();
    return 0;
  } catch (const HelpWanted&) {
    std::cout << "usage: " << usage << '\n';
    return 0;
  } catch (const std::invalid_argument& error) {
    std::cerr << error.what() << "\nusage: " << usage << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

// Shows how far a request has come, on one line that is written again and again.
inline void Show(const pixelzoo::v1::Progress& progress) {
  std::cerr << '\r' << progress.step() << '/' << progress.steps() << " steps";
  if (progress.queue_position() > 0) std::cerr << ", " << progress.queue_position() << " items before us";
  std::cerr << (progress.items_done() == progress.items() ? "\n" : "\033[K") << std::flush;
}

// The number of a protobuf enumerator by the end of its name, in any case: "ddim" for SAMPLER_DDIM.
template <typename Enum>
Enum Choice(bool (*parse)(const std::string&, Enum*), const std::string& prefix, std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  Enum value;
  if (!parse(prefix + name, &value)) throw std::invalid_argument("what is " + name + "?");
  return value;
}
