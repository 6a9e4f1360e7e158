// The pixels of pictures, whatever their file, and damaged files.
#include <pixelzoo/pictures.h>
#include <turbojpeg.h>

#include <stdexcept>

#include "testing.h"

namespace {

// A slope from dark to light, which JPEG hardly changes.
pixelzoo::Pixels Slope(std::uint32_t channels) {
  pixelzoo::Pixels pixels{24, 16, channels, {}};
  for (std::uint32_t i = 0; i < 24 * 16; ++i) {
    for (std::uint32_t channel = 0; channel < channels; ++channel) {
      pixels.values.push_back(40 + 8 * (i / 16) - 10 * channel);
    }
  }
  return pixels;
}

pixelzoo::v1::Image Jpeg(const pixelzoo::Pixels& pixels) {
  const bool grey = pixels.channels == 1;
  const tjhandle jpeg = tjInitCompress();
  unsigned char* file = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(jpeg, pixels.values.data(), pixels.width, 0, pixels.height, grey ? TJPF_GRAY : TJPF_RGB, &file,
                        &size, grey ? TJSAMP_GRAY : TJSAMP_444, 95, 0),
            0);
  pixelzoo::v1::Image image;
  image.mutable_encoded()->set_data(file, size);
  tjFree(file);
  tjDestroy(jpeg);
  return image;
}

}  // namespace

TEST(Pictures, ThatAreJpegHaveTheirPixels) {
  for (const std::uint32_t channels : {1u, 3u}) {
    const pixelzoo::Pixels expected = Slope(channels);
    const pixelzoo::Pixels pixels = pixelzoo::ToPixels(Jpeg(expected));
    EXPECT_EQ(pixels.height, 24);
    EXPECT_EQ(pixels.width, 16);
    EXPECT_EQ(pixels.channels, channels);
    ASSERT_EQ(pixels.values.size(), expected.values.size());
    for (std::size_t i = 0; i < pixels.values.size(); ++i) EXPECT_NEAR(pixels.values[i], expected.values[i], 8) << i;
  }
}

TEST(Pictures, ThatAreRawHaveTheirPixels) {
  EXPECT_EQ(pixelzoo::ToPixels(pixelzoo::FromPixels(Slope(3))).values, Slope(3).values);
  pixelzoo::v1::Image cut = pixelzoo::FromPixels(Slope(3));
  cut.mutable_raw()->mutable_data()->pop_back();
  EXPECT_THROW(pixelzoo::ToPixels(cut), std::runtime_error);
}

TEST(Pictures, ThatAreDamagedAreRefusedAtEveryLength) {
  const pixelzoo::v1::Image whole = Jpeg(Slope(3));
  for (std::size_t length = 0; length + 2 < whole.encoded().data().size(); ++length) {
    pixelzoo::v1::Image cut;
    cut.mutable_encoded()->set_data(whole.encoded().data().substr(0, length));
    EXPECT_THROW(pixelzoo::ToPixels(cut), std::runtime_error) << length;
  }
}

TEST(Pictures, ThatCannotBeReadAreNamed) {
  for (const char* path : {"/", "/no/such.png"}) {
    try {
      pixelzoo::ReadPicture(path);
      FAIL() << "no error was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), std::string("cannot read ") + path);
    }
  }
}

TEST(Pictures, ThatClaimAHugeSizeCostNoMemory) {
  pixelzoo::v1::Image huge = Jpeg(Slope(3));
  std::string& file = *huge.mutable_encoded()->mutable_data();
  const std::size_t frame = file.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  file.replace(frame + 5, 4, "\xFF\x00\xFF\x00", 4);  // Height and width, 65,280 each.
  try {
    pixelzoo::ToPixels(huge);
    FAIL() << "no error was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("65280x65280"), std::string::npos) << error.what();
  }
}
