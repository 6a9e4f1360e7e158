"""SavedModels written to the contract by hand, with plain TensorFlow and a card of plain JSON: no `zoo`, no Keras.

They are as small as can be and draw nothing worth looking at, but every number that comes out of them can be worked
out by hand. `write_all(folder)` writes them all.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

SEED = tf.TensorSpec([None], tf.int64, "seed")
LABEL = tf.TensorSpec([None], tf.int32, "label")


def integer(name: str) -> tf.TensorSpec:
    return tf.TensorSpec([None], tf.int32, name)


def real(name: str, *shape: int) -> tf.TensorSpec:
    return tf.TensorSpec([None, *shape], tf.float32, name)


def image(*shape: int | None, name: str = "image") -> tf.TensorSpec:
    return tf.TensorSpec([None, *shape], tf.uint8, name)


def concrete(function: Callable[..., Mapping[str, Any]], *specs: tf.TensorSpec) -> Any:
    return tf.function(function).get_concrete_function(**{spec.name: spec for spec in specs})


def noise(seed: tf.Tensor, step: tf.Tensor, shape: list[int]) -> tf.Tensor:
    """Standard normal float32[n, *shape] that depends, item by item, on (seed, step) alone."""
    seeds = tf.stack([seed, tf.cast(step, tf.int64)], axis=1)
    return tf.map_fn(lambda s: tf.random.stateless_normal(shape, s), seeds, fn_output_signature=tf.float32)


def to_pixels(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.clip_by_value(tf.round(x * 127.5 + 127.5), 0, 255), tf.uint8)


def write(
    folder: Path, card: dict[str, Any], signatures: dict[str, Any], module: tf.Module | None = None
) -> Path:
    """Write <folder>/<card's model>/1: the SavedModel, then the card with the digests of its files."""
    path = folder / card["model"] / "1"
    tf.saved_model.save(module or tf.Module(), str(path), signatures=signatures)
    write_card(path, card)
    return path


def write_card(path: Path, card: dict[str, Any]) -> None:
    """Write the card of the version at `path`, with fresh digests of every other file."""
    target = path / "assets.extra" / "card.json"
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and file != target]
    digests = [
        {
            "path": file.relative_to(path).as_posix(),
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "sizeBytes": file.stat().st_size,
        }
        for file in files
    ]
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({**card, "files": digests}, indent=2), encoding="utf-8")


def card(model: str, family: str, height: int, width: int, channels: int, **fields: Any) -> dict[str, Any]:
    return {
        "contractVersion": 1,
        "model": model,
        "family": family,
        "title": f"{model}, made by hand",
        "imageShape": {"height": height, "width": width, "channels": channels},
        "limits": {"maxItemsPerRequest": 16, "maxPixelsPerImage": max(1, height * width), "maxSteps": 1},
        "batchLane": {"buckets": [1, 4, 8]},
        **fields,
    }


def write_blobs(folder: Path) -> Path:
    """One-shot and without classes: samples, scores, encodes and decodes grey 4x4 pictures."""
    shape = [4, 4, 1]

    def sample(seed: Any, temperature: Any) -> dict[str, Any]:
        x = noise(seed, tf.fill(tf.shape(seed), -1), shape)
        return {"image": to_pixels(x * temperature[:, None, None, None] * 0.5)}

    def score(image: Any, seed: Any, importance_samples: Any) -> dict[str, Any]:
        # Mean grey level, as if it were a bound; plus the seed and the option, so that tests can see them arrive.
        mean = tf.reduce_mean(tf.cast(image, tf.float32), axis=[1, 2, 3]) / 255.0
        extra = tf.cast(seed, tf.float32) + 1000.0 * tf.cast(importance_samples, tf.float32)
        return {"bits_per_dim": mean, "extra": extra, "parts": tf.stack([mean / 4.0, mean * 0.75], axis=1)}

    def encode(image: Any) -> dict[str, Any]:
        return {"latent": tf.reshape(tf.cast(image, tf.float32) / 127.5 - 1.0, [-1, 16])}

    def decode(latent: Any) -> dict[str, Any]:
        return {"image": to_pixels(tf.reshape(latent, [-1, *shape]))}

    latent = {"shape": [16], "dataType": "DATA_TYPE_FLOAT32", "prior": "LATENT_PRIOR_STANDARD_NORMAL"}
    bound = {"kind": "SCORE_KIND_EVIDENCE_LOWER_BOUND", "unit": "bits/dim"}
    capabilities = [
        {
            "kind": "CAPABILITY_KIND_SAMPLE",
            "options": [{"name": "temperature", "real": {"min": 0, "max": 2, "default": 1}}],
        },
        {
            "kind": "CAPABILITY_KIND_SCORE",
            "options": [{"name": "importance_samples", "integer": {"min": "1", "max": "64", "default": "1"}}],
            "scores": [
                {"name": "bits_per_dim", "primary": True, **bound},
                {"name": "extra", "kind": "SCORE_KIND_DETAIL"},
                {"name": "parts", "kind": "SCORE_KIND_DETAIL", "unit": "bits/dim"},
            ],
        },
        {"kind": "CAPABILITY_KIND_ENCODE", "latent": latent},
        {"kind": "CAPABILITY_KIND_DECODE", "latent": latent},
    ]
    signatures = {
        "sample": concrete(sample, SEED, real("temperature")),
        "score": concrete(score, image(*shape), SEED, integer("importance_samples")),
        "encode": concrete(encode, image(*shape)),
        "decode": concrete(decode, real("latent", 16)),
    }
    return write(folder, card("blobs", "blobs", *shape, capabilities=capabilities), signatures)


