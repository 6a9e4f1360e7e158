"""Image files on their way in: what is read, what is refused, and that bombs never go off."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pixelzoo.v1 import error_pb2, image_pb2
from zoo_server import images
from zoo_server.call_error import CallError

GREY = image_pb2.ImageShape(height=4, width=4, channels=1)
COLOUR = image_pb2.ImageShape(height=4, width=4, channels=3)
ANY = image_pb2.ImageShape(channels=3)

INVALID = error_pb2.ERROR_REASON_INVALID_FIELD
LARGE = error_pb2.ERROR_REASON_IMAGE_TOO_LARGE
UNREADABLE = error_pb2.ERROR_REASON_IMAGE_UNREADABLE


def file(picture, kind="PNG", **settings):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **settings)
    return buffer.getvalue()


def decode(data, shape=GREY, max_pixels=1024, mime_type="", **fields):
    encoded = image_pb2.EncodedImage(data=data, mime_type=mime_type)
    return images.decode(
        images.Incoming(image_pb2.Image(encoded=encoded, **fields), shape, "images[0]"), max_pixels
    )


def refused(*args, **fields):
    with pytest.raises(CallError) as caught:
        decode(*args, **fields)
    return caught.value


def grey(size=(4, 4)):
    generator = np.random.default_rng(1)
    return Image.fromarray(generator.integers(0, 256, size, np.uint8))


def colour(size=(4, 4)):
    generator = np.random.default_rng(1)
    return Image.fromarray(generator.integers(0, 256, (*size, 3), np.uint8))


def png(width, height, depth=8, colour_type=0, data=b"", extra=b""):
    """A PNG file chunk by chunk, so that it can lie."""

    def chunk(kind, payload):
        return (
            struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def test_png_and_jpeg_are_read():
    np.testing.assert_array_equal(decode(file(grey()))[..., 0], np.asarray(grey()))
    np.testing.assert_array_equal(decode(file(colour()), COLOUR), np.asarray(colour()))
    jpeg = file(colour(), "JPEG", quality=95)
    np.testing.assert_array_equal(decode(jpeg, COLOUR), np.asarray(Image.open(io.BytesIO(jpeg))))


def test_height_and_width_stay_apart():
    assert decode(file(colour((3, 5))), ANY).shape == (3, 5, 3)


@pytest.mark.parametrize(("kind", "mime_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_a_mime_type_must_not_contradict_the_file(kind, mime_type):
    data = file(grey(), kind)
    assert decode(data, mime_type=mime_type).shape == (4, 4, 1)
    other = "image/jpeg" if kind == "PNG" else "image/png"
    assert refused(data, mime_type=other).reason == INVALID


@pytest.mark.parametrize("name", ["width", "height", "channels"])
def test_a_stated_size_must_not_contradict_the_file(name):
    data = file(grey())
    assert decode(data, width=4, height=4, channels=1).shape == (4, 4, 1)
    error = refused(data, **{name: 3})
    assert (error.reason, error.metadata["field"]) == (INVALID, f"images[0].{name}")


def test_another_size_or_number_of_channels_is_named():
    assert "is 5x3 pixels, and the model takes 4x4: resize it" in str(refused(file(grey((3, 5)))))
    assert "has 3 channels, and the model takes 1 channel (grey)" in str(refused(file(colour())))


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "I;16", "CMYK"])
def test_other_kinds_of_pixels_are_named(mode):
    picture = Image.new(mode, (4, 4))
    error = refused(file(picture, "JPEG" if mode == "CMYK" else "PNG"))
    assert error.reason == UNREADABLE
    assert mode.split(";")[0] in str(error)
    assert "convert it" in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an image",
        b"\x89PNG\r\n\x1a\n",
        file(Image.new("L", (4, 4)), "GIF"),
        file(Image.new("L", (4, 4)), "BMP"),
        b"\xff\xd8\xff\xe0" + bytes(100),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
    ids=["empty", "text", "signature", "gif", "bmp", "jpeg-start", "svg"],
)
def test_what_is_no_png_or_jpeg_is_refused(data):
    assert refused(data).reason == UNREADABLE


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_cut_short_is_refused(kind):
    data = file(colour((32, 32)), kind)
    assert refused(data[: len(data) * 2 // 3], ANY).reason == UNREADABLE


def test_a_file_of_several_pictures_is_refused():
    frames = [grey(), Image.new("L", (4, 4))]
    data = file(frames[0], save_all=True, append_images=frames[1:])
    assert "several frames" in str(refused(data))


@pytest.mark.parametrize("side", [33, 20_000, 65_535, 2**31 - 1])
def test_a_bomb_is_refused_by_its_header(side):
    """A small file that says it is huge: refused, and nothing of that size is ever allocated."""
    data = png(side, side, data=bytes(1000))
    tracemalloc.start()
    error = refused(data, ANY)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.reason == (LARGE if side < 2**31 - 1 else error.reason)
    assert error.reason in (LARGE, UNREADABLE)
    assert peak < 2**20


def test_text_that_swells_is_left_alone():
    """A compressed text chunk of many megabytes."""
    payload = b"Comment\0\0" + zlib.compress(bytes(64 * 2**20))
    chunk = (
        struct.pack(">I", len(payload)) + b"zTXt" + payload + struct.pack(">I", zlib.crc32(b"zTXt" + payload))
    )
    picture = png(4, 4, data=bytes(20), extra=chunk)
    tracemalloc.start()
    assert not decode(picture).any()
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_the_recipe_survives_in_the_text_of_a_png():
    pixels = np.asarray(colour())
    encoded = images.encode(pixels, image_pb2.IMAGE_ENCODING_PNG, recipe='{"model": "ripples"}').encoded
    with Image.open(io.BytesIO(encoded.data)) as picture:
        assert picture.text == {"pixelzoo.recipe": '{"model": "ripples"}'}
    np.testing.assert_array_equal(decode(encoded.data, COLOUR), pixels)


def test_texts_and_profiles_of_a_png_are_never_inflated(monkeypatch):
    def refuse(*_):
        raise AssertionError("inflated")

    text = PngImagePlugin.PngInfo()
    for number in range(3):
        text.add_text(f"text {number}", "a" * 1_000_000, zip=True)
        text.add_itxt(f"more {number}", "a" * 1_000_000, zip=True)
    data = file(Image.new("L", (4, 4), 7), pnginfo=text, icc_profile=b"p" * 900_000)
    monkeypatch.setattr(PngImagePlugin, "_safe_zlib_decompress", refuse)
    assert decode(data).tolist() == np.full([4, 4, 1], 7).tolist()
    picture = image_pb2.Image(encoded=image_pb2.EncodedImage(data=data))
    assert images.measure(images.Incoming(picture, GREY, "images[0]"), 1024) == (4, 4, 1)
