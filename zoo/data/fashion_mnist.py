"""`fashion_mnist` from the four gzipped IDX files that Debian's package `dataset-fashion-mnist` installs."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from zoo.data.errors import DataError
from zoo.data.image_data import ImageData, Licence
from zoo.data.splits import ArraySplit

FOLDER = Path("/usr/share/datasets/fashion-mnist")
# An installation elsewhere can be named by this environment variable.
FOLDER_VARIABLE = "PIXELZOO_FASHION_MNIST"

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
LICENCE = Licence("MIT", "MIT", "2017 Zalando SE")
URI = "https://github.com/zalandoresearch/fashion-mnist"

# SHA-256 of the decompressed bytes: Debian compresses the files anew, so only these are the same everywhere.
DIGESTS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def folder() -> Path:
    """Where the IDX files are looked for."""
    return Path(os.environ.get(FOLDER_VARIABLE) or FOLDER)


def is_installed() -> bool:
    """Whether all four files are there."""
    return all((folder() / f"{name}.gz").is_file() for name in DIGESTS)


def load_fashion_mnist() -> ImageData:
    """60,000 training and 10,000 test images, 28x28x1, ten classes. Raises DataError if a file is damaged."""
    return ImageData(
        name="fashion_mnist",
        image_shape=(28, 28, 1),
        class_names=CLASSES,
        licence=LICENCE,
        uri=URI,
        splits="train: the 60000 of the files train-*; test: the 10000 of the files t10k-*",
        train_split=_split("train", 60_000),
        test_split=_split("t10k", 10_000),
    )


def _split(part: str, count: int) -> ArraySplit:
    images = read_idx(f"{part}-images-idx3-ubyte", (count, 28, 28))
    labels = read_idx(f"{part}-labels-idx1-ubyte", (count,))
    return ArraySplit(images[..., np.newaxis], labels.astype(np.int32))


def read_idx(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The uint8 array of the gzipped IDX file `name`, checked for its magic number, counts and digest."""
    path = folder() / f"{name}.gz"
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, str(error)) from error
    # Magic number: two zero bytes, 8 for unsigned bytes, the number of axes; then each axis, all big-endian.
    header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    if content[: len(header)] != header:
        raise _damaged(path, f"its header is not that of unsigned bytes {list(shape)}")
    if hashlib.sha256(content).hexdigest() != DIGESTS[name]:
        raise _damaged(path, "its content is not the published one (SHA-256 differs)")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(
        f"fashion_mnist: {path} cannot be used: {reason}. "
        "Install it again: apt-get install --reinstall dataset-fashion-mnist"
    )
