// Draws pictures and writes each as a PNG file.
#include <pixelzoo/client.h>

#include "program.h"

namespace v1 = pixelzoo::v1;

constexpr char kUsage[] =
    "sample MODEL [-n COUNT] [--seed SEED] [--class NAME|NUMBER] [--sampler ddpm|ddim|dpm_solver_pp_2m]\n"
    "              [--steps STEPS] [--guidance STRENGTH] [-o FILE.png]";

v1::StreamSampleRequest RequestFor(pixelzoo::Client& zoo, const Arguments& arguments) {
  v1::StreamSampleRequest request;
  v1::SampleRequest& sample = *request.mutable_sample();
  const std::string& model = arguments.words.at(0);
  *sample.mutable_model() = pixelzoo::Select(model);
  if (const auto count = arguments["-n"]) sample.set_count(Number<std::uint32_t>(*count));
  if (const auto seed = arguments["--seed"]) sample.set_seed(Number<std::uint64_t>(*seed));
  if (const auto name = arguments["--class"]) sample.add_labels(pixelzoo::Label(zoo.GetModel(model), *name));

  // Only diffusion models have these; what is not set takes the default of the model's card.
  if (const auto sampler = arguments["--sampler"]) {
    sample.mutable_options()->mutable_diffusion()->set_sampler(Choice(v1::Sampler_Parse, "SAMPLER_", *sampler));
  }
  if (const auto steps = arguments["--steps"]) {
    sample.mutable_options()->mutable_diffusion()->set_steps(Number<std::uint32_t>(*steps));
  }
  if (const auto guidance = arguments["--guidance"]) {
    sample.mutable_options()->mutable_diffusion()->set_guidance(Number<float>(*guidance));
  }
  return request;
}

// FILE.png for one picture, FILE-0.png, FILE-1.png ... for several.
std::filesystem::path PathOf(const v1::GeneratedImage& image, const Arguments& arguments) {
  const std::filesystem::path path = arguments["-o"].value_or("sample.png");
  if (arguments["-n"].value_or("1") == "1") return path;
  return path.parent_path() /
         (path.stem().string() + "-" + std::to_string(image.index()) + path.extension().string());
}

int main(int argc, char** argv) {
  return RunProgram(kUsage, [&] {
    const Arguments arguments(argc, argv,
                              {"-n", "--seed", "--class", "--sampler", "--steps", "--guidance", "-o"});
    if (arguments.words.size() != 1) throw std::invalid_argument("which model?");

    pixelzoo::Client zoo;
    for (const v1::StreamSampleResponse& event : zoo.StreamSample(RequestFor(zoo, arguments))) {
      if (event.has_progress()) Show(event.progress());
      if (!event.has_image()) continue;
      const std::filesystem::path path = PathOf(event.image(), arguments);
      pixelzoo::WritePicture(path, event.image().image());
      const v1::Recipe& recipe = event.image().recipe();
      std::cout << path.string() << ": " << recipe.model() << '@' << recipe.version() << ", seed " << recipe.seed()
                << std::endl;
    }
  });
}
