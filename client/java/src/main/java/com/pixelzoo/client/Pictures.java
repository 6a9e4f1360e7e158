package com.pixelzoo.client;

import com.google.protobuf.ByteString;
import com.pixelzoo.v1.DataType;
import com.pixelzoo.v1.EncodedImage;
import com.pixelzoo.v1.Image;
import com.pixelzoo.v1.RawTensor;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/** Pictures from files and to files, and their pixels. */
public final class Pictures {
  /** More than models make. A damaged file may claim any size, and should not cost the memory for it. */
  private static final long MOST_PIXELS = 64 << 20;

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
   * A picture that is PNG or JPEG, for AWT and ImageIO.
   *
   * @throws UncheckedIOException the file is damaged, or too large
   */
  public static BufferedImage decode(Image picture) {
    // Given a plain stream, ImageIO would write a temporary file.
    try (ImageInputStream file = new MemoryCacheImageInputStream(picture.getEncoded().getData().newInput())) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(file);
      if (!readers.hasNext()) {
        throw new IOException("the picture is neither a PNG nor a JPEG file");
      }
      return decode(readers.next(), file);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private static BufferedImage decode(ImageReader reader, ImageInputStream file) throws IOException {
    List<String> warnings = new ArrayList<>();
    reader.addIIOReadWarningListener((source, warning) -> warnings.add(warning));
    try {
      reader.setInput(file, true, true);
      if ((long) reader.getWidth(0) * reader.getHeight(0) > MOST_PIXELS) {
        String size = reader.getWidth(0) + "x" + reader.getHeight(0);
        throw new IOException("the picture is too large, or damaged: it says that it is " + size);
      }
      BufferedImage decoded = reader.read(0);
      if (!warnings.isEmpty()) { // Of a JPEG file that was cut it would fill in the rest.
        throw new IOException("the picture is damaged: " + warnings.get(0));
      }
      return decoded;
    } finally {
      reader.dispose();
    }
  }

  /**
   * The pixels of a picture, as {@link #ofPixels} takes them.
   *
   * @throws UncheckedIOException the file is damaged, or is not 8-bit grey or RGB
   * @throws IllegalArgumentException the raw picture is not of the type uint8
   */
  public static byte[] pixels(Image picture) {
    if (picture.hasRaw()) {
      if (picture.getRaw().getDataType() != DataType.DATA_TYPE_UINT8) {
        throw new IllegalArgumentException("the raw picture is not uint8 [height, width, channels]");
      }
      return picture.getRaw().getData().toByteArray();
    }
    BufferedImage decoded = decode(picture);
    int bits = Arrays.stream(decoded.getSampleModel().getSampleSize()).max().orElse(0);
    if (decoded.getColorModel().hasAlpha() || bits > 8) {
      throw new UncheckedIOException(
          new IOException("the picture has transparency, or 16 bits a value: make it 8-bit grey or RGB"));
    }
    if (decoded.getColorModel() instanceof IndexColorModel palette) {
      decoded = palette.convertToIntDiscrete(decoded.getRaster(), false);
    }
    // The raster has the values of the file; BufferedImage.getRGB would convert grey to another colour space.
    Raster raster = decoded.getRaster();
    int[] samples = raster.getPixels(0, 0, raster.getWidth(), raster.getHeight(), (int[]) null);
    byte[] pixels = new byte[samples.length];
    for (int i = 0; i < samples.length; i++) {
      pixels[i] = (byte) samples[i];
    }
    return pixels;
  }
}
