"""Translation between two domains: does it arrive, does it come back, and is it one of many?

A constant picture of the target arrives; a blend comes back; any one of these figures alone is passed by a trick.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.evaluation.bench import Bench
from zoo.metrics import frechet
from zoo.metrics import translation as measures
from zoo.metrics.measurement import Measurement, mean_of
from zoo.metrics.resampling import jackknife_error

_BATCH = 100
_DIRECTION = "direction"


def applies(bench: Bench) -> bool:
    """Whether the model translates between the two domains of its data."""
    return bool(bench.data.domains) and bench.has("translate") and len(_directions(bench)) == 2


def translation(bench: Bench) -> list[Measurement]:
    """Both ways: the share of the target class, cycle error, retrieval, and the Frechet distance to real targets."""
    to_b, to_a = _directions(bench)
    a, b = bench.data.domains
    return [*_one_way(bench, a, b, to_b, to_a), *_one_way(bench, b, a, to_a, to_b)]


def _one_way(bench: Bench, source: str, target: str, there: int, back: int) -> Iterator[Measurement]:
    image = _domain(bench, "test", source)[: bench.images]
    way = f"{source} to {target}"
    translated = _translate(bench, image, there, way)
    returned = _translate(
        bench, measures.with_noise(translated, np.arange(len(image))), back, f"{way} and back"
    )
    protocol = {
        "data": bench.data_protocol,
        "direction": way,
        "images": f"first {len(image)} test images of {source}",
    }
    in_space = {**protocol, "extractor": str(bench.extractor)}
    view = bench.extractor(translated)
    if target in bench.extractor.class_names:
        right = view.classes == bench.extractor.class_names.index(target)
        yield mean_of("target_class", right, "", in_space)
    noise = {**protocol, "noise": f"{measures.NOISE_LEVELS:g} of 255 levels on the translation"}
    yield mean_of("cycle_l1", measures.cycle_l1(image, returned), "of the range", noise)
    yield mean_of("cycle_retrieval", measures.retrieved(image, returned), "", noise)

    real = _domain(bench, "test", target)
    reference = frechet.fit(bench.extractor(real).features)
    against = {**in_space, "reference": f"{len(real)} test images of {target}"}

    def distance(features: np.ndarray) -> float:
        return frechet.distance(frechet.fit(features), reference)

    name = bench.extractor.distance
    ours = Measurement(name, distance(view.features), jackknife_error(distance, view.features), "", against)
    median = np.median(_domain(bench, "train", target), axis=0).round().astype(np.uint8)
    constant = bench.extractor(np.broadcast_to(median, image.shape)).features
    theirs = Measurement(name, distance(constant), 0.0, "", against)
    untranslated = bench.extractor(image).features
    yield ours
    yield Measurement(f"{name}_of_constant", theirs.value, None, "", against)
    yield Measurement(
        f"{name}_of_source", distance(untranslated), jackknife_error(distance, untranslated), "", against
    )
    yield ours.ratio(theirs)


def _translate(bench: Bench, image: np.ndarray, direction: int, what: str) -> np.ndarray:
    parts = []
    for start in range(0, len(image), _BATCH):
        part = image[start : start + _BATCH]
        inputs = {"image": part, "label": np.full(len(part), -1), "seed": start + np.arange(len(part))}
        answer = bench.exported.model.ask("translate", inputs, **{_DIRECTION: direction})
        parts.append(answer["image"])
        bench.progress(what, start + len(part), len(image))
    return np.concatenate(parts)


def _domain(bench: Bench, split: str, name: str) -> np.ndarray:
    image, domain = bench.data.arrays(split)
    return image[domain == bench.data.domains.index(name)]


def _directions(bench: Bench) -> list[int]:
    """The numbers of the values of the option `direction`, A to B first; empty if the model has no such option."""
    options = bench.exported.model.capabilities["translate"].options
    choices = [option.choice.choices for option in options if option.name == _DIRECTION]
    return sorted(choice.number for choice in choices[0]) if choices else []
