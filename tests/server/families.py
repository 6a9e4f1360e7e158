"""A stand-in for each kind of family, written by hand to the contract: what each answers can be worked out by eye.

`write_all(folder)` writes them in their smallest size; the client's tests write some in the size of real pictures.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from handmade import LABEL, SEED, card, concrete, image, integer, noise, real, to_pixels, write

SMALL = (4, 4, 1)
LOGIT = {"kind": "SCORE_KIND_DISCRIMINATOR_LOGIT"}


def real_option(name: str, low: float, high: float, default: float) -> dict[str, Any]:
    return {"name": name, "real": {"min": low, "max": high, "default": default}}


def integer_option(name: str, low: int, high: int, default: int) -> dict[str, Any]:
    return {"name": name, "integer": {"min": str(low), "max": str(high), "default": str(default)}}


def image_option(name: str, shape: Sequence[int], level: int = 0) -> dict[str, Any]:
    height, width, channels = shape
    return {
        "name": name,
        "image": {
            "shape": {"height": height, "width": width, "channels": channels},
            "defaultLevel": level,
        },
    }


def spread(values: Any) -> Any:
    """[n] with axes to meet [n, h, w, c]."""
    return tf.reshape(values, [-1, 1, 1, 1])


def limits(items: int, pixels: int, steps: int = 1) -> dict[str, int]:
    return {"maxItemsPerRequest": items, "maxPixelsPerImage": pixels, "maxSteps": steps}


def write_critic(
    folder: Path,
    name: str = "critic",
    shape: Sequence[int] = SMALL,
    classes: Sequence[str] = ("plain", "striped"),
) -> Path:
    """As acgan: draws by class, which must be named; its score needs none, and says how probable each class is."""

    def sample(seed: Any, label: Any, truncation: Any) -> dict[str, Any]:
        x = tf.clip_by_value(
            noise(seed, tf.fill(tf.shape(seed), -1), list(shape)), -spread(truncation), spread(truncation)
        )
        return {"image": to_pixels(x / 10.0 + spread(tf.cast(label, tf.float32)) / len(classes))}

    def score(image: Any) -> dict[str, Any]:
        mean = tf.reduce_mean(tf.cast(image, tf.float32), axis=[1, 2, 3])
        nearness = -((mean[:, None] / 255.0 - tf.range(len(classes), dtype=tf.float32) / len(classes)) ** 2)
        return {"logit": mean - 100.0, "class_probability": tf.nn.softmax(100.0 * nearness)}

    capabilities = [
        {"kind": "CAPABILITY_KIND_SAMPLE", "options": [real_option("truncation", 0.1, 5, 5)]},
        {
            "kind": "CAPABILITY_KIND_SCORE",
            "scores": [
                {"name": "logit", "primary": True, **LOGIT},
                {"name": "class_probability", "kind": "SCORE_KIND_CLASS_PROBABILITY"},
            ],
        },
    ]
    described = card(
        name,
        "acgan",
        *shape,
        capabilities=capabilities,
        conditional=True,
        labelRequired=True,
        classes=list(classes),
    )
    signatures = {
        "sample": concrete(sample, SEED, LABEL, real("truncation")),
        "score": concrete(score, image(*shape)),
    }
    return write(folder, described, signatures)


def write_turner(
    folder: Path,
    name: str = "turner",
    shape: Sequence[int] = SMALL,
    domains: Sequence[str] = ("left", "right"),
) -> Path:
    """As cyclegan: mirrors pictures one way and inverts their levels the other; a logit for each domain, no sample."""

    def translate(image: Any, direction: Any) -> dict[str, Any]:
        return {"image": tf.where(spread(direction) == 1, tf.reverse(image, [2]), 255 - image)}

    def score(image: Any) -> dict[str, Any]:
        mean = tf.reduce_mean(tf.cast(image, tf.float32), axis=[1, 2, 3])
        return {"logit_a": mean - 50.0, "logit_b": 50.0 - mean}

    choices = [{"name": "a_to_b", "number": 1}, {"name": "b_to_a", "number": 2}]
    height, width, channels = shape
    capabilities = [
        {
            "kind": "CAPABILITY_KIND_TRANSLATE",
            "options": [{"name": "direction", "choice": {"choices": choices, "defaultNumber": 1}}],
            "translation": {
                "inputShape": {"height": height, "width": width, "channels": channels},
                "scale": 1,
            },
        },
        {
            "kind": "CAPABILITY_KIND_SCORE",
            "scores": [{"name": "logit_a", "primary": True, **LOGIT}, {"name": "logit_b", **LOGIT}],
        },
    ]
    signatures = {
        "translate": concrete(translate, image(*shape), integer("direction")),
        "score": concrete(score, image(*shape)),
    }
    described = card(name, "cyclegan", *shape, capabilities=capabilities, classes=list(domains))
    return write(folder, described, signatures)


def write_enlarger(folder: Path, name: str = "enlarger", tile: int = 8, pixels: int = 4096) -> Path:
    """As srgan: enlarges RGB pictures of any size four times, a tile of `tile` pixels a side in each step."""
    scale = 4

    def tiles(image: Any) -> tuple[Any, Any]:
        shape = tf.shape(image)
        return -(-shape[1] // tile), -(-shape[2] // tile)

    def begin(image: Any) -> dict[str, Any]:
        rows, columns = tiles(image)
        steps = tf.fill([tf.shape(image)[0]], rows * columns)
        canvas = tf.zeros_like(tf.repeat(tf.repeat(image, scale, 1), scale, 2))
        return {"image": image + 0, "canvas": canvas, "step": tf.zeros_like(steps), "steps": steps}

    def advance(image: Any, canvas: Any, step: Any, steps: Any) -> dict[str, Any]:
        _, columns = tiles(image)
        shape = tf.shape(image)
        number = (tf.range(shape[1]) // tile)[:, None] * columns + (tf.range(shape[2]) // tile)[None]
        here = (number[None] == step[:, None, None])[..., None]
        large = [tf.repeat(tf.repeat(tensor, scale, 1), scale, 2) for tensor in (here, image)]
        moved = tf.cast(step < steps, tf.int32)
        return {
            "image": image + 0,
            "canvas": tf.where(large[0], large[1], canvas),
            "step": step + moved,
            "steps": steps + 0,
        }

    def finish(image: Any, canvas: Any, step: Any, steps: Any) -> dict[str, Any]:
        return {"image": canvas + 0}

    def score(image: Any) -> dict[str, Any]:
        return {"logit": tf.reduce_mean(tf.cast(image, tf.float32), axis=[1, 2, 3]) - 100.0}

    any_size = [None, None, 3]
    state = [image(*any_size), image(*any_size, name="canvas"), integer("step"), integer("steps")]
    signatures = {
        "translate_begin": concrete(begin, image(*any_size)),
        "translate_advance": concrete(advance, *state),
        "translate_preview": concrete(finish, *state),
        "translate_finish": concrete(finish, *state),
        "score": concrete(score, image(*any_size)),
    }
    capabilities = [
        {
            "kind": "CAPABILITY_KIND_TRANSLATE",
            "iterative": True,
            "previews": True,
            "translation": {"inputShape": {"channels": 3}, "scale": scale},
        },
        {"kind": "CAPABILITY_KIND_SCORE", "scores": [{"name": "logit", "primary": True, **LOGIT}]},
    ]
    steps = -(-pixels // tile)
    described = card(name, "srgan", 0, 0, 3, capabilities=capabilities, limits=limits(16, pixels, steps))
    return write(folder, described, signatures)


def write_codes(folder: Path, name: str = "codes", shape: Sequence[int] = SMALL) -> Path:
    """As vqvae: five codes for the quarters of a grey picture, code k of level 50 k; one exact bucket."""
    height, width, _ = shape

    def decode(latent: Any) -> dict[str, Any]:
        return {
            "image": tf.cast(
                tf.repeat(tf.repeat(latent * 50, height // 2, 1), width // 2, 2)[..., None], tf.uint8
            )
        }

    def encode(image: Any) -> dict[str, Any]:
        quarters = tf.reshape(tf.cast(image, tf.float32), [-1, 2, height // 2, 2, width // 2])
        return {"latent": tf.cast(tf.round(tf.reduce_mean(quarters, [2, 4]) / 51.0), tf.int32) % 5}

    def sample(seed: Any, temperature: Any) -> dict[str, Any]:
        quarter = tf.range(4, dtype=tf.int64) * tf.cast(temperature > 0, tf.int64)[:, None]
        return decode(tf.reshape(tf.cast((seed[:, None] + quarter) % 5, tf.int32), [-1, 2, 2]))

    def score(image: Any) -> dict[str, Any]:
        back = decode(**encode(image))["image"]
        error = tf.reduce_mean((tf.cast(image, tf.float32) - tf.cast(back, tf.float32)) ** 2, [1, 2, 3])
        return {"reconstruction_error": error / 255.0**2, "bits_per_dim": 1.0 + error / 255.0}

    latent = {
        "shape": [2, 2],
        "dataType": "DATA_TYPE_INT32",
        "prior": "LATENT_PRIOR_LEARNED",
        "codebookSize": 5,
    }
    bound = {"kind": "SCORE_KIND_EVIDENCE_LOWER_BOUND", "unit": "bits/dim"}
    capabilities = [
        {"kind": "CAPABILITY_KIND_SAMPLE", "options": [real_option("temperature", 0, 2, 1)]},
        {
            "kind": "CAPABILITY_KIND_SCORE",
            "scores": [
                {"name": "bits_per_dim", "primary": True, **bound},
                {"name": "reconstruction_error", "kind": "SCORE_KIND_RECONSTRUCTION_ERROR", "exact": True},
            ],
        },
        {"kind": "CAPABILITY_KIND_ENCODE", "latent": latent},
        {"kind": "CAPABILITY_KIND_DECODE", "latent": latent},
    ]
    signatures = {
        "sample": concrete(sample, SEED, real("temperature")),
        "score": concrete(score, image(*shape)),
        "encode": concrete(encode, image(*shape)),
        "decode": concrete(decode, tf.TensorSpec([None, 2, 2], tf.int32, "latent")),
    }
    lane = {"buckets": [4], "exact": True}
    return write(folder, card(name, "vqvae", *shape, capabilities=capabilities, batchLane=lane), signatures)


def write_rows(folder: Path, name: str = "rows", shape: Sequence[int] = SMALL) -> Path:
    """As pixelcnn: draws a row a step, row r of level seed + 10 r, below those that are given; one exact bucket."""
    height = shape[0]

    def begin(seed: Any, temperature: Any, image: Any, given_rows: Any) -> dict[str, Any]:
        given = tf.range(height)[None, :, None, None] < spread(given_rows)
        return {
            "picture": tf.where(given, image, tf.zeros_like(image)),
            "seed": seed + 0,
            "heat": temperature + 0,
            "step": given_rows + 0,
            "steps": tf.fill(tf.shape(given_rows), height),
        }

    def advance(picture: Any, seed: Any, heat: Any, step: Any, steps: Any) -> dict[str, Any]:
        here = tf.range(height)[None, :, None, None] == spread(step)
        level = spread(tf.cast((seed + 10 * tf.cast(step, tf.int64)) % 256, tf.uint8))
        return {
            "picture": tf.where(here, level, picture),
            "seed": seed + 0,
            "heat": heat + 0,
            "step": tf.minimum(step + 1, steps),
            "steps": steps + 0,
        }

    def finish(picture: Any, seed: Any, heat: Any, step: Any, steps: Any) -> dict[str, Any]:
        return {"image": picture + 0}

    def sample(seed: Any) -> dict[str, Any]:
        rows = (
            spread(tf.cast(seed % 256, tf.uint8))
            + tf.cast(10 * tf.range(height), tf.uint8)[None, :, None, None]
        )
        return {"image": rows + tf.zeros([1, *shape], tf.uint8)}

    def score(image: Any) -> dict[str, Any]:
        return {"bits_per_dim": tf.reduce_mean(tf.cast(image, tf.float32), [1, 2, 3]) / 32.0}

    capabilities = [
        {
            "kind": "CAPABILITY_KIND_SAMPLE",
            "iterative": True,
            "previews": True,
            "options": [
                real_option("temperature", 0, 2, 1),
                image_option("image", shape),
                integer_option("given_rows", 0, height, 0),
            ],
        },
        {
            "kind": "CAPABILITY_KIND_SCORE",
            "scores": [
                {
                    "name": "bits_per_dim",
                    "kind": "SCORE_KIND_EXACT_LOG_LIKELIHOOD",
                    "unit": "bits/dim",
                    "exact": True,
                    "primary": True,
                }
            ],
        },
    ]
    state = [image(*shape, name="picture"), SEED, real("heat"), integer("step"), integer("steps")]
    signatures = {
        "sample": concrete(sample, SEED),
        "sample_begin": concrete(begin, SEED, real("temperature"), image(*shape), integer("given_rows")),
        "sample_advance": concrete(advance, *state),
        "sample_preview": concrete(finish, *state),
        "sample_finish": concrete(finish, *state),
        "score": concrete(score, image(*shape)),
    }
    described = card(
        name,
        "pixelcnn",
        *shape,
        capabilities=capabilities,
        limits=limits(16, shape[0] * shape[1], height),
        batchLane={"buckets": [4], "exact": True},
    )
    return write(folder, described, signatures)


def write_painter(
    folder: Path,
    name: str = "painter",
    shape: Sequence[int] = SMALL,
    classes: Sequence[str] = ("plain", "striped"),
) -> Path:
    """As ddpm: paints what the mask says in steps, with the level 100 (label + 1) + seed % 10 + steps taken."""
    height, width, _ = shape

    def begin(
        image: Any, mask: Any, strength: Any, steps: Any, guidance: Any, seed: Any, label: Any
    ) -> dict[str, Any]:
        taken = tf.cast(tf.math.ceil(strength * tf.cast(steps, tf.float32)), tf.int32)
        level = 100 * (label + 1) + tf.cast(seed % 10, tf.int32) + 0 * tf.cast(guidance, tf.int32)
        return {
            "picture": image + 0,
            "mask": mask + 0,
            "level": level,
            "step": tf.zeros_like(taken),
            "steps": taken,
        }

    def advance(picture: Any, mask: Any, level: Any, step: Any, steps: Any) -> dict[str, Any]:
        going = step < steps
        step += tf.cast(going, tf.int32)
        anew = (mask >= 128) & spread(going)
        return {
            "picture": tf.where(anew, tf.cast(spread(level + step), tf.uint8), picture),
            "mask": mask + 0,
            "level": level + 0,
            "step": step,
            "steps": steps + 0,
        }

    def finish(picture: Any, mask: Any, level: Any, step: Any, steps: Any) -> dict[str, Any]:
        return {"image": picture + 0}

    grey = (height, width, 1)
    state = [
        image(*shape, name="picture"),
        image(*grey, name="mask"),
        integer("level"),
        integer("step"),
        integer("steps"),
    ]
    taken = [image(*shape), image(*grey, name="mask"), real("strength"), integer("steps"), real("guidance")]
    signatures = {
        "translate_begin": concrete(begin, *taken, SEED, LABEL),
        "translate_advance": concrete(advance, *state),
        "translate_preview": concrete(finish, *state),
        "translate_finish": concrete(finish, *state),
    }
    capability = {
        "kind": "CAPABILITY_KIND_TRANSLATE",
        "iterative": True,
        "previews": True,
        "options": [
            real_option("strength", 0, 1, 0.5),
            integer_option("steps", 2, 20, 10),
            real_option("guidance", 0, 10, 1),
            image_option("mask", grey, level=255),
        ],
        "translation": {
            "inputShape": {"height": height, "width": width, "channels": shape[2]},
            "scale": 1,
        },
    }
    described = card(
        name,
        "ddpm",
        *shape,
        capabilities=[capability],
        conditional=True,
        classes=list(classes),
        limits=limits(16, height * width, 20),
    )
    return write(folder, described, signatures)


def write_all(folder: Path) -> None:
    write_critic(folder)
    write_turner(folder)
    write_enlarger(folder)
    write_codes(folder)
    write_rows(folder)
    write_painter(folder)
