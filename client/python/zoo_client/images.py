"""Pixels as numpy arrays, as PIL pictures, and as the messages in which they travel.

Pixels are uint8, 0 (black) to 255 (white), [height, width, channels] with 1 channel (grey) or 3 (RGB).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from pixelzoo.v1 import image_pb2
from zoo_client.arguments import shown
from zoo_client.errors import ImageUnreadable, InvalidField, InvalidSetting

if TYPE_CHECKING:
    from PIL import Image as PilImage

Pixels: TypeAlias = npt.NDArray[np.uint8]
Latents: TypeAlias = npt.NDArray[np.float32 | np.int32]  # Continuous ones, or codes.
LatentsLike: TypeAlias = npt.NDArray[Any]  # What a user may hand over: it is cast to the model's type.
Encoding: TypeAlias = Literal["png", "jpeg", "raw"]
# What a user may hand over: an array [n, h, w, c], [n, h, w] (grey) or [h, w, c]; a PIL picture, which is converted to
# the model's channels; the bytes of a file, which are sent as they are: 8-bit grey or RGB PNG or JPEG, with the model's
# channels; or several.
Images: TypeAlias = (
    "npt.NDArray[Any] | PilImage.Image | bytes | Iterable[npt.NDArray[Any] | PilImage.Image | bytes]"
)

ENCODINGS: dict[str, image_pb2.ImageEncoding.ValueType] = {
    "png": image_pb2.IMAGE_ENCODING_PNG,
    "jpeg": image_pb2.IMAGE_ENCODING_JPEG,
    "raw": image_pb2.IMAGE_ENCODING_RAW,
}

_MODES = {1: "L", 3: "RGB"}
_CHANNEL_WORDS = {1: "1 channel (grey)", 3: "3 channels (RGB)"}
_MOST_CHANNELS = 4  # That a picture of any program has.

# Elements travel little-endian, whatever this machine's own byte order is.
DATA_TYPES: dict[image_pb2.DataType.ValueType, np.dtype[Any]] = {
    image_pb2.DATA_TYPE_UINT8: np.dtype("u1"),
    image_pb2.DATA_TYPE_INT32: np.dtype("<i4"),
    image_pb2.DATA_TYPE_INT64: np.dtype("<i8"),
    image_pb2.DATA_TYPE_FLOAT32: np.dtype("<f4"),
}


def checked_encoding(encoding: Encoding) -> Encoding:
    """The encoding itself; raises InvalidSetting for another than those there are."""
    if not isinstance(encoding, str) or encoding not in ENCODINGS:  # type: ignore[redundant-expr]  # arrays compare
        raise InvalidSetting("encoding", f"must be png, jpeg or raw, and is {shown(encoding)}")
    return encoding


def as_list(images: Images, channels: int, path: str = "images") -> list[Pixels]:
    """Takes the images apart, each as uint8 [h, w, channels]. Of bool, False is black and True is white.

    Raises:
        InvalidField: what stands at `path` of the request is no image: no array of uint8, or of axes that no image has.
            Of a file, it has other channels.
        ImageUnreadable: the bytes are no file that a server would take, or the pixels of a picture cannot be had.
    """
    return [
        _from_file(one, channels, path) if isinstance(one, bytes) else one
        for one in _apart(images, channels, path)
    ]


def to_messages(
    images: Images, channels: int, encoding: Encoding, path: str = "images"
) -> list[image_pb2.Image]:
    """The images as they are sent; a file's bytes go as they are, for the server to read."""
    return [
        image_pb2.Image(encoded=image_pb2.EncodedImage(data=one))
        if isinstance(one, bytes)
        else to_message(one, encoding)
        for one in _apart(images, channels, path)
    ]


def size(message: image_pb2.Image) -> int:
    """How many bytes its pixels have; 1 for what is no image file."""
    if message.height:
        return message.height * message.width * message.channels
    from PIL import Image

    try:
        with Image.open(io.BytesIO(message.encoded.data)) as picture:  # It reads the header alone.
            return picture.height * picture.width * len(picture.getbands())
    except Exception:  # noqa: BLE001 (Pillow raises many kinds; the server says what is wrong)
        return 1


def _apart(images: Any, channels: int, path: str) -> Iterator[Pixels | bytes]:
    if isinstance(images, np.ndarray):
        images = images * np.uint8(255) if images.dtype == np.bool_ else images
        if images.dtype != np.uint8:
            rule = f"must be uint8, 0 to 255, and is {images.dtype}: scale it, and use astype('uint8')"
            raise InvalidField.of(path, rule)
        _check_axes(images.shape, channels, path)
        alone = images.ndim < 3 or (images.ndim == 3 and images.shape[-1] == channels)
        for image in [images] if alone else images:
            yield _with_channels(image, channels, path)
    elif _is_picture(images):
        yield _from_pil(images, channels, path)
    elif isinstance(images, bytes):
        yield images
    elif hasattr(images, "read"):
        raise InvalidField.of(path, f"must be the bytes of a file, and is {shown(images)}: give its read()")
    elif isinstance(images, Iterable) and not isinstance(images, str | bytearray | memoryview):
        for image in images:
            yield from _apart(image, channels, path)
    else:
        rule = f"must be arrays, PIL pictures or the bytes of image files, and is {shown(images)}"
        raise InvalidField.of(path, rule)


