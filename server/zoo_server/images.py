"""Pictures on their way in and out: decoded only after their size is known to be small, encoded with their recipe."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image as Pillow
from PIL import PngImagePlugin

from pixelzoo.v1 import image_pb2
from zoo_server.arrays import Array
from zoo_server.errors import image_too_large, image_unreadable, invalid_field

RECIPE_KEY = "pixelzoo.recipe"
"""Keyword of the PNG text chunk that holds the recipe as proto JSON."""

# Pillow would refuse some large pictures itself, in other words than ours; `decode` refuses all that are too large.
Pillow.MAX_IMAGE_PIXELS = None

# MPO is what Pillow calls a JPEG file with further pictures behind the first, as telephones write them.
_MIME_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg"}
_MODES = {1: "L", 3: "RGB"}
_CHANNEL_WORDS = {1: "1 channel (grey)", 3: "3 channels (RGB)"}
_JPEG_QUALITY = 95

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UNREAD_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
_MOST_CHUNKS = 2**14
"""A file of 16 MiB in parts of the usual 8 KiB has 2048. What comes after so many is left out, as if cut off."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A picture that a request has at `path`; a height or width of 0 in `shape` accepts any."""

    image: image_pb2.Image
    shape: image_pb2.ImageShape
    path: str


Shape: TypeAlias = tuple[int, int, int]
"""Height, width and channels."""


def measure(incoming: Incoming, max_pixels: int) -> Shape:
    """Its shape, by its header: no pixel is decoded. Raises all that `decode` does, but for damaged pixels."""
    image, path = incoming.image, incoming.path
    if image.WhichOneof("payload") == "raw":
        height, width, channels = decode(incoming, max_pixels).shape  # Raw pixels are as they come.
        return height, width, channels
    with _open(image.encoded, incoming.shape, max_pixels, f"{path}.encoded") as file:
        shape = (file.height, file.width, len(file.getbands()))
    _check_stated(image, shape, path)
    return shape


def decode(incoming: Incoming, max_pixels: int) -> Array:
    """Its pixels, uint8[height, width, channels].

    Raises IMAGE_TOO_LARGE before a pixel is decoded, IMAGE_UNREADABLE for what is no sound PNG or JPEG file, and
    INVALID_FIELD for another shape than that asked for.
    """
    image, shape, path = incoming.image, incoming.shape, incoming.path
    if image.WhichOneof("payload") == "raw":
        pixels = _from_raw(image.raw, max_pixels, f"{path}.raw")
        _check_shape(pixels.shape, shape, f"{path}.raw.shape")
    else:
        pixels = _from_file(image.encoded, shape, max_pixels, f"{path}.encoded")
    _check_stated(image, pixels.shape, path)
    return pixels


def _check_stated(image: image_pb2.Image, shape: Sequence[int], path: str) -> None:
    for name, found in zip(("height", "width", "channels"), shape, strict=True):
        stated = getattr(image, name)
        if stated and stated != found:
            raise invalid_field(f"{path}.{name}", f"says {stated}, but the payload has {found}: leave it 0")


def _from_raw(raw: image_pb2.RawTensor, max_pixels: int, path: str) -> Array:
    if raw.data_type != image_pb2.DATA_TYPE_UINT8:
        raise invalid_field(f"{path}.data_type", "must be UINT8 for pixels")
    if len(raw.shape) != 3:
        raise invalid_field(
            f"{path}.shape", f"must be [height, width, channels], and has {len(raw.shape)} axes"
        )
    height, width, channels = raw.shape
    if height * width > max_pixels:
        raise image_too_large(path, width, height, max_pixels)
    if len(raw.data) != height * width * channels:
        raise invalid_field(
            f"{path}.data", f"must be {height * width * channels} bytes for its shape, and is {len(raw.data)}"
        )
    return np.frombuffer(raw.data, np.uint8).reshape(height, width, channels)


