#include "pixelzoo/pictures.h"

#include <png.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace pixelzoo {
namespace {

Pixels DecodePng(const std::string& file) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&png, file.data(), file.size())) {
    throw std::runtime_error(std::string("the picture is no PNG file: ") + png.message);
  }
  png.format = png.format & PNG_FORMAT_FLAG_COLOR ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Pixels pixels{png.height, png.width, PNG_IMAGE_SAMPLE_CHANNELS(png.format), {}};
  pixels.values.resize(PNG_IMAGE_SIZE(png));
  if (!png_image_finish_read(&png, nullptr, pixels.values.data(), 0, nullptr)) {
    throw std::runtime_error(std::string("the PNG file is damaged: ") + png.message);
  }
  return pixels;
}

}  // namespace

v1::Image ReadPicture(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  v1::Image image;
  image.mutable_encoded()->set_data(std::string(std::istreambuf_iterator<char>(file), {}));
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return image;
}

v1::Image FromPixels(const Pixels& pixels) {
  v1::Image image;
  v1::RawTensor& raw = *image.mutable_raw();
  raw.set_data(pixels.values.data(), pixels.values.size());
  raw.set_data_type(v1::DATA_TYPE_UINT8);
  for (const std::uint32_t length : {pixels.height, pixels.width, pixels.channels}) raw.add_shape(length);
  return image;
}

void WritePicture(const std::filesystem::path& path, const v1::Image& image) {
  if (!image.has_encoded()) {
    throw std::runtime_error("the picture came as raw pixels: ask for PNG, or take ToPixels");
  }
  std::ofstream file(path, std::ios::binary);
  file << image.encoded().data() << std::flush;
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

Pixels ToPixels(const v1::Image& image) {
  if (image.has_encoded()) return DecodePng(image.encoded().data());
  const v1::RawTensor& raw = image.raw();
  if (raw.shape_size() != 3 || raw.data_type() != v1::DATA_TYPE_UINT8) {
    throw std::runtime_error("the raw picture is not uint8 [height, width, channels]");
  }
  return {raw.shape(0), raw.shape(1), raw.shape(2), {raw.data().begin(), raw.data().end()}};
}

}  // namespace pixelzoo
