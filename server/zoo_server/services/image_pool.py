"""Decodes and encodes pictures in a few threads, so that the event loop never waits for one."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf import json_format

from pixelzoo.v1 import image_pb2
from zoo_server import calls, images
from zoo_server.arrays import Array
from zoo_server.images import Incoming

_T = TypeVar("_T")

_SMALL_BYTES = 2**15
"""Pixels that are copied in some microseconds, less than it takes to wake a thread for them."""

_WITHOUT_TEXT = (image_pb2.IMAGE_ENCODING_RAW, image_pb2.IMAGE_ENCODING_JPEG)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Pixels for a response; `recipe`, a message or None, goes into the text of a PNG."""

    pixels: Array
    encoding: image_pb2.ImageEncoding.ValueType
    recipe: Any = None


class ImagePool:
    """A few threads for pictures."""

    def __init__(self, threads: int, max_pixels: int) -> None:
        """`max_pixels` is the most that any picture of a request may have, whatever the model says."""
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="images")
        self._max_pixels = max_pixels

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def measure(self, pictures: Sequence[Incoming], max_pixels: int) -> list[images.Shape]:
        """Their shapes, read from their headers alone, in one go; raises as `decode` does."""
        limit = min(max_pixels, self._max_pixels)
        return await self._each("", lambda picture: images.measure(picture, limit), pictures)

    async def decode(self, pictures: Sequence[Incoming], max_pixels: int) -> list[Array]:
        """Their pixels; raises the first error among them. `max_pixels` is the model's own limit."""
        limit = min(max_pixels, self._max_pixels)
        return await self._each("decode", lambda picture: images.decode(picture, limit), pictures)

    async def digests(self, pictures: Sequence[Array]) -> list[str]:
        """What recipes call their `source_sha256`, of uint8[height, width, channels] each."""
        if sum(pixels.nbytes for pixels in pictures) <= _SMALL_BYTES:
            return [_digest(pixels) for pixels in pictures]
        return await self._each("", _digest, pictures)

    async def encode(self, pictures: Sequence[Outgoing]) -> list[image_pb2.Image]:
        if _costs_nothing(pictures):
            began = time.monotonic()
            encoded = [_encode(picture) for picture in pictures]
            calls.phase("encode", began, time.monotonic())
            return encoded
        return await self._each("encode", _encode, pictures)

    async def join(self, tensors: Sequence[Sequence[Array]]) -> list[bytes]:
        """The bytes of each tensor, of which the rows are given: row-major, in their own byte order."""
        if sum(row.nbytes for rows in tensors for row in rows) <= _SMALL_BYTES:
            return [_join(rows) for rows in tensors]
        return await self._each("encode", _join, tensors)

    async def _each(self, phase: str, work: Callable[[Any], _T], pictures: Sequence[Any]) -> list[_T]:
        if not pictures:
            return []

        def timed() -> tuple[list[_T], float, float]:
            began = time.monotonic()
            return [work(picture) for picture in pictures], began, time.monotonic()

        loop = asyncio.get_running_loop()
        results, began, ended = await loop.run_in_executor(self._executor, timed)
        if phase:
            calls.phase(phase, began, ended)
        return results


def _join(rows: Sequence[Array]) -> bytes:
    return b"".join(row.tobytes() for row in rows)


def _digest(pixels: Array) -> str:
    height, width, channels = pixels.shape
    return hashlib.sha256(f"{height}x{width}x{channels} ".encode() + pixels.tobytes()).hexdigest()


def _costs_nothing(pictures: Sequence[Outgoing]) -> bool:
    raw = all(picture.encoding == image_pb2.IMAGE_ENCODING_RAW for picture in pictures)
    return raw and 0 < sum(picture.pixels.nbytes for picture in pictures) <= _SMALL_BYTES


def _encode(picture: Outgoing) -> image_pb2.Image:
    recipe = ""
    if picture.recipe is not None and picture.encoding not in _WITHOUT_TEXT:
        recipe = json_format.MessageToJson(
            picture.recipe, indent=None, always_print_fields_with_no_presence=True
        )
    return images.encode(picture.pixels, picture.encoding, recipe)
