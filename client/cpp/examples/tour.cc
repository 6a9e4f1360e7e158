// Calls every RPC once. The server is at PIXELZOO_TARGET, or on this machine. The marked parts are the examples of
// docs/api.md; each prints its RPC's name first.

// [Connect]
#include <pixelzoo/client.h>

#include <iostream>

namespace v1 = pixelzoo::v1;

int main() {
  pixelzoo::Client zoo;  // The server at PIXELZOO_TARGET, or else localhost:50051.
  // [/Connect]

  // [ListModels]
  for (const v1::Model& model : zoo.ListModels()) std::cout << "ListModels: " << model.name() << '\n';
  // [/ListModels]

  // [GetModel]
  const v1::Model model = zoo.GetModel("ddpm_fashion_mnist");
  std::cout << "GetModel: " << model.card().title() << ", " << model.card().classes_size() << " classes\n";
  // [/GetModel]

  // [Sample]
  v1::SampleRequest sample;
  *sample.mutable_model() = pixelzoo::Select("ddpm_fashion_mnist");
  sample.set_seed(9);
  sample.add_labels(pixelzoo::Label(model, "Sneaker"));
  sample.mutable_options()->mutable_diffusion()->set_sampler(v1::SAMPLER_DDIM);
  sample.mutable_options()->mutable_diffusion()->set_steps(20);
  const v1::GeneratedImage drawn = zoo.Sample(sample).images(0);
  const v1::Image& sneaker = drawn.image();
  pixelzoo::WritePicture("sneaker.png", sneaker);
  std::cout << "Sample: seed " << drawn.recipe().seed() << '\n';
  // [/Sample]

  // [StreamSample]
  v1::StreamSampleRequest bags;
  *bags.mutable_sample()->mutable_model() = pixelzoo::Select("ddpm_fashion_mnist");
  bags.mutable_sample()->set_count(2);
  bags.mutable_sample()->add_labels(pixelzoo::Label(model, "Bag"));
  bags.mutable_sample()->mutable_options()->mutable_diffusion()->set_steps(20);
  for (const auto& event : zoo.StreamSample(bags)) {
    if (event.has_progress()) {
      std::cout << "StreamSample: " << event.progress().step() << " of " << event.progress().steps() << " steps\n";
    }
    if (event.has_image()) {
      pixelzoo::WritePicture("bag-" + std::to_string(event.image().index()) + ".png", event.image().image());
    }
  }
  // [/StreamSample]

  // [Translate]
  v1::TranslateRequest translate;
  *translate.mutable_model() = pixelzoo::Select("cyclegan_fashion_mnist");
  *translate.add_images() = sneaker;
  translate.mutable_options()->mutable_adversarial()->set_direction(v1::DIRECTION_A_TO_B);
  const v1::TranslateResponse translated = zoo.Translate(translate);
  const v1::Image& boot = translated.images(0).image();
  pixelzoo::WritePicture("boot.png", boot);
  std::cout << "Translate: " << boot.width() << 'x' << boot.height() << '\n';
  // [/Translate]

  // [StreamTranslate]
  v1::StreamTranslateRequest variation;
  *variation.mutable_translate()->mutable_model() = pixelzoo::Select("ddpm_fashion_mnist");
  *variation.mutable_translate()->add_images() = sneaker;
  variation.mutable_translate()->add_labels(pixelzoo::Label(model, "Sneaker"));
  variation.mutable_translate()->mutable_options()->mutable_diffusion()->set_strength(0.5);
  variation.mutable_translate()->mutable_options()->mutable_diffusion()->set_steps(20);
  for (const auto& event : zoo.StreamTranslate(variation)) {
    if (event.has_progress()) {
      std::cout << "StreamTranslate: " << event.progress().step() << " of " << event.progress().steps() << " steps\n";
    }
    if (event.has_image()) pixelzoo::WritePicture("variation.png", event.image().image());
  }
  // [/StreamTranslate]

  // [Score]
  v1::ScoreRequest score;
  *score.mutable_model() = pixelzoo::Select("vae_fashion_mnist");
  *score.add_images() = sneaker;
  *score.add_images() = boot;
  const v1::ScoreResponse scored = zoo.Score(score);
  for (const v1::ImageScore& one : scored.scores()) {
    for (const v1::ScoreValue& value : one.values()) {
      std::cout << "Score: " << value.name() << ' ' << value.value() << ' ' << value.unit() << '\n';
    }
  }
  // [/Score]

  // [StreamScore]
  v1::StreamScoreRequest bound;
  *bound.mutable_score()->mutable_model() = pixelzoo::Select("ddpm_fashion_mnist");
  *bound.mutable_score()->add_images() = sneaker;
  bound.mutable_score()->add_labels(pixelzoo::Label(model, "Sneaker"));
  bound.mutable_score()->mutable_options()->mutable_diffusion()->set_timesteps(8);
  for (const auto& event : zoo.StreamScore(bound)) {
    if (event.has_progress()) {
      std::cout << "StreamScore: " << event.progress().step() << " of " << event.progress().steps() << " steps\n";
    }
    if (event.has_score()) std::cout << "StreamScore: " << event.score().values(0).value() << '\n';
  }
  // [/StreamScore]

  // [Encode]
  v1::EncodeRequest encode;
  *encode.mutable_model() = pixelzoo::Select("vae_fashion_mnist");
  *encode.add_images() = sneaker;
  *encode.add_images() = boot;
  const v1::EncodeResponse encoded = zoo.Encode(encode);
  std::cout << "Encode: " << encoded.latents(0).data().size() << " bytes\n";
  // [/Encode]

  // [Decode]
  v1::DecodeRequest decode;
  *decode.mutable_model() = pixelzoo::Select("vae_fashion_mnist");
  *decode.mutable_latents() = encoded.latents();
  const v1::DecodeResponse decoded = zoo.Decode(decode);
  pixelzoo::WritePicture("decoded.png", decoded.images(0));
  std::cout << "Decode: " << decoded.images_size() << '\n';
  // [/Decode]

  // [Interpolate]
  v1::InterpolateRequest interpolate;
  *interpolate.mutable_model() = pixelzoo::Select("vae_fashion_mnist");
  *interpolate.mutable_start()->mutable_image() = sneaker;  // A picture, or a latent.
  *interpolate.mutable_end()->mutable_latent() = encoded.latents(1);
  interpolate.set_count(5);
  interpolate.set_method(v1::INTERPOLATION_METHOD_SPHERICAL);
  std::cout << "Interpolate: " << zoo.Interpolate(interpolate).images_size() << '\n';
  // [/Interpolate]
}