def _is_picture(image: object) -> bool:
    """Whether this is a PIL picture; told by its methods, so that PIL need not be imported to know."""
    return hasattr(image, "convert") and hasattr(image, "getbands")


def _check_axes(shape: tuple[int, ...], channels: int, path: str) -> None:
    """Raises InvalidField for one picture of other channels, which could be taken for several grey ones.

    Of pictures that are as small as 4 x 4 nobody can tell.
    """
    if channels and len(shape) == 3 and shape[2] != channels and shape[2] <= _MOST_CHANNELS < shape[1]:
        raise InvalidField.of(path, f"must be [height, width, {channels}], and has the shape {list(shape)}")


def _with_channels(image: npt.NDArray[Any], channels: int, path: str) -> Pixels:
    shape = list(image.shape)
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    if image.ndim != 3:
        raise InvalidField.of(path, f"must be [height, width, {channels}], and has the shape {shape}")
    if not image.size:
        raise InvalidField.of(path, f"must have a pixel at least, and has the shape {shape}")
    return np.ascontiguousarray(image)


def _from_pil(picture: Any, channels: int, path: str) -> Pixels:
    if picture.mode.startswith(("I", "F")):  # Pillow would cut off what is above 255.
        rule = (
            f"must be uint8, 0 to 255, and is {picture.mode}: scale it as an array, and use astype('uint8')"
        )
        raise InvalidField.of(path, rule)
    try:
        pixels = _converted(picture, channels)
    except Exception:  # noqa: BLE001 (Pillow raises many kinds)
        rule = "must be a picture whose pixels can be read, and is closed, damaged, or of a mode that is not converted"
        raise ImageUnreadable.of(path, f"{rule}: open it anew, or give an array") from None
    return _with_channels(pixels, channels, path)


def _converted(picture: Any, channels: int) -> Pixels:
    """The pixels as grey or RGB, [h, w, channels]."""
    pixels = np.asarray(picture.convert(_MODES.get(channels, "RGB")), np.uint8)
    return np.ascontiguousarray(pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels)


def _from_file(data: bytes, channels: int, path: str) -> Pixels:
    """The pixels of a file, held to what the server holds it to, in its words."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as file:
            mode, several = file.mode, file.format == "PNG" and getattr(file, "is_animated", False)
            pixels = np.asarray(file)
    except Exception:  # noqa: BLE001 (Pillow raises many kinds)
        raise ImageUnreadable.of(path, "must be a PNG or JPEG file, and is none that can be read") from None
    if several:
        raise ImageUnreadable.of(path, "has several frames: send one picture")
    wanted = _CHANNEL_WORDS.get(channels, "grey or RGB")  # The card of a model that failed says nothing.
    if mode not in _MODES.values():
        raise ImageUnreadable.of(path, f"has pixels of mode {mode}: convert it to 8-bit {wanted}")
    if mode != _MODES.get(channels, mode):
        found = 1 if pixels.ndim == 2 else pixels.shape[2]
        raise InvalidField.of(path, f"has {found} channels, and the model takes {wanted}: convert it")
    return _with_channels(pixels, channels, path)


def to_pil(pixels: Pixels) -> PilImage.Image:
    """A PIL picture of mode L, RGB or RGBA, after the number of channels."""
    from PIL import Image

    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def to_png(pixels: Pixels, texts: Mapping[str, str] | None = None) -> bytes:
    """The pixels as a PNG file, with `texts` by keyword."""
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    for keyword, text in (texts or {}).items():
        info.add_text(keyword, text)
    buffer = io.BytesIO()
    to_pil(pixels).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def to_message(pixels: Pixels, encoding: Encoding) -> image_pb2.Image:
    """The image as it is sent: raw, or as PNG also where `encoding` is "jpeg", which would change pixels."""
    height, width, channels = pixels.shape
    message = image_pb2.Image(height=height, width=width, channels=channels)
    if encoding == "raw":
        message.raw.CopyFrom(to_tensor(pixels))
    else:
        message.encoded.CopyFrom(image_pb2.EncodedImage(data=to_png(pixels), mime_type="image/png"))
    return message


def from_message(message: image_pb2.Image) -> Pixels:
    """The pixels of an image that was received: uint8 [h, w, c]."""
    if message.WhichOneof("payload") == "raw":
        return from_tensor(message.raw).reshape(message.height, message.width, message.channels)
    from PIL import Image

    with Image.open(io.BytesIO(message.encoded.data)) as picture:
        return _converted(picture, message.channels)


def to_tensor(array: LatentsLike) -> image_pb2.RawTensor:
    """The array as a typed tensor. Raises InvalidField if the API has no such dtype."""
    for data_type, dtype in DATA_TYPES.items():
        if array.dtype == dtype:
            return image_pb2.RawTensor(
                data=array.astype(dtype).tobytes(), shape=array.shape, data_type=data_type
            )
    raise InvalidField.of("latents", f"must be uint8, int32, int64 or float32, and is {array.dtype}")


def from_tensor(tensor: image_pb2.RawTensor) -> npt.NDArray[Any]:
    """The array of a tensor that was received."""
    return np.frombuffer(tensor.data, DATA_TYPES[tensor.data_type]).reshape(tuple(tensor.shape)).copy()