def write_ripples(folder: Path, name: str = "ripples", rounds: int = 1, **fields: Any) -> Path:
    """Iterative and by class, like a diffusion model: RGB 4x4 pictures of three classes; samples and scores in steps.

    Each step runs `rounds` small matrix products: with many of them a step takes a while. `fields` are the card's.
    """
    shape, size = [4, 4, 3], 48
    module = tf.Module()
    module.weight = tf.Variable(tf.random.stateless_normal([size, size], [1, 2]) / size**0.5)

    def network(x: Any) -> Any:
        flat = tf.reshape(x, [-1, size])
        for_round = lambda i, h: (i + 1, tf.tanh(h @ module.weight))  # noqa: E731
        _, flat = tf.while_loop(lambda i, h: i < rounds, for_round, [0, flat])
        return tf.reshape(flat, [-1, *shape])

    def begin(seed: Any, label: Any, sampler: Any, steps: Any, guidance: Any, eta: Any) -> dict[str, Any]:
        x = noise(seed, tf.fill(tf.shape(seed), -1), shape)
        state = {"seed": seed, "label": label, "sampler": sampler, "guidance": guidance, "eta": eta}
        return {"x": x, "step": tf.zeros_like(steps), "steps": tf.identity(steps), **state}

    def advance(
        x: Any, seed: Any, label: Any, sampler: Any, step: Any, steps: Any, guidance: Any, eta: Any
    ) -> dict[str, Any]:
        pull = tf.where(sampler == 2, 0.9, 0.8) + 0.01 * guidance + 0.1 * tf.cast(label, tf.float32)
        moved = 0.5 * network(x) + 0.4 * pull[:, None, None, None]
        moved += 0.1 * eta[:, None, None, None] * noise(seed, step, shape)
        going = step < steps
        kept = {
            "seed": seed,
            "label": label,
            "sampler": sampler,
            "guidance": guidance,
            "eta": eta,
            "steps": steps,
        }
        return {
            "x": tf.where(going[:, None, None, None], moved, x),
            "step": step + tf.cast(going, tf.int32),
            **{key: tf.identity(value) for key, value in kept.items()},
        }

    def picture(
        x: Any, seed: Any, label: Any, sampler: Any, step: Any, steps: Any, guidance: Any, eta: Any
    ) -> dict[str, Any]:
        return {"image": to_pixels(x)}

    def sample(seed: Any, label: Any) -> dict[str, Any]:
        fill = lambda value: tf.fill(tf.shape(seed), value)  # noqa: E731
        state = begin(seed, label, fill(2), fill(10), fill(1.0), fill(0.5))
        names = sorted(state)

        def next_state(*values: Any) -> list[Any]:
            moved = advance(**dict(zip(names, values, strict=True)))
            return [moved[name] for name in names]

        last = tf.while_loop(
            lambda *_: True, next_state, [state[name] for name in names], maximum_iterations=10
        )
        return picture(**dict(zip(names, last, strict=True)))

    def score_begin(image: Any, label: Any, seed: Any, timesteps: Any) -> dict[str, Any]:
        x = tf.cast(image, tf.float32) / 255.0
        total = tf.zeros(tf.shape(seed), tf.float32)
        return {
            "x": x,
            "label": label,
            "total": total,
            "step": tf.zeros_like(timesteps),
            "steps": timesteps + 0,
        }

    def score_advance(x: Any, label: Any, total: Any, step: Any, steps: Any) -> dict[str, Any]:
        going = tf.cast(step < steps, tf.int32)
        added = tf.reduce_mean(x, axis=[1, 2, 3]) + tf.cast(label, tf.float32)
        total += tf.cast(going, tf.float32) * added
        return {"x": x + 0.0, "label": label + 0, "total": total, "step": step + going, "steps": steps + 0}

    def score_finish(x: Any, label: Any, total: Any, step: Any, steps: Any) -> dict[str, Any]:
        return {"bits_per_dim": total / tf.cast(steps, tf.float32)}

    options = [real("guidance"), real("eta")]
    state = [real("x", *shape), SEED, LABEL, integer("sampler"), integer("step"), integer("steps"), *options]
    score_state = [real("x", *shape), LABEL, real("total"), integer("step"), integer("steps")]
    signatures = {
        "sample": concrete(sample, SEED, LABEL),
        "sample_begin": concrete(begin, SEED, LABEL, integer("sampler"), integer("steps"), *options),
        "sample_advance": concrete(advance, *state),
        "sample_preview": concrete(picture, *state),
        "sample_finish": concrete(picture, *state),
        "score_begin": concrete(score_begin, image(*shape), LABEL, SEED, integer("timesteps")),
        "score_advance": concrete(score_advance, *score_state),
        "score_finish": concrete(score_finish, *score_state),
    }
    choices = [{"name": "ddpm", "number": 1}, {"name": "ddim", "number": 2}]
    capabilities = [
        {
            "kind": "CAPABILITY_KIND_SAMPLE",
            "iterative": True,
            "previews": True,
            "options": [
                {"name": "sampler", "choice": {"choices": choices, "defaultNumber": 2}},
                {"name": "steps", "integer": {"min": "1", "max": "1000", "default": "10"}},
                {"name": "guidance", "real": {"min": 0, "max": 10, "default": 1}},
                {"name": "eta", "real": {"min": 0, "max": 1, "default": 0.5}},
            ],
        },
        {
            "kind": "CAPABILITY_KIND_SCORE",
            "iterative": True,
            "options": [{"name": "timesteps", "integer": {"min": "1", "max": "100", "default": "4"}}],
            "scores": [
                {
                    "name": "bits_per_dim",
                    "kind": "SCORE_KIND_EVIDENCE_LOWER_BOUND",
                    "unit": "bits/dim",
                    "primary": True,
                }
            ],
        },
    ]
    described = card(
        name,
        "ddpm",
        *shape,
        capabilities=capabilities,
        conditional=True,
        classes=["calm", "breeze", "storm"],
        limits={"maxItemsPerRequest": 16, "maxPixelsPerImage": 16, "maxSteps": 1000},
        **fields,
    )
    return write(folder, described, signatures, module)


