package com.pixelzoo.client;

import com.google.protobuf.ByteString;
import com.pixelzoo.v1.DataType;
import com.pixelzoo.v1.EncodedImage;
import com.pixelzoo.v1.Image;
import com.pixelzoo.v1.RawTensor;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageInputStream;

/** Pictures from files and to files, and their pixels. */
public final class Pictures {
  private Pictures() {}

  /** A PNG or JPEG file, to be sent as it is. */
  public static Image read(Path file) throws IOException {
    ByteString data = ByteString.copyFrom(Files.readAllBytes(file));
    return Image.newBuilder().setEncoded(EncodedImage.newBuilder().setData(data)).build();
  }

  /**
   * Pixels, to be sent as they are.
   *
   * @param pixels row by row, the channels of a pixel side by side, 0 (black) to 255 (white)
   * @param channels 1 for grey, 3 for RGB
   */
  public static Image ofPixels(byte[] pixels, int height, int width, int channels) {
    return Image.newBuilder()
        .setRaw(
            RawTensor.newBuilder()
                .setData(ByteString.copyFrom(pixels))
                .addShape(height)
                .addShape(width)
                .addShape(channels)
                .setDataType(DataType.DATA_TYPE_UINT8))
        .build();
  }

  /** Writes the file that came from the server, byte for byte: a PNG holds its recipe too. */
  public static void write(Path file, Image picture) throws IOException {
    if (!picture.hasEncoded()) {
      throw new IllegalArgumentException("the picture came as raw pixels: ask for PNG, or take pixels()");
    }
    Files.write(file, picture.getEncoded().getData().toByteArray());
  }

  /**
   * A picture that came as PNG or JPEG, for AWT and ImageIO.
   *
   * @throws UncheckedIOException the file is damaged
   */
  public static BufferedImage decode(Image picture) {
    try {
      // ImageIO closes the stream; given a plain one, it would write a temporary file.
      BufferedImage decoded =
          ImageIO.read(new MemoryCacheImageInputStream(picture.getEncoded().getData().newInput()));
      if (decoded == null) {
        throw new IOException("the picture is neither a PNG nor a JPEG file");
      }
      return decoded;
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** The pixels of a picture, as {@link #ofPixels} takes them. */
  public static byte[] pixels(Image picture) {
    if (picture.hasRaw()) {
      return picture.getRaw().getData().toByteArray();
    }
    // The raster has the values of the file; BufferedImage.getRGB would convert grey to another colour space.
    Raster raster = decode(picture).getRaster();
    int[] samples = raster.getPixels(0, 0, raster.getWidth(), raster.getHeight(), (int[]) null);
    byte[] pixels = new byte[samples.length];
    for (int i = 0; i < samples.length; i++) {
      pixels[i] = (byte) samples[i];
    }
    return pixels;
  }
}
