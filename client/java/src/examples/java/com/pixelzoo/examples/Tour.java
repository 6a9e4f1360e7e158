package com.pixelzoo.examples;

import com.pixelzoo.client.*;
import com.pixelzoo.v1.*;
import java.io.IOException;
import java.nio.file.Path;

/** Calls every RPC once. The marked parts are the examples of docs/api.md; each prints its RPC's name first. */
final class Tour {
  public static void main(String[] arguments) throws IOException {
    // [Connect]
    // The server at PIXELZOO_TARGET, or else localhost:50051.
    try (PixelzooClient zoo = PixelzooClient.fromEnvironment()) {
      tour(zoo);
    }
    // [/Connect]
  }

  private static void tour(PixelzooClient zoo) throws IOException {
    // [ListModels]
    for (Model model : zoo.listModels()) {
      System.out.println("ListModels: " + model.getName());
    }
    // [/ListModels]

    // [GetModel]
    ModelCard card = zoo.getModel("ddpm_fashion_mnist").getCard();
    System.out.println("GetModel: " + card.getTitle() + " " + card.getClassesList());
    // [/GetModel]

    // [Sample]
    SampleRequest.Builder sample =
        SampleRequest.newBuilder().setModel(Models.named("ddpm_fashion_mnist")).setSeed(9).addLabels(7); // a sneaker
    sample.getOptionsBuilder().getDiffusionBuilder().setSampler(Sampler.SAMPLER_DDIM).setSteps(20);
    GeneratedImage drawn = zoo.sample(sample.build()).getImages(0);
    Image sneaker = drawn.getImage();
    Pictures.write(Path.of("sneaker.png"), sneaker);
    System.out.println("Sample: seed " + drawn.getRecipe().getSeed());
    // [/Sample]

    // [StreamSample]
    StreamSampleRequest.Builder bags = StreamSampleRequest.newBuilder();
    bags.getSampleBuilder().setModel(Models.named("ddpm_fashion_mnist")).setCount(2).addLabels(8);
    bags.getSampleBuilder().getOptionsBuilder().getDiffusionBuilder().setSteps(20);
    try (ResultStream<StreamSampleResponse> events = zoo.streamSample(bags.build())) {
      for (StreamSampleResponse event : events) {
        if (event.hasProgress()) {
          Progress progress = event.getProgress();
          System.out.println("StreamSample: " + progress.getStep() + " of " + progress.getSteps() + " steps");
        }
        if (event.hasImage()) {
          Pictures.write(Path.of("bag-" + event.getImage().getIndex() + ".png"), event.getImage().getImage());
        }
      }
    }
    // [/StreamSample]

    // [Translate]
    TranslateRequest.Builder translate =
        TranslateRequest.newBuilder().setModel(Models.named("cyclegan_fashion_mnist")).addImages(sneaker);
    translate.getOptionsBuilder().getAdversarialBuilder().setDirection(Direction.DIRECTION_A_TO_B);
    Image boot = zoo.translate(translate.build()).getImages(0).getImage();
    Pictures.write(Path.of("boot.png"), boot);
    System.out.println("Translate: " + boot.getWidth() + "x" + boot.getHeight());
    // [/Translate]

    // [StreamTranslate]
    StreamTranslateRequest.Builder variation = StreamTranslateRequest.newBuilder();
    variation.getTranslateBuilder().setModel(Models.named("ddpm_fashion_mnist")).addImages(sneaker).addLabels(7);
    variation.getTranslateBuilder().getOptionsBuilder().getDiffusionBuilder().setStrength(0.5f).setSteps(20);
    try (ResultStream<StreamTranslateResponse> events = zoo.streamTranslate(variation.build())) {
      for (StreamTranslateResponse event : events) {
        if (event.hasProgress()) {
          Progress progress = event.getProgress();
          System.out.println("StreamTranslate: " + progress.getStep() + " of " + progress.getSteps() + " steps");
        }
        if (event.hasImage()) {
          Pictures.write(Path.of("variation.png"), event.getImage().getImage());
        }
      }
    }
    // [/StreamTranslate]

    // [Score]
    ScoreRequest.Builder score =
        ScoreRequest.newBuilder().setModel(Models.named("vae_fashion_mnist")).addImages(sneaker).addImages(boot);
    for (ImageScore one : zoo.score(score.build()).getScoresList()) {
      for (ScoreValue value : one.getValuesList()) {
        System.out.println("Score: " + value.getName() + " " + value.getValue() + " " + value.getUnit());
      }
    }
    // [/Score]

    // [StreamScore]
    StreamScoreRequest.Builder bound = StreamScoreRequest.newBuilder();
    bound.getScoreBuilder().setModel(Models.named("ddpm_fashion_mnist")).addImages(sneaker).addLabels(7);
    bound.getScoreBuilder().getOptionsBuilder().getDiffusionBuilder().setTimesteps(8);
    try (ResultStream<StreamScoreResponse> events = zoo.streamScore(bound.build())) {
      for (StreamScoreResponse event : events) {
        if (event.hasProgress()) {
          Progress progress = event.getProgress();
          System.out.println("StreamScore: " + progress.getStep() + " of " + progress.getSteps() + " steps");
        }
        if (event.hasScore()) {
          ScoreValue value = event.getScore().getValues(0);
          System.out.println("StreamScore: " + value.getValue() + " " + value.getUnit());
        }
      }
    }
    // [/StreamScore]

    // [Encode]
    ModelSelector vae = Models.named("vae_fashion_mnist");
    EncodeResponse encoded =
        zoo.encode(EncodeRequest.newBuilder().setModel(vae).addImages(sneaker).addImages(boot).build());
    System.out.println("Encode: " + encoded.getLatents(0).getShapeList() + " " + encoded.getLatents(0).getDataType());
    // [/Encode]

    // [Decode]
    DecodeRequest decode = DecodeRequest.newBuilder().setModel(vae).addAllLatents(encoded.getLatentsList()).build();
    DecodeResponse decoded = zoo.decode(decode);
    Pictures.write(Path.of("decoded.png"), decoded.getImages(0));
    System.out.println("Decode: " + decoded.getImagesCount());
    // [/Decode]

    // [Interpolate]
    InterpolateRequest interpolate =
        InterpolateRequest.newBuilder()
            .setModel(vae)
            .setStart(LatentPoint.newBuilder().setImage(sneaker)) // a picture, or a latent
            .setEnd(LatentPoint.newBuilder().setLatent(encoded.getLatents(1)))
            .setCount(5)
            .setMethod(InterpolationMethod.INTERPOLATION_METHOD_SPHERICAL)
            .build();
    System.out.println("Interpolate: " + zoo.interpolate(interpolate).getImagesCount());
    // [/Interpolate]
  }
}
