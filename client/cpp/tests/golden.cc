// Runs the golden requests and prints a line for each: golden ADDRESS FILE.
//
// NAME SHA256 of the pixels, all pictures one after the other, or of the scores as float32, sorted by name and entry;
// or NAME STATUS_CODE REASON MESSAGE [FIELD: DESCRIPTION]... for a request that is refused.
//
// golden settings makes a client as the environment says, and prints ok, or STATUS_CODE REASON MESSAGE.
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

// The part of a request that names the model: the request itself, or what a streaming one holds.
v1::SampleRequest& Asked(v1::StreamSampleRequest& request) { return *request.mutable_sample(); }
v1::TranslateRequest& Asked(v1::StreamTranslateRequest& request) { return *request.mutable_translate(); }
v1::ScoreRequest& Asked(v1::StreamScoreRequest& request) { return *request.mutable_score(); }
auto& Asked(auto& request) { return request; }

// Sends the request, with the model named as the client names it.
template <typename Request, typename Response>
Response Send(pixelzoo::Client& zoo, Response (pixelzoo::Client::*method)(const Request&, const pixelzoo::CallOptions&),
              const std::string& model, const std::string& json) {
  auto request = Parse<Request>(json);
  *Asked(request).mutable_model() = pixelzoo::Select(model);
  return (zoo.*method)(request, {});
}

std::string Run(pixelzoo::Client& zoo, const std::string& method, const std::string& model, const std::string& json) {
  using pixelzoo::Client;
  const auto send = [&](auto called) { return Send(zoo, called, model, json); };
  const std::map<std::string, std::function<std::string()>> methods = {
      {"Sample", [&] { return BytesOfAll(send(&Client::Sample).images()); }},
      {"Translate", [&] { return BytesOfAll(send(&Client::Translate).images()); }},
      {"Score", [&] { return BytesOfAll(send(&Client::Score).scores()); }},
      {"Decode", [&] { return BytesOfAll(send(&Client::Decode).images()); }},
      {"Interpolate", [&] { return BytesOfAll(send(&Client::Interpolate).images()); }},
      {"StreamSample", [&] { return BytesOfStream(send(&Client::StreamSample)); }},
      {"StreamTranslate", [&] { return BytesOfStream(send(&Client::StreamTranslate)); }},
      {"StreamScore", [&] { return BytesOfStream(send(&Client::StreamScore)); }},
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

std::string TextOf(const pixelzoo::Error& error) {
  return std::string(error.code_name()) + ' ' + error.reason() + ' ' + error.what();
}

// What a client says about the environment.
std::string Settings() {
  try {
    pixelzoo::Client zoo;
    return "ok";
  } catch (const pixelzoo::Error& error) {
    return TextOf(error);
  }
}

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "settings") {
    std::cout << Settings() << std::endl;
    return 0;
  }
  if (argc != 3) {
    std::cerr << "usage: golden ADDRESS FILE, or golden settings\n";
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
      const std::string bytes = Run(zoo, golden.at("method").string_value(), golden.at("model").string_value(),
                                    Text(golden.at("request")));
      std::cout << ' ' << Sha256(bytes) << std::endl;
    } catch (const pixelzoo::Error& error) {
      std::cout << ' ' << TextOf(error);
      for (const auto& [field, rule] : error.violations()) std::cout << " [" << field << ": " << rule << ']';
      std::cout << std::endl;
    }
  }
}
