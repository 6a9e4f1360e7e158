"""Super-resolution: the test images from their low resolution, beside bicubic interpolation of the same input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from zoo.data import degradation
from zoo.evaluation.bench import Bench
from zoo.metrics import extractor, fidelity, frechet, perceptual
from zoo.metrics.extractor import ExtractorError
from zoo.metrics.measurement import Measurement, Protocol, mean_of

# Pixels along each edge that PSNR and SSIM leave out, as papers do for a factor of 4.
_SHAVE = 4
_BATCH = 16
# The source and image shape of the classifier in whose features distances are measured.
_SEEN_BY = ("fashion_mnist", (28, 28, 1))
# Frechet distances are measured over patches of this side: whole images are too few.
_PATCH = 32

Figures = dict[str, tuple[np.ndarray, str]]


def applies(bench: Bench) -> bool:
    """Whether the model enlarges pictures."""
    return bench.has("translate") and _factor(bench) > 1


def upscaling(bench: Bench) -> list[Measurement]:
    """PSNR and SSIM in Y and RGB of the model and of bicubic, the gain, and distances in features."""
    factor = _factor(bench)
    original = degradation.whole_multiple(bench.test[0][: bench.images], factor)
    low = degradation.low_resolution(original, factor).numpy()
    bicubic = degradation.bicubic(low, factor).numpy()
    upscaled = []
    for start in range(0, len(low), _BATCH):
        upscaled.append(
            bench.exported.model.ask("translate", {"image": low[start : start + _BATCH]})["image"]
        )
        bench.progress("upscaled", min(start + _BATCH, len(low)), len(low))
    protocol: Protocol = {
        "data": bench.data_protocol,
        "images": f"first {len(low)} of the test split, {original.shape[1]}x{original.shape[2]}",
        "input": f"antialiased bicubic at 1/{factor}, rounded to uint8",
        "shave": _SHAVE,
    }
    ours, theirs = (_fidelity(image, original) for image in (np.concatenate(upscaled), bicubic))
    return [
        *_beside(ours, theirs, protocol),
        *_in_features(bench, np.concatenate(upscaled), bicubic, original, protocol),
    ]


def _factor(bench: Bench) -> int:
    return int(bench.exported.model.capabilities["translate"].translation.scale)


def _fidelity(image: np.ndarray, original: np.ndarray) -> Figures:
    luma, luma_original = fidelity.luma(image), fidelity.luma(original)

    def each(function: Callable[..., float], first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.array(
            [function(one, other, shave=_SHAVE) for one, other in zip(first, second, strict=True)]
        )

    return {
        "psnr_y": (each(fidelity.psnr, luma, luma_original), "dB"),
        "psnr_rgb": (each(fidelity.psnr, image, original), "dB"),
        "ssim_y": (each(fidelity.ssim, luma, luma_original), ""),
        "ssim_rgb": (each(fidelity.ssim, image, original), ""),
    }


def _beside(ours: Figures, theirs: Figures, protocol: Protocol) -> Iterator[Measurement]:
    """Each figure of the model, that of bicubic, and the mean difference, image by image."""
    for name, (values, unit) in ours.items():
        other, _ = theirs[name]
        yield mean_of(name, values, unit, protocol)
        yield replace(mean_of(name, other, unit, protocol), name=f"{name}_of_bicubic")
        yield mean_of(f"{name}_over_bicubic", values - other, unit, protocol)


def _in_features(
    bench: Bench, upscaled: np.ndarray, bicubic: np.ndarray, original: np.ndarray, protocol: Protocol
) -> Iterator[Measurement]:
    """The perceptual distance from the original, and the Frechet distance between patches, in the same features."""
    look, name = _eyes(bench, original.shape[3])
    target = look(original)
    ours, theirs = (perceptual.distances(look(image), target) for image in (upscaled, bicubic))
    protocol = {**protocol, "extractor": name}
    yield from _beside({"feature_distance": (ours, "")}, {"feature_distance": (theirs, "")}, protocol)

    def gaussian(image: np.ndarray) -> frechet.Gaussian:
        return frechet.fit(look(_patches(image))[-1].mean(axis=(1, 2)))

    patches = {**protocol, "patches": f"{_PATCH}x{_PATCH}"}
    for image, suffix in ((upscaled, ""), (bicubic, "_of_bicubic")):
        distance = frechet.distance(gaussian(image), gaussian(original))
        yield Measurement(f"frechet_classifier_distance{suffix}", distance, None, "", patches)


def _eyes(bench: Bench, channels: int) -> tuple[Callable[[np.ndarray], list[np.ndarray]], str]:
    """What convolutions make of images, and whose: those of the space asked for, else of the classifier of clothes.

    That one has never been part of a loss, and was trained on more pictures than a handful of photographs can teach.
    It sees grey, and so the luma.
    """
    space = bench.extractor if bench.space else extractor.find(*_SEEN_BY)
    if space.maps is None:
        raise ExtractorError(f"{space.name} shows no maps; name a file of pixelzoo train-extractor")
    maps = space.maps
    if space.channels == channels:
        return maps, str(space)
    return lambda image: maps(np.rint(fidelity.luma(image)).astype(np.uint8)), f"{space} on Y"


def _patches(image: np.ndarray) -> np.ndarray:
    """All whole patches of uint8 [n, h, w, c], side by side: [n rows columns, 32, 32, c]."""
    n, height, width, channels = image.shape
    rows, columns = height // _PATCH, width // _PATCH
    cut = image[:, : rows * _PATCH, : columns * _PATCH].reshape(n, rows, _PATCH, columns, _PATCH, channels)
    return cut.transpose(0, 1, 3, 2, 4, 5).reshape(-1, _PATCH, _PATCH, channels)