def write_canvas(folder: Path, size: int = 96) -> Path:
    """Draws large flat RGB pictures whose level is seed + step, in steps that cost next to nothing."""
    shape = [size, size, 3]

    def begin(seed: Any, steps: Any) -> dict[str, Any]:
        return {"seed": tf.identity(seed), "step": tf.zeros_like(steps), "steps": tf.identity(steps)}

    def advance(seed: Any, step: Any, steps: Any) -> dict[str, Any]:
        going = tf.cast(step < steps, tf.int32)
        return {"seed": tf.identity(seed), "step": step + going, "steps": tf.identity(steps)}

    def picture(seed: Any, step: Any, steps: Any) -> dict[str, Any]:
        level = tf.cast((seed + tf.cast(step, tf.int64)) % 256, tf.uint8)
        return {"image": tf.tile(level[:, None, None, None], [1, *shape])}

    def sample(seed: Any) -> dict[str, Any]:
        return picture(seed, tf.fill(tf.shape(seed), 10), tf.fill(tf.shape(seed), 10))

    state = [SEED, integer("step"), integer("steps")]
    capability = {
        "kind": "CAPABILITY_KIND_SAMPLE",
        "iterative": True,
        "previews": True,
        "options": [{"name": "steps", "integer": {"min": "1", "max": "1000", "default": "10"}}],
    }
    limits = {"maxItemsPerRequest": 16, "maxPixelsPerImage": size * size, "maxSteps": 1000}
    described = card("canvas", "ddpm", *shape, capabilities=[capability], limits=limits)
    signatures = {
        "sample": concrete(sample, SEED),
        "sample_begin": concrete(begin, SEED, integer("steps")),
        "sample_advance": concrete(advance, *state),
        "sample_preview": concrete(picture, *state),
        "sample_finish": concrete(picture, *state),
    }
    return write(folder, described, signatures)


