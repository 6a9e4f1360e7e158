#include "pixelzoo/pictures.h"

#include <png.h>
#include <turbojpeg.h>

#include <fstream>
#include <new>
#include <stdexcept>
#include <string>

namespace pixelzoo {
namespace {

// More than models make. A damaged file may claim any size, and should not cost the memory for it.
constexpr std::uint64_t kMostValues = 256 << 20;

Pixels Blank(std::uint32_t height, std::uint32_t width, std::uint32_t channels) {
  const std::uint64_t values = std::uint64_t{height} * width * channels;
  if (height == 0 || width == 0 || values / height / width != channels || values > kMostValues) {
    throw std::runtime_error("the picture is too large, or damaged: it says that it is " + std::to_string(width) + "x" +
                             std::to_string(height));
  }
  return {height, width, channels, std::vector<std::uint8_t>(values)};
}

// What libpng allocates as it reads.
struct PngReader : png_image {
  PngReader() : png_image{} { version = PNG_IMAGE_VERSION; }
  PngReader(const PngReader&) = delete;
  ~PngReader() { png_image_free(this); }
};

Pixels DecodePng(const std::string& file) {
  PngReader png;
  if (!png_image_begin_read_from_memory(&png, file.data(), file.size())) {
    throw std::runtime_error(std::string("the PNG file is damaged: ") + png.message);
  }
  if (png.format & (PNG_FORMAT_FLAG_ALPHA | PNG_FORMAT_FLAG_LINEAR)) {
    throw std::runtime_error("the PNG file has transparency, or 16 bits a value: make it 8-bit grey or RGB");
  }
  png.format = png.format & PNG_FORMAT_FLAG_COLOR ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Pixels pixels = Blank(png.height, png.width, PNG_IMAGE_SAMPLE_CHANNELS(png.format));
  if (!png_image_finish_read(&png, nullptr, pixels.values.data(), 0, nullptr)) {
    throw std::runtime_error(std::string("the PNG file is damaged: ") + png.message);
  }
  return pixels;
}

struct JpegReader {
  JpegReader() : handle(tjInitDecompress()) {
    if (handle == nullptr) throw std::bad_alloc();
  }
  JpegReader(const JpegReader&) = delete;
  ~JpegReader() { tjDestroy(handle); }

  // Throws what libjpeg says of the step that has given `status`. A warning counts too: of a file that was cut it
  // would fill in the rest.
  void Check(int status) const {
    if (status != 0) throw std::runtime_error(std::string("the JPEG file is damaged: ") + tjGetErrorStr2(handle));
  }

  tjhandle handle;
};

Pixels DecodeJpeg(const std::string& file) {
  const JpegReader jpeg;
  const auto* bytes = reinterpret_cast<const unsigned char*>(file.data());
  int width, height, subsampling, colorspace;
  jpeg.Check(tjDecompressHeader3(jpeg.handle, bytes, file.size(), &width, &height, &subsampling, &colorspace));
  const bool grey = colorspace == TJCS_GRAY;
  Pixels pixels = Blank(height, width, grey ? 1 : 3);
  jpeg.Check(tjDecompress2(jpeg.handle, bytes, file.size(), pixels.values.data(), width, 0, height,
                           grey ? TJPF_GRAY : TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING));
  return pixels;
}

Pixels Decode(const std::string& file) {
  if (file.starts_with("\x89PNG")) return DecodePng(file);
  if (file.starts_with("\xFF\xD8")) return DecodeJpeg(file);
  throw std::runtime_error("the picture is neither a PNG nor a JPEG file");
}

}  // namespace

v1::Image ReadPicture(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  v1::Image image;
  std::string& data = *image.mutable_encoded()->mutable_data();
  char block[1 << 16];
  while (file) {
    file.read(block, sizeof block);
    data.append(block, file.gcount());
  }
  if (file.bad() || !file.eof()) throw std::runtime_error("cannot read " + path.string());  // A folder is bad.
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
  if (image.has_encoded()) return Decode(image.encoded().data());
  const v1::RawTensor& raw = image.raw();
  if (raw.shape_size() != 3 || raw.data_type() != v1::DATA_TYPE_UINT8) {
    throw std::runtime_error("the raw picture is not uint8 [height, width, channels]");
  }
  if (std::uint64_t{raw.shape(0)} * raw.shape(1) * raw.shape(2) != raw.data().size()) {
    throw std::runtime_error("the raw picture has not as many values as its shape says");
  }
  return {raw.shape(0), raw.shape(1), raw.shape(2), {raw.data().begin(), raw.data().end()}};
}

}  // namespace pixelzoo
