// Turns pictures into others and writes them as PNG files.
#include <pixelzoo/client.h>

#include "program.h"

namespace v1 = pixelzoo::v1;

constexpr char kUsage[] =
    "translate MODEL PICTURE [--direction a_to_b|b_to_a] [--strength 0..1] [--class NAME|NUMBER] [--seed SEED]\n"
    "                 [-o FILE.png]";

v1::StreamTranslateRequest RequestFor(pixelzoo::Client& zoo, const Arguments& arguments) {
  v1::StreamTranslateRequest request;
  v1::TranslateRequest& translate = *request.mutable_translate();
  const std::string& model = arguments.words.at(0);
  *translate.mutable_model() = pixelzoo::Select(model);
  *translate.add_images() = pixelzoo::ReadPicture(arguments.words.at(1));
  if (const auto seed = arguments["--seed"]) translate.set_seed(Number<std::uint64_t>(*seed));
  if (const auto name = arguments["--class"]) translate.add_labels(pixelzoo::Label(zoo.GetModel(model), *name));

  // The first is for models of two domains, the second for diffusion models.
  v1::TranslateOptions& options = *translate.mutable_options();
  if (const auto direction = arguments["--direction"]) {
    options.mutable_adversarial()->set_direction(Choice(v1::Direction_Parse, "DIRECTION_", *direction));
  }
  if (const auto strength = arguments["--strength"]) {
    options.mutable_diffusion()->set_strength(Number<float>(*strength));
  }
  return request;
}

int main(int argc, char** argv) {
  return RunProgram(kUsage, [&] {
    const Arguments arguments(argc, argv, {"--direction", "--strength", "--class", "--seed", "-o"});
    if (arguments.words.size() != 2) throw std::invalid_argument("which model, and which picture?");

    pixelzoo::Client zoo;
    for (const v1::StreamTranslateResponse& event : zoo.StreamTranslate(RequestFor(zoo, arguments))) {
      if (event.has_progress()) Show(event.progress());
      if (!event.has_image()) continue;
      const std::string path = arguments["-o"].value_or("translated.png");
      pixelzoo::WritePicture(path, event.image().image());
      std::cout << path << ": " << event.image().recipe().model() << " of " << arguments.words.at(1) << std::endl;
    }
  });
}
