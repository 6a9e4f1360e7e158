#include "pixelzoo/names.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>

#include "pixelzoo/error.h"

namespace pixelzoo {
namespace {

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

}  // namespace

v1::ModelSelector Select(std::string_view name) {
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
  std::string names;
  for (std::int32_t label = 0; label < model.card().classes_size(); ++label) {
    const std::string& name = model.card().classes(label);
    if (EqualInAnyCase(name, class_name)) return label;
    names += (label > 0 ? ", " : "") + name;
  }
  const std::string rule =
      model.name() + " has no class '" + std::string(class_name) + "'; it has: " + (names.empty() ? "none" : names);
  throw Error(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD", "labels: " + rule, {{"labels", rule}});
}

}  // namespace pixelzoo
