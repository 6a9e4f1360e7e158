"""Pixels as numpy arrays, as PIL pictures, and as the messages in which they travel.

Pixels are uint8, 0 (black) to 255 (white), [height, width, channels] with 1 channel (grey) or 3 (RGB).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from pixelzoo.v1 import image_pb2
from zoo_client.errors import InvalidField

if TYPE_CHECKING:
    from PIL import Image as PilImage

Pixels: TypeAlias = npt.NDArray[np.uint8]
Latents: TypeAlias = npt.NDArray[np.float32 | np.int32]  # Continuous ones, or codes.
LatentsLike: TypeAlias = npt.NDArray[Any]  # What a user may hand over: it is cast to the model's type.
Encoding: TypeAlias = Literal["png", "jpeg", "raw"]
# What a user may hand over: an array [n, h, w, c], [n, h, w] (grey) or [h, w, c], a picture, or several.
Images: TypeAlias = "npt.NDArray[Any] | PilImage.Image | Iterable[npt.NDArray[Any] | PilImage.Image]"

ENCODINGS: dict[str, image_pb2.ImageEncoding.ValueType] = {
    "png": image_pb2.IMAGE_ENCODING_PNG,
    "jpeg": image_pb2.IMAGE_ENCODING_JPEG,
    "raw": image_pb2.IMAGE_ENCODING_RAW,
}

# Elements travel little-endian, whatever this machine's own byte order is.
DATA_TYPES: dict[image_pb2.DataType.ValueType, np.dtype[Any]] = {
    image_pb2.DATA_TYPE_UINT8: np.dtype("u1"),
    image_pb2.DATA_TYPE_INT32: np.dtype("<i4"),
    image_pb2.DATA_TYPE_INT64: np.dtype("<i8"),
    image_pb2.DATA_TYPE_FLOAT32: np.dtype("<f4"),
}


def as_list(images: Images, channels: int) -> list[Pixels]:
    """Takes the images apart, each as uint8 [h, w, channels]. Of bool, False is black and True is white.

    Raises:
        InvalidField: an array is not uint8, or has axes that no image has.
    """
    if isinstance(images, np.ndarray):
        images = images * np.uint8(255) if images.dtype == np.bool_ else images
        _check_dtype(images)
        if images.ndim == 2 or (images.ndim == 3 and images.shape[-1] == channels):
            return [_with_channels(images, channels)]
        return [_with_channels(image, channels) for image in images]
    if _is_picture(images):
        return [_from_pil(images, channels)]
    return [pixels for image in images for pixels in as_list(image, channels)]  # type: ignore[union-attr]


def _is_picture(image: object) -> bool:
    """Whether this is a PIL picture; told by its methods, so that PIL need not be imported to know."""
    return hasattr(image, "convert") and hasattr(image, "getbands")


def _check_dtype(array: npt.NDArray[Any]) -> None:
    if array.dtype != np.uint8:
        raise InvalidField.of(
            "images",
            f"pixels are uint8, 0 to 255, but the array is {array.dtype}: scale it and use astype('uint8')",
        )


def _with_channels(image: npt.NDArray[Any], channels: int) -> Pixels:
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    if image.ndim != 3:
        raise InvalidField.of(
            "images", f"an image is [h, w, {channels}], but one has the shape {list(image.shape)}"
        )
    return np.ascontiguousarray(image)


def _from_pil(picture: Any, channels: int) -> Pixels:
    return _with_channels(np.asarray(picture.convert("L" if channels == 1 else "RGB"), np.uint8), channels)


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
        return _from_pil(picture, message.channels)


def to_tensor(array: LatentsLike) -> image_pb2.RawTensor:
    """The array as a typed tensor. Raises InvalidField if the API has no such dtype."""
    for data_type, dtype in DATA_TYPES.items():
        if array.dtype == dtype:
            return image_pb2.RawTensor(
                data=array.astype(dtype).tobytes(), shape=array.shape, data_type=data_type
            )
    raise InvalidField.of("latents", f"a tensor is uint8, int32, int64 or float32, not {array.dtype}")


def from_tensor(tensor: image_pb2.RawTensor) -> npt.NDArray[Any]:
    """The array of a tensor that was received."""
    return np.frombuffer(tensor.data, DATA_TYPES[tensor.data_type]).reshape(tuple(tensor.shape)).copy()
