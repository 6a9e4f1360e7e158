"""`folder:PATH`: the user's own images.

Three layouts are understood, the first being that of tensorflow-datasets' ImageFolder:

    PATH/train/CLASS/*.png and PATH/test/CLASS/*.png      split by the user
    PATH/CLASS/*.png                                      split here
    PATH/*.png                                            split here, no classes

Split here means: a tenth of the files, chosen by the SHA-256 of their names, is the test split. Adding files later
therefore moves none of the old ones from one split to the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from zoo.data.errors import DataError
from zoo.data.image_data import ImageData, Licence
from zoo.data.resizing import centre_square
from zoo.data.splits import ArraySplit, Split, StreamSplit, fits_in_memory, window_of

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_GREY_MODES = {"1", "L", "LA"}


@dataclass(frozen=True)
class _File:
    path: Path
    label: int


def load_folder(path: str, size: int = 0) -> ImageData:
    """The images in the folder `path` (~ is understood), grey if all of them are, else RGB. Raises DataError.

    They must have one size, unless `size` is given: then each is cropped to its centre square and resized to that.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise DataError(f"folder:{path}: there is no such folder")
    if (root / "train").is_dir() and (root / "test").is_dir():
        names = _classes(root / "train")
        train, test = _files(root / "train", names), _files(root / "test", names)
        splits = "train: train/; test: test/"
    else:
        names = _classes(root)
        train, test = _divide(root, _files(root, names))
        splits = "test: the tenth of the files whose names have the lowest SHA-256; train: the others"
    for part, files in (("train", train), ("test", test)):
        if not files:
            raise DataError(
                f"folder:{path} has no images to {part} on; it needs some that end in {', '.join(ENDINGS)}"
            )
    shape = _common_shape([*train, *test], size)
    return ImageData(
        name=f"folder:{root.resolve().name}",
        image_shape=shape,
        class_names=names,
        licence=Licence("that of the user's own images"),
        uri="",
        splits=splits,
        train_split=_split(train, shape, size),
        test_split=_split(test, shape, size),
    )


def _classes(root: Path) -> tuple[str, ...]:
    """The subfolders of `root` that hold images, by name; none if the images lie in `root` itself."""
    names = tuple(sorted(entry.name for entry in root.iterdir() if entry.is_dir() and any(_images(entry))))
    loose = next(iter(_images(root)), None)
    if names and loose is not None:
        raise DataError(
            f"{root} has images both in subfolders ({names[0]}, ...) and beside them ({loose.name}, ...); "
            "put every image into a subfolder named after its class, or all into one folder"
        )
    return names


def _files(root: Path, names: Sequence[str]) -> list[_File]:
    """The image files of `root`, sorted by name, with the place of their class in `names`."""
    strangers = set(_classes(root)) - set(names)
    if strangers:
        raise DataError(
            f"{root / min(strangers)} is a class that the training images do not have; add some or remove it"
        )
    if not names:
        return [_File(path, -1) for path in _images(root)]
    return [_File(path, label) for label, name in enumerate(names) for path in _images(root / name)]


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()
    )


def _divide(root: Path, files: Sequence[_File]) -> tuple[list[_File], list[_File]]:
    if not files:
        raise DataError(
            f"{root} is empty: no file in it or in its subfolders ends in {', '.join(ENDINGS)}. "
            "Put images there, one subfolder for each class or none"
        )
    if len(files) == 1:
        raise DataError(
            f"{root} has one image ({files[0].path.name}); it takes at least two, one to train on and one to test on"
        )

    def fraction(file: _File) -> float:
        name = file.path.relative_to(root).as_posix()
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64

    ranked = sorted(fraction(file) for file in files)
    # A tenth on average; in a folder of a few images, at least one each way.
    limit = min(max(0.1, ranked[0]), ranked[-2])
    return [file for file in files if fraction(file) > limit], [
        file for file in files if fraction(file) <= limit
    ]


def _common_shape(files: Sequence[_File], size: int) -> tuple[int, int, int]:
    first = first_size = None
    grey = True
    for file in files:
        try:
            with Image.open(file.path) as image:
                found, mode = image.size, image.mode
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise _unreadable(file.path, error) from error
        grey = grey and mode in _GREY_MODES
        if first is None or first_size is None:
            first, first_size = file.path, found
        if found != first_size and not size:
            raise DataError(
                f"images of different sizes: {first} is {first_size[0]}x{first_size[1]}, {file.path} is "
                f"{found[0]}x{found[1]}. Set data.size=64, say, to crop and resize them all, or bring them to one size"
            )
    if first_size is None:
        raise DataError("no images")
    width, height = (size, size) if size else first_size
    return height, width, 1 if grey else 3


def _split(files: Sequence[_File], shape: tuple[int, int, int], size: int) -> Split:
    labels = np.array([file.label for file in files], np.int32)
    if fits_in_memory(len(files), shape):
        return ArraySplit(np.stack([_read(file.path, shape, size) for file in files]), labels)
    paths = [str(file.path) for file in files]

    def item(path: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        image = tf.numpy_function(lambda name: _read(Path(name.decode()), shape, size), [path], tf.uint8)
        return {"image": tf.ensure_shape(image, shape), "label": label}

    def stream() -> tf.data.Dataset:
        # Files lie class by class and a window of items is small beside them, so their names are mixed first.
        order = np.random.default_rng(0).permutation(len(paths))
        names = tf.data.Dataset.from_tensor_slices(([paths[i] for i in order], labels[order]))
        return names.map(item, num_parallel_calls=tf.data.AUTOTUNE)

    return StreamSplit(stream, len(files), window_of(shape))


def _read(path: Path, shape: tuple[int, int, int], size: int) -> np.ndarray:
    """The pixels of an image file, uint8 [h, w, c]."""
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L" if shape[2] == 1 else "RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error
    pixels = pixels.reshape(*pixels.shape[:2], shape[2])
    return centre_square(tf.constant(pixels), size).numpy() if size else pixels


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read as an image ({error}); repair it or take it away")
