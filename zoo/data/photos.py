"""`photos`: RGB crops of the real photographs that come with scikit-image and scikit-learn: no download.

Whole photographs are held out for testing, so that no crop of the test split shows a thing that was trained on; the two
pictures of the stereo pair are both trained on. Training crops overlap, and are cut at two scales; test crops tile
their photographs.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import numpy as np
from PIL import Image

from zoo.data.errors import DataError
from zoo.data.image_data import ImageData, Licence
from zoo.data.splits import ArraySplit

DEFAULT_SIZE = 96
# Pixels between two neighbouring training crops.
STRIDE = 32
# Training photographs are also cut at half their size: finer detail, and more of it in one crop.
SCALES = (1, 2)


@dataclass(frozen=True)
class Photograph:
    """A file that a package brings along, the terms of its use, and the SHA-256 of its bytes."""

    name: str
    package: str
    path: str
    terms: str
    holder: str
    sha256: str
    held_out: bool = False
    reduce: int = 1  # by area, for what is soft at its full size

    def pixels(self) -> np.ndarray:
        """The photograph, uint8 [h, w, 3]. Raises DataError if the file is not there or not the known one."""
        try:
            content = (resources.files(self.package) / self.path).read_bytes()
        except (ImportError, OSError) as error:
            raise DataError(
                f"photos: {self.package}/{self.path} is missing ({error}); "
                "install the packages that bring it: pip install 'pixelzoo[train]'"
            ) from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise DataError(
                f"photos: {self.package}/{self.path} is not the known photograph (SHA-256 differs); "
                f"install {self.package} again"
            )
        with Image.open(io.BytesIO(content)) as image:
            return np.asarray(image.convert("RGB").reduce(self.reduce))


_PUBLIC_DOMAIN, _CC0, _CC_BY = "public domain", "CC0 1.0", "CC BY 2.0"
_SKIMAGE, _SKLEARN = "skimage", "sklearn"

# Left out: scikit-image's retina, whose 1411x1411 pixels hold no detail at this scale (bicubic: 43 dB).
PHOTOGRAPHS = (
    Photograph(
        "astronaut", _SKIMAGE, "data/astronaut.png", _PUBLIC_DOMAIN, "NASA",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    ),
    Photograph(
        "china", _SKLEARN, "datasets/images/china.jpg", _CC_BY, "danielbuechele",
        "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
    ),
    Photograph(
        "hubble", _SKIMAGE, "data/hubble_deep_field.jpg", _PUBLIC_DOMAIN, "NASA and ESA",
        "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4", reduce=2,
    ),
    Photograph(
        "ihc", _SKIMAGE, "data/ihc.png", "no known restrictions", "CMMI",
        "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef",
    ),
    Photograph(
        "motorcycle_left", _SKIMAGE, "data/motorcycle_left.png", "Middlebury stereo 2014", "Nesic et al.",
        "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
    ),
    Photograph(
        "motorcycle_right", _SKIMAGE, "data/motorcycle_right.png", "Middlebury stereo 2014", "Nesic et al.",
        "5fc913ae870e42a4b662314bc904d1786bcad8e2f0b9b67dba5a229406357797",
    ),
    Photograph(
        "rocket", _SKIMAGE, "data/rocket.jpg", _PUBLIC_DOMAIN, "SpaceX",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
    ),
    Photograph(
        "chelsea", _SKIMAGE, "data/chelsea.png", _CC0, "Stefan van der Walt",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb", held_out=True,
    ),
    Photograph(
        "coffee", _SKIMAGE, "data/coffee.png", _CC0, "Rachel Michetti",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7", held_out=True,
    ),
    Photograph(
        "flower", _SKLEARN, "datasets/images/flower.jpg", _CC_BY, "vultilion",
        "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638", held_out=True,
    ),
)  # fmt: skip


def load_photos(size: int = 0) -> ImageData:
    """Square crops of `size` pixels (0: 96), uint8 RGB without classes, always the same ones. Raises DataError.

    The last training crops are those of one photograph, at half its size after the full one. `hold_out` sets aside the
    last of them: crops left over, of the same things, are still trained on.
    """
    size = size or DEFAULT_SIZE
    if not 16 <= size <= 256:
        raise DataError(f"photos: data.size must be 16 to 256 pixels; got {size}")
    train = np.concatenate([_training_crops(photograph, size) for photograph in photographs(held_out=False)])
    test = np.concatenate(
        [crops(photograph.pixels(), size, size) for photograph in photographs(held_out=True)]
    )
    names = {part: ", ".join(p.name for p in photographs(held_out=part)) for part in (False, True)}
    return ImageData(
        name="photos",
        image_shape=(size, size, 3),
        class_names=(),
        licence=Licence(
            "one for each photograph: public domain, CC0, CC BY 2.0, Middlebury", holder=licences()
        ),
        uri="https://scikit-image.org/docs/stable/api/skimage.data.html",
        splits=f"train: {names[False]}; test: {names[True]}",
        train_split=ArraySplit(train, np.full(len(train), -1, np.int32)),
        test_split=ArraySplit(test, np.full(len(test), -1, np.int32)),
    )


def photographs(*, held_out: bool) -> list[Photograph]:
    """The photographs of the test split (`held_out`) or of the training split."""
    return [photograph for photograph in PHOTOGRAPHS if photograph.held_out is held_out]


def licences() -> str:
    """One line with the terms of all photographs, and who holds the rights."""
    holders: dict[str, dict[str, None]] = {}
    for photograph in PHOTOGRAPHS:
        holders.setdefault(photograph.terms, {})[photograph.holder] = None
    return "; ".join(f"{terms}: {', '.join(names)}" for terms, names in holders.items())


def crops(image: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Every crop of `size` pixels of `image` uint8 [h, w, 3] at multiples of `stride`: uint8 [n, size, size, 3]."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), (0, 1))[::stride, ::stride]
    return np.ascontiguousarray(windows.reshape(-1, 3, size, size).transpose(0, 2, 3, 1))


def _training_crops(photograph: Photograph, size: int) -> np.ndarray:
    return np.concatenate(
        [crops(image, size, STRIDE) for image in _scales(photograph.pixels()) if min(image.shape[:2]) >= size]
    )


def _scales(image: np.ndarray) -> Iterator[np.ndarray]:
    for scale in SCALES:
        yield np.asarray(Image.fromarray(image).reduce(scale))
