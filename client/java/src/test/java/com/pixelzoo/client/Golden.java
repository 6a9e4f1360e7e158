package com.pixelzoo.client;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import com.pixelzoo.v1.DecodeRequest;
import com.pixelzoo.v1.GeneratedImage;
import com.pixelzoo.v1.Image;
import com.pixelzoo.v1.ImageScore;
import com.pixelzoo.v1.InterpolateRequest;
import com.pixelzoo.v1.ModelSelector;
import com.pixelzoo.v1.SampleRequest;
import com.pixelzoo.v1.ScoreRequest;
import com.pixelzoo.v1.ScoreValue;
import com.pixelzoo.v1.StreamSampleRequest;
import com.pixelzoo.v1.StreamSampleResponse;
import com.pixelzoo.v1.StreamScoreRequest;
import com.pixelzoo.v1.StreamScoreResponse;
import com.pixelzoo.v1.StreamTranslateRequest;
import com.pixelzoo.v1.StreamTranslateResponse;
import com.pixelzoo.v1.TranslateRequest;
import com.pixelzoo.v1.TranslatedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * Runs the golden requests and prints a line for each: golden ADDRESS FILE.
 *
 * <p>NAME SHA256 of the pixels, all pictures one after the other, or of the scores as float32, sorted by name and
 * entry; or NAME STATUS_CODE REASON MESSAGE [FIELD: DESCRIPTION]... for a request that is refused.
 *
 * <p>{@code golden settings} makes a client as the environment says, and prints ok, or STATUS_CODE REASON MESSAGE.
 */
final class Golden {
  private final PixelzooClient zoo;

  private Golden(PixelzooClient zoo) {
    this.zoo = zoo;
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("settings")) {
      System.out.println(settings());
      return;
    }
    try (PixelzooClient zoo = PixelzooClient.builder().target(arguments[0]).build()) {
      Golden program = new Golden(zoo);
      String text = Files.readString(Path.of(arguments[1]));
      for (JsonElement golden : JsonParser.parseString(text).getAsJsonArray()) {
        System.out.println(program.line(golden.getAsJsonObject()));
      }
    }
  }

  /** What a client says about the environment. */
  private static String settings() {
    try {
      PixelzooClient.fromEnvironment().close();
      return "ok";
    } catch (PixelzooException error) {
      return text(error);
    }
  }

  private static String text(PixelzooException error) {
    return error.code() + " " + error.reason() + " " + error.getMessage();
  }

  private String line(JsonObject golden) throws IOException, NoSuchAlgorithmException {
    String name = golden.get("name").getAsString();
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    try {
      ModelSelector model = Models.named(golden.get("model").getAsString());
      payload(golden.get("method").getAsString(), model, golden.get("request").toString()).forEach(digest::update);
    } catch (PixelzooException error) {
      String violations =
          error.violations().stream()
              .map(violation -> " [" + violation.field() + ": " + violation.description() + "]")
              .collect(Collectors.joining());
      return name + " " + text(error) + violations;
    }
    return name + " " + HexFormat.of().formatHex(digest.digest());
  }

  /** The bytes that count in a method's answer, item by item. */
  private Stream<byte[]> payload(String method, ModelSelector model, String json) throws IOException {
    return switch (method) {
      case "Sample" -> zoo.sample(parse(json, SampleRequest.newBuilder()).setModel(model).build())
          .getImagesList().stream()
          .map(GeneratedImage::getImage)
          .map(Pictures::pixels);
      case "Translate" -> zoo.translate(parse(json, TranslateRequest.newBuilder()).setModel(model).build())
          .getImagesList().stream()
          .map(TranslatedImage::getImage)
          .map(Pictures::pixels);
      case "Score" -> zoo.score(parse(json, ScoreRequest.newBuilder()).setModel(model).build())
          .getScoresList().stream()
          .map(Golden::floats);
      case "Decode" -> pixels(
          zoo.decode(parse(json, DecodeRequest.newBuilder()).setModel(model).build()).getImagesList());
      case "Interpolate" -> pixels(
          zoo.interpolate(parse(json, InterpolateRequest.newBuilder()).setModel(model).build()).getImagesList());
      case "StreamSample" -> {
        StreamSampleRequest.Builder request = parse(json, StreamSampleRequest.newBuilder());
        request.getSampleBuilder().setModel(model);
        yield all(zoo.streamSample(request.build()))
            .filter(StreamSampleResponse::hasImage)
            .map(StreamSampleResponse::getImage)
            .sorted(Comparator.comparing(GeneratedImage::getIndex))
            .map(image -> Pictures.pixels(image.getImage()));
      }
      case "StreamTranslate" -> {
        StreamTranslateRequest.Builder request = parse(json, StreamTranslateRequest.newBuilder());
        request.getTranslateBuilder().setModel(model);
        yield all(zoo.streamTranslate(request.build()))
            .filter(StreamTranslateResponse::hasImage)
            .map(StreamTranslateResponse::getImage)
            .sorted(Comparator.comparing(TranslatedImage::getIndex))
            .map(image -> Pictures.pixels(image.getImage()));
      }
      case "StreamScore" -> {
        StreamScoreRequest.Builder request = parse(json, StreamScoreRequest.newBuilder());
        request.getScoreBuilder().setModel(model);
        yield all(zoo.streamScore(request.build()))
            .filter(StreamScoreResponse::hasScore)
            .map(StreamScoreResponse::getScore)
            .sorted(Comparator.comparing(ImageScore::getIndex))
            .map(Golden::floats);
      }
      default -> throw new IllegalArgumentException("no such method: " + method);
    };
  }

  private static <B extends Message.Builder> B parse(String json, B builder) throws IOException {
    JsonFormat.parser().merge(json, builder);
    return builder;
  }

  private static <T> Stream<T> all(ResultStream<T> events) {
    return StreamSupport.stream(events.spliterator(), false);
  }

  private static Stream<byte[]> pixels(List<Image> images) {
    return images.stream().map(Pictures::pixels);
  }

  private static byte[] floats(ImageScore score) {
    ByteBuffer buffer = ByteBuffer.allocate(score.getValuesCount() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    score.getValuesList().stream()
        .sorted(Comparator.comparing(ScoreValue::getName).thenComparing(ScoreValue::getEntry))
        .forEach(value -> buffer.putFloat((float) value.getValue()));
    return buffer.array();
  }
}
