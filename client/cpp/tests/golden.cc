// Runs the golden requests and prints a line for each: golden ADDRESS FILE.
//
// NAME SHA256 of the pixels, all pictures one after the other, or of the scores as float32, sorted by name and entry;
// or NAME STATUS_CODE REASON FIELD for a request that is refused.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <openssl/sha.h>
#include <pixelzoo/client.h>

#include <bit>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <tuple>

namespace v1 = pixelzoo::v1;
namespace json = google::protobuf::util;

static_assert(std::endian::native == std::endian::little);

std::string Bytes(const v1::Image& image) {
  const pixelzoo::Pixels pixels = pixelzoo::ToPixels(image);
  return {pixels.values.begin(), pixels.values.end()};
}

std::string Bytes(const v1::GeneratedImage& image) { return Bytes(image.image()); }
std::string Bytes(const v1::TranslatedImage& image) { return Bytes(image.image()); }

std::string Bytes(const v1::ImageScore& score) {
  std::map<std::tuple<std::string, std::uint32_t>, float> sorted;
  for (const v1::ScoreValue& value : score.values()) {
    sorted[{value.name(), value.entry()}] = static_cast<float>(value.value());
  }
  std::string bytes;
  for (const auto& [name, value] : sorted) bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  return bytes;
}

template <typename Items>
std::string BytesOfAll(const Items& items) {
  std::string bytes;
  for (const auto& item : items) bytes += Bytes(item);
  return bytes;
}

// The bytes of what a stream brings, in the order of the items' indices.
template <typename Response>
std::string BytesOfStream(pixelzoo::Stream<Response> stream) {
  std::map<std::uint32_t, std::string> by_index;
  for (const Response& event : stream) {
    if constexpr (std::is_same_v<Response, v1::StreamScoreResponse>) {
      if (event.has_score()) by_index[event.score().index()] = Bytes(event.score());
    } else {
      if (event.has_image()) by_index[event.image().index()] = Bytes(event.image());
    }
  }
  std::string bytes;
  for (const auto& [index, item] : by_index) bytes += item;
  return bytes;
}

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  const json::Status status = json::JsonStringToMessage(text, &message);
  if (!status.ok()) throw std::runtime_error(status.ToString());
  return message;
}

std::string Run(pixelzoo::Client& zoo, const std::string& method, const std::string& request) {
  const std::map<std::string, std::function<std::string()>> methods = {
      {"Sample", [&] { return BytesOfAll(zoo.Sample(Parse<v1::SampleRequest>(request)).images()); }},
      {"Translate", [&] { return BytesOfAll(zoo.Translate(Parse<v1::TranslateRequest>(request)).images()); }},
      {"Score", [&] { return BytesOfAll(zoo.Score(Parse<v1::ScoreRequest>(request)).scores()); }},
      {"Decode", [&] { return BytesOfAll(zoo.Decode(Parse<v1::DecodeRequest>(request)).images()); }},
      {"Interpolate", [&] { return BytesOfAll(zoo.Interpolate(Parse<v1::InterpolateRequest>(request)).images()); }},
      {"StreamSample", [&] { return BytesOfStream(zoo.StreamSample(Parse<v1::StreamSampleRequest>(request))); }},
      {"StreamTranslate",
       [&] { return BytesOfStream(zoo.StreamTranslate(Parse<v1::StreamTranslateRequest>(request))); }},
      {"StreamScore", [&] { return BytesOfStream(zoo.StreamScore(Parse<v1::StreamScoreRequest>(request))); }},
  };
  return methods.at(method)();
}

std::string Sha256(const std::string& bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  std::string text;
  for (const unsigned char byte : digest) {
    for (const int digit : {byte >> 4, byte & 15}) text += "0123456789abcdef"[digit];
  }
  return text;
}

std::string Text(const google::protobuf::Value& value) {
  std::string text;
  const json::Status status = json::MessageToJsonString(value, &text);
  if (!status.ok()) throw std::runtime_error(status.ToString());
  return text;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: golden ADDRESS FILE\n";
    return 2;
  }
  pixelzoo::ClientOptions options;
  options.target = argv[1];
  pixelzoo::Client zoo(options);
  std::ifstream file(argv[2]);
  const auto goldens = Parse<google::protobuf::ListValue>(std::string(std::istreambuf_iterator<char>(file), {}));
  for (const google::protobuf::Value& value : goldens.values()) {
    const auto& golden = value.struct_value().fields();
    std::cout << golden.at("name").string_value();
    try {
      const std::string bytes = Run(zoo, golden.at("method").string_value(), Text(golden.at("request")));
      std::cout << ' ' << Sha256(bytes) << std::endl;
    } catch (const pixelzoo::Error& error) {
      std::cout << ' ' << error.code_name() << ' ' << error.reason();
      if (!error.violations().empty()) std::cout << ' ' << error.violations().front().field;
      std::cout << std::endl;
    }
  }
}
