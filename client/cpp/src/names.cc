#include "pixelzoo/names.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <string>

#include "pixelzoo/error.h"

namespace pixelzoo {
namespace {

// More classes than a model has: the server refuses it whatever the card turns out to say.
constexpr std::int32_t kNoLabel = std::numeric_limits<std::int32_t>::max();

template <typename Number>
bool IsNumber(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

bool EqualInAnyCase(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  });
}

Error InvalidField(const std::string& field, const std::string& rule) {
  const std::string message = field + ": " + rule;
  return {grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD", message, {{field, rule}}, {{"field", field}}};
}

// How many bytes the character takes with which the text begins; 0 if it is none of UTF-8.
std::size_t LengthOfFirst(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  if (byte(0) < 0x80) return 1;
  if (byte(0) < 0xc2 || byte(0) > 0xf4) return 0;
  const std::size_t length = byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
  if (length > text.size()) return 0;
  for (std::size_t index = 1; index < length; ++index) {
    if ((byte(index) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
  const bool surrogate = byte(0) == 0xed && byte(1) >= 0xa0;
  const bool beyond = byte(0) == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

// Whether a message can carry the text. Of what it cannot, protobuf only complains on standard error.
bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = LengthOfFirst(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// The text in quotes, with every byte that is not ASCII, or not to be seen, by its number.
std::string Quoted(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (const unsigned char byte : text) {
    if (' ' <= byte && byte <= '~') {
      quoted += static_cast<char>(byte);
    } else {
      quoted.append("\\x").append({kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return quoted + '"';
}

}  // namespace

v1::ModelSelector Select(std::string_view name) {
  if (!IsUtf8(name)) throw InvalidField("model", "must be UTF-8, and is " + Quoted(name));
  v1::ModelSelector selector;
  const std::size_t at = name.find('@');
  selector.set_name(std::string(name.substr(0, at)));
  if (at == std::string_view::npos) return selector;
  const std::string_view choice = name.substr(at + 1);
  if (std::uint64_t version; IsNumber(choice, &version)) {
    selector.set_version(version);
  } else {
    selector.set_version_label(std::string(choice));
  }
  return selector;
}

std::int32_t Label(const v1::Model& model, std::string_view class_name) {
  if (std::int32_t number; IsNumber(class_name, &number)) return number;
  if (!model.has_card()) return kNoLabel;
  std::string names;
  for (std::int32_t label = 0; label < model.card().classes_size(); ++label) {
    const std::string& name = model.card().classes(label);
    if (EqualInAnyCase(name, class_name)) return label;
    names += (label > 0 ? ", " : "") + name;
  }
  throw InvalidField("labels", model.name() + " has no class '" + std::string(class_name) + "'; it has: " +
                                   (names.empty() ? "none" : names));
}

}  // namespace pixelzoo
