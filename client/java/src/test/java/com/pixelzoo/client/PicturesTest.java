package com.pixelzoo.client;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import com.google.protobuf.ByteString;
import com.pixelzoo.v1.DataType;
import com.pixelzoo.v1.EncodedImage;
import com.pixelzoo.v1.Image;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.Test;

/** The pixels of pictures, whatever their file, and damaged files. */
public final class PicturesTest {
  private static final int WIDTH = 16;
  private static final int HEIGHT = 24;

  @Test
  public void pngHasItsPixels() throws IOException {
    Image colour = file("png", BufferedImage.TYPE_3BYTE_BGR, 0x010203);
    assertArrayEquals(new byte[] {1, 2, 3}, first(Pictures.pixels(colour)));
    assertEquals(WIDTH * HEIGHT, Pictures.pixels(file("png", BufferedImage.TYPE_BYTE_GRAY, 0)).length);
  }

  @Test
  public void palettesAreColours() throws IOException {
    byte[] pixels = Pictures.pixels(file("png", BufferedImage.TYPE_BYTE_INDEXED, 0x00FF33));
    assertArrayEquals(new byte[] {0, (byte) 0xFF, 0x33}, first(pixels));
  }

  @Test
  public void jpegHasItsPixels() throws IOException {
    byte[] pixels = Pictures.pixels(file("jpg", BufferedImage.TYPE_3BYTE_BGR, 0x406080));
    assertEquals(WIDTH * HEIGHT * 3, pixels.length);
    assertEquals(0x40, pixels[0] & 0xFF, 3);
    assertEquals(0x60, pixels[1] & 0xFF, 3);
    assertEquals(0x80, pixels[2] & 0xFF, 3);
  }

  @Test
  public void whatPixelsCannotSayIsRefused() throws IOException {
    for (int type : new int[] {BufferedImage.TYPE_4BYTE_ABGR, BufferedImage.TYPE_USHORT_GRAY}) {
      Image picture = file("png", type, 0xFF);
      UncheckedIOException error = assertThrows(UncheckedIOException.class, () -> Pictures.pixels(picture));
      assertTrue(error.getMessage(), error.getMessage().contains("make it 8-bit grey or RGB"));
    }
    Image.Builder floats = Pictures.ofPixels(new byte[4], 1, 1, 1).toBuilder();
    floats.getRawBuilder().setDataType(DataType.DATA_TYPE_FLOAT32);
    assertThrows(IllegalArgumentException.class, () -> Pictures.pixels(floats.build()));
  }

  @Test
  public void damagedFilesAreRefusedAtEveryLength() throws IOException {
    BufferedImage noise = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_3BYTE_BGR);
    Random random = new Random(7);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
      noise.setRGB(i % WIDTH, i / WIDTH, random.nextInt());
    }
    for (String format : new String[] {"png", "jpg"}) {
      ByteString whole = file(format, noise).getEncoded().getData();
      // The last bytes of a PNG file hold no pixels, but check sums and the word that it ends.
      for (int length = 0; length < whole.size() - 32; length++) {
        Image cut = image(whole.substring(0, length));
        assertThrows(format + " " + length, UncheckedIOException.class, () -> Pictures.pixels(cut));
      }
    }
  }

  private static byte[] first(byte[] pixels) {
    return new byte[] {pixels[0], pixels[1], pixels[2]};
  }

  /** A picture of one colour. */
  private static Image file(String format, int type, int colour) throws IOException {
    BufferedImage picture = new BufferedImage(WIDTH, HEIGHT, type);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
      picture.setRGB(i % WIDTH, i / WIDTH, 0xFF000000 | colour);
    }
    return file(format, picture);
  }

  private static Image file(String format, BufferedImage picture) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    assertTrue(ImageIO.write(picture, format, bytes));
    return image(ByteString.copyFrom(bytes.toByteArray()));
  }

  private static Image image(ByteString file) {
    return Image.newBuilder().setEncoded(EncodedImage.newBuilder().setData(file)).build();
  }
}
