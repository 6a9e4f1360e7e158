// Models and classes by their names.
#pragma once

#include <cstdint>
#include <string_view>

#include "pixelzoo/v1/catalog_service.pb.h"
#include "pixelzoo/v1/model.pb.h"

namespace pixelzoo {

// The model "name", its version "name@3", or the version with a label, "name@stable". Whatever stands behind "@" and is
// no version, 0 to 2^64 - 1, counts as a label; the server says whether there is such a one. Throws Error INVALID_FIELD
// for what is not UTF-8.
v1::ModelSelector Select(std::string_view name);

// The label of a class, given by its name in the model's card, in any case, or by its number. For anything else it
// throws Error INVALID_FIELD with the names that there are. A model of which no version is available has no card: then
// it is a label that no model has, so that the call with it brings the server's answer, such as MODEL_FAILED.
std::int32_t Label(const v1::Model& model, std::string_view class_name);

}  // namespace pixelzoo
