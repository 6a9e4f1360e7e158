"""Trains the network in whose features SRGAN compares pictures where VGG19 is not at hand.

    python -m zoo.training.photo_features OUT.npz

It learns two things at once from crops of the training photographs of `photos`: from which place of which photograph a
crop comes (which takes knowing things), and what was done to it (which takes seeing how sharp, noisy or blocky it is).
The held-out photographs are never seen. On one machine the same version of TensorFlow gives the same weights.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image, ImageFilter

from zoo.data import photos
from zoo.layers import perceptual

SIDE = 48
CELL = 128  # pixels of a place
WIDTHS = (16, 32, 64)
STEPS, BATCH_SIZE, LEARNING_RATE, SEED = 1500, 64, 2e-3, 7

Damage = Callable[[Image.Image, np.random.Generator], Image.Image]


def _resampled(factor: float) -> Damage:
    def damage(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        small = max(1, round(SIDE / factor))
        return image.resize((small, small), Image.Resampling.BICUBIC).resize(
            (SIDE, SIDE), Image.Resampling.BICUBIC
        )

    return damage


def _noisy(sigma: float) -> Damage:
    def damage(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        noise = rng.normal(0.0, sigma, (SIDE, SIDE, 3))
        return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))

    return damage


def _jpeg(quality: int) -> Damage:
    def damage(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    return damage


DAMAGES: tuple[Damage, ...] = (
    lambda image, rng: image,
    lambda image, rng: image.filter(ImageFilter.GaussianBlur(0.7)),
    lambda image, rng: image.filter(ImageFilter.GaussianBlur(1.5)),
    _resampled(2),
    _resampled(3),
    _resampled(4),
    _noisy(5),
    _noisy(15),
    _jpeg(35),
    _jpeg(12),
    lambda image, rng: image.filter(ImageFilter.MedianFilter(3)),
    lambda image, rng: image.filter(ImageFilter.UnsharpMask(1.5, 150, 0)),
)


def network(places: int) -> keras.Model:
    """Pictures float32 [n, 48, 48, 3] in [-1, 1] -> logits of the place and of the damage."""
    x = image = keras.Input((SIDE, SIDE, 3))
    for block, width in enumerate(WIDTHS):
        if block:
            x = keras.layers.MaxPooling2D()(x)
        for number in range(2):
            x = keras.layers.Conv2D(
                width,
                3,
                padding="same",
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=SEED + 10 * block + number),
                name=f"conv{block}_{number}",
                dtype="mixed_bfloat16",
            )(x)
    x = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
    heads = [
        keras.layers.Dense(size, kernel_initializer=keras.initializers.HeNormal(seed=SEED + index))(x)
        for index, size in enumerate((places, len(DAMAGES)))
    ]
    return keras.Model(image, heads)


def batches(pictures: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless crops float32 [n, 48, 48, 3] in [-1, 1], their places and their damages, int32 [n]."""
    rng = np.random.default_rng(SEED)
    grids = [(-(-picture.shape[0] // CELL), -(-picture.shape[1] // CELL)) for picture in pictures]
    first_place = np.cumsum([0, *(rows * columns for rows, columns in grids)])
    while True:
        crops, places, damages = [], [], []
        for _ in range(BATCH_SIZE):
            number = int(rng.integers(len(pictures)))
            picture, (_, columns) = pictures[number], grids[number]
            top, left = (int(rng.integers(side - SIDE + 1)) for side in picture.shape[:2])
            crop = picture[top : top + SIDE, left : left + SIDE]
            crop = crop[:, ::-1] if rng.random() < 0.5 else crop
            damage = int(rng.integers(len(DAMAGES)))
            crops.append(np.asarray(DAMAGES[damage](Image.fromarray(np.ascontiguousarray(crop)), rng)))
            places.append(
                first_place[number] + (top + SIDE // 2) // CELL * columns + (left + SIDE // 2) // CELL
            )
            damages.append(damage)
        gain = rng.uniform(0.8, 1.2, (BATCH_SIZE, 1, 1, 3)).astype(np.float32)
        image = np.clip((np.stack(crops) / np.float32(127.5) - 1) * gain, -1, 1)
        yield image, np.array(places, np.int32), np.array(damages, np.int32)


def train(path: Path, steps: int = STEPS) -> str:
    """Trains the network, writes its convolutions to the .npz file `path` and returns the file's SHA-256."""
    keras.utils.set_random_seed(SEED)
    pictures = [photograph.pixels() for photograph in photos.photographs(held_out=False)]
    places = sum(-(-picture.shape[0] // CELL) * -(-picture.shape[1] // CELL) for picture in pictures)
    model = network(places)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    optimizer.build(model.trainable_variables)
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(autograph=False)
    def step(image: tf.Tensor, place: tf.Tensor, damage: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            said = model(image, training=True)
            loss = crossentropy(place, said[0]) + crossentropy(damage, said[1])
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        hits = [
            tf.argmax(one, 1, tf.int32) == truth for one, truth in zip(said, (place, damage), strict=True)
        ]
        return tf.stack([loss, *(tf.reduce_mean(tf.cast(hit, tf.float32)) for hit in hits)])

    recent: list[np.ndarray] = []
    stream = batches(pictures)
    for number in range(1, steps + 1):
        recent.append(step(*next(stream)).numpy())
        if number % 100 == 0:
            loss, place, damage = np.mean(recent[-100:], axis=0)
            print(f"step {number}: loss {loss:.3f}, places {place:.1%}, damages {damage:.1%}", flush=True)  # noqa: T201
    return perceptual.save(path, _convolutions(model, np.concatenate([next(stream)[0] for _ in range(8)])))


def _convolutions(model: keras.Model, image: np.ndarray) -> list[perceptual.Convolution]:
    """The network's convolutions; the last ones of the second and the third block are compared, at unit scale."""
    found = []
    for block in range(len(WIDTHS)):
        for number in range(2):
            kernel, bias = model.get_layer(f"conv{block}_{number}").get_weights()
            compared = float(block > 0 and number == 1)
            found.append(perceptual.Convolution(kernel, bias, compared, bool(block > 0 and number == 0)))
    plain = perceptual.PerceptualFeatures("", found)
    strengths = iter(float(np.sqrt(np.mean(np.square(part)))) for part in plain(image))
    return [
        perceptual.Convolution(one.kernel, one.bias, one.scale and 1 / next(strengths), one.pooled)
        for one in found
    ]


if __name__ == "__main__":
    print(train(Path(sys.argv[1])))  # noqa: T201