def _from_file(
    encoded: image_pb2.EncodedImage, shape: image_pb2.ImageShape, max_pixels: int, path: str
) -> Array:
    with _open(encoded, shape, max_pixels, path) as file:
        try:
            pixels = np.asarray(file)
        except Exception as error:  # Pillow raises many kinds of errors for what comes after a sound header.
            raise image_unreadable(
                f"{path}.data", "is damaged: its header is sound, its pixels are not"
            ) from error
    return pixels.reshape(file.height, file.width, -1)


def _without_texts(data: bytes) -> bytes:
    """A PNG file without its texts and colour profile, which nobody here reads; anything else as it is.

    Pillow inflates them as it opens a file: a thousand times their size, before anyone has looked at the header.
    """
    if not data.startswith(_PNG_SIGNATURE):
        return data
    kept, begin = [_PNG_SIGNATURE], len(_PNG_SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        if begin >= len(data):
            break
        end = begin + 12 + int.from_bytes(data[begin : begin + 4])  # Length, kind, content, checksum.
        if data[begin + 4 : begin + 8] not in _UNREAD_CHUNKS:
            kept.append(data[begin:end])
        begin = end
    return b"".join(kept)


@contextmanager
def _open(
    encoded: image_pb2.EncodedImage, shape: image_pb2.ImageShape, max_pixels: int, path: str
) -> Iterator[Pillow.Image]:
    """A file whose header is as it should be."""
    try:
        # Only the header is read here: Pillow decodes pixels when they are asked for.
        file = Pillow.open(io.BytesIO(_without_texts(encoded.data)), formats=("PNG", "JPEG"))
    except Exception as error:  # As above, for bytes that are no image.
        raise image_unreadable(
            f"{path}.data", "is not a PNG or JPEG file: send one, or raw pixels"
        ) from error
    with file:
        if file.width * file.height > max_pixels:
            raise image_too_large(f"{path}.data", file.width, file.height, max_pixels)
        mime_type = _MIME_TYPES[file.format or ""]
        if encoded.mime_type and encoded.mime_type != mime_type:
            raise invalid_field(f"{path}.mime_type", f"says {encoded.mime_type}, but the data is {mime_type}")
        if file.format == "PNG" and getattr(file, "is_animated", False):
            raise image_unreadable(f"{path}.data", "has several frames: send one picture")
        if file.mode not in _MODES.values():
            rule = f"has pixels of mode {file.mode}: convert it to 8-bit {_CHANNEL_WORDS[shape.channels]}"
            raise image_unreadable(f"{path}.data", rule)
        _check_shape((file.height, file.width, len(file.getbands())), shape, f"{path}.data")
        yield file


def _check_shape(found: Sequence[int], wanted: image_pb2.ImageShape, path: str) -> None:
    height, width, channels = found
    if height != (wanted.height or height) or width != (wanted.width or width):
        taken = f"{wanted.width or 'any'}x{wanted.height or 'any'}"
        raise invalid_field(path, f"is {width}x{height} pixels, and the model takes {taken}: resize it")
    if channels != wanted.channels:
        rule = f"has {channels} channels, and the model takes {_CHANNEL_WORDS[wanted.channels]}: convert it"
        raise invalid_field(path, rule)


def encode(pixels: Array, encoding: image_pb2.ImageEncoding.ValueType, recipe: str = "") -> image_pb2.Image:
    """An Image of uint8[height, width, channels]; `recipe` goes into the text of a PNG file."""
    height, width, channels = pixels.shape
    image = image_pb2.Image(width=width, height=height, channels=channels)
    if encoding == image_pb2.IMAGE_ENCODING_RAW:
        image.raw.data = np.ascontiguousarray(pixels).tobytes()
        image.raw.shape.extend(pixels.shape)
        image.raw.data_type = image_pb2.DATA_TYPE_UINT8
        return image
    picture = Pillow.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    buffer = io.BytesIO()
    if encoding == image_pb2.IMAGE_ENCODING_JPEG:
        picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
        image.encoded.mime_type = "image/jpeg"
    else:
        text = PngImagePlugin.PngInfo()
        if recipe:
            text.add_text(RECIPE_KEY, recipe)
        picture.save(buffer, "PNG", pnginfo=text)
        image.encoded.mime_type = "image/png"
    image.encoded.data = buffer.getvalue()
    return image