def write_mirror(folder: Path) -> Path:
    """Translates RGB pictures of any size: to their mirror image, or, the other way, upside down."""

    def translate(image: Any, direction: Any) -> dict[str, Any]:
        right = (direction == 1)[:, None, None, None]
        return {"image": tf.where(right, tf.reverse(image, [2]), tf.reverse(image, [1]))}

    choices = [{"name": "a_to_b", "number": 1}, {"name": "b_to_a", "number": 2}]
    capability = {
        "kind": "CAPABILITY_KIND_TRANSLATE",
        "options": [{"name": "direction", "choice": {"choices": choices, "defaultNumber": 1}}],
        "translation": {"inputShape": {"channels": 3}, "scale": 1},
    }
    limits = {"maxItemsPerRequest": 16, "maxPixelsPerImage": 1024, "maxSteps": 1}
    described = card("mirror", "cyclegan", 0, 0, 3, capabilities=[capability], limits=limits)
    signatures = {"translate": concrete(translate, image(None, None, 3), integer("direction"))}
    return write(folder, described, signatures)


def write_tiles(folder: Path) -> Path:
    """Completes a given top part at one exact bucket, and decodes a grid of five codes: an autoregressive model."""
    shape = [4, 4, 1]

    def sample(seed: Any, label: Any, image: Any, given_rows: Any) -> dict[str, Any]:
        given = tf.range(4)[None, :, None, None] < given_rows[:, None, None, None]
        drawn = tf.cast(tf.reshape(seed % 256, [-1, 1, 1, 1]), tf.uint8) + tf.zeros_like(image)
        drawn += tf.cast(label, tf.uint8)[:, None, None, None]
        return {"image": tf.where(given, image, drawn)}

    def decode(latent: Any) -> dict[str, Any]:
        return {"image": tf.cast(tf.repeat(tf.repeat(latent * 50, 2, 1), 2, 2)[..., None], tf.uint8)}

    option_image = {"shape": {"height": 4, "width": 4, "channels": 1}}
    capabilities = [
        {
            "kind": "CAPABILITY_KIND_SAMPLE",
            "options": [
                {"name": "image", "image": option_image},
                {"name": "given_rows", "integer": {"min": "0", "max": "4", "default": "0"}},
            ],
        },
        {
            "kind": "CAPABILITY_KIND_DECODE",
            "latent": {
                "shape": [2, 2],
                "dataType": "DATA_TYPE_INT32",
                "prior": "LATENT_PRIOR_LEARNED",
                "codebookSize": 5,
            },
        },
    ]
    described = card(
        "tiles",
        "vqvae",
        *shape,
        capabilities=capabilities,
        conditional=True,
        labelRequired=True,
        classes=["plain", "striped"],
        batchLane={"buckets": [4], "exact": True},
    )
    signatures = {
        "sample": concrete(sample, SEED, LABEL, image(*shape), integer("given_rows")),
        "decode": concrete(decode, tf.TensorSpec([None, 2, 2], tf.int32, "latent")),
    }
    return write(folder, described, signatures)


def write_trap(folder: Path, name: str = "trap", seed_that_fails: int = 13) -> Path:
    """A model with a mistake in it: it fails for every batch in which an item has that seed."""

    def sample(seed: Any) -> dict[str, Any]:
        with tf.control_dependencies(
            [tf.debugging.assert_none_equal(seed, tf.constant(seed_that_fails, tf.int64))]
        ):
            return {"image": tf.cast(tf.reshape(seed % 256, [-1, 1, 1, 1]), tf.uint8)}

    described = card(name, "dcgan", 1, 1, 1, capabilities=[{"kind": "CAPABILITY_KIND_SAMPLE"}])
    return write(folder, described, {"sample": concrete(sample, SEED)})


SLOW_ROUNDS = 400
"""Makes a step of the model `slow` take some milliseconds."""


def write_all(folder: Path) -> None:
    write_blobs(folder)
    write_ripples(folder)
    write_ripples(folder, "slow", SLOW_ROUNDS)
    write_mirror(folder)
    write_tiles(folder)
    write_trap(folder)


def write_spinner(folder: Path, seed_that_spins: int = 13) -> Path:
    """A model that computes for ever for every batch in which an item has that seed."""

    def sample(seed: Any) -> dict[str, Any]:
        spins = tf.reduce_any(seed == seed_that_spins)
        turns = tf.while_loop(
            lambda i: tf.logical_or(spins, i < 1), lambda i: [i + 1], [tf.constant(0, tf.int64)]
        )
        level = (seed + 0 * turns[0]) % 256
        return {"image": tf.cast(tf.reshape(level, [-1, 1, 1, 1]), tf.uint8)}

    described = card("spinner", "dcgan", 1, 1, 1, capabilities=[{"kind": "CAPABILITY_KIND_SAMPLE"}])
    return write(folder, described, {"sample": concrete(sample, SEED)})
