// Pictures from files and to files, and their pixels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "pixelzoo/v1/image.pb.h"

namespace pixelzoo {

// Pixels, row by row, with the channels of a pixel side by side: grey or RGB.
struct Pixels {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::uint32_t channels = 0;  // 1 or 3.
  std::vector<std::uint8_t> values;  // height x width x channels of them, 0 (black) to 255 (white).
};

// A PNG or JPEG file, to be sent as it is. Throws std::runtime_error if it cannot be read.
v1::Image ReadPicture(const std::filesystem::path& path);

// Pixels, to be sent as they are.
v1::Image FromPixels(const Pixels& pixels);

// Writes the file that came from the server, byte for byte: a PNG holds its recipe too. Throws std::runtime_error if it
// cannot be written, or if the picture came as raw pixels.
void WritePicture(const std::filesystem::path& path, const v1::Image& image);

// The pixels of a picture that is PNG, JPEG or raw. Throws std::runtime_error for a damaged file, and for one that is
// not 8-bit grey or RGB.
Pixels ToPixels(const v1::Image& image);

}  // namespace pixelzoo
