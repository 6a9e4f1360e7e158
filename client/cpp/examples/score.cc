// Says how likely, or how good, a model holds pictures to be.
#include <pixelzoo/client.h>

#include "program.h"

namespace v1 = pixelzoo::v1;

constexpr char kUsage[] = "score MODEL PICTURE... [--class NAME|NUMBER]";

int main(int argc, char** argv) {
  return RunProgram(kUsage, [&] {
    const Arguments arguments(argc, argv, {"--class"});
    if (arguments.words.size() < 2) throw std::invalid_argument("which model, and which pictures?");

    pixelzoo::Client zoo;
    v1::StreamScoreRequest request;
    v1::ScoreRequest& score = *request.mutable_score();
    *score.mutable_model() = pixelzoo::Select(arguments.words.front());
    for (auto word = arguments.words.begin() + 1; word != arguments.words.end(); ++word) {
      *score.add_images() = pixelzoo::ReadPicture(*word);
    }
    if (const auto name = arguments["--class"]) {
      score.add_labels(pixelzoo::Label(zoo.GetModel(arguments.words.front()), *name));
    }

    for (const v1::StreamScoreResponse& event : zoo.StreamScore(request)) {
      if (event.has_progress()) Show(event.progress());
      if (!event.has_score()) continue;
      for (const v1::ScoreValue& value : event.score().values()) {
        std::cout << arguments.words.at(1 + event.score().index()) << ": " << value.name();
        if (value.has_entry()) std::cout << '[' << value.entry() << ']';
        std::cout << ' ' << value.value() << ' ' << value.unit() << std::endl;
      }
    }
  });
}
