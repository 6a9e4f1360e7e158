"""The U-Net of Ho et al. 2020 (appendix B), conditioned on time and class, written as a Keras functional model.

Three things differ from the original. The image enters in patches (space to depth), so that the widest layers run at
half the resolution. A residual block has one norm and one activation for its two convolutions: on a CPU with bfloat16
matrix units the element-wise work was measured to cost more than the convolutions. And beside the pixels enter their
Fourier features (Kingma et al. 2021, appendix C), without which noise below one pixel level is invisible.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable("pixelzoo")
class SinusoidalEmbedding(layers.Layer):
    """Position embedding of Vaswani et al. 2017, section 3.5: float32 [n] -> float32 [n, width]."""

    def __init__(self, width: int, longest: float = 10_000.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.longest = width, longest

    def call(self, position: Any) -> Any:
        half = self.width // 2
        rates = ops.convert_to_tensor(
            np.exp(-np.log(self.longest) * np.arange(half) / half).astype("float32")
        )
        angles = ops.cast(position, "float32")[:, None] * rates[None]
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "longest": self.longest}


@keras.saving.register_keras_serializable("pixelzoo")
class FourierFeatures(layers.Layer):
    """Appends sin and cos of the pixels at periods of 1, 2, 4 ... levels: [n, h, w, c] -> [n, h, w, c (1 + 2 count)].

    Pixels lie in [-1, 1], 255 steps of 2/255. The shortest period is one step, so the phase of that pair *is* the
    distance of a noisy pixel from the grid of the 256 levels.
    """

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count

    def call(self, x: Any) -> Any:
        x = ops.cast(x, "float32")
        level = 127.5 * x
        angles = [2 * np.pi * level / 2.0**octave for octave in range(self.count)]
        return ops.concatenate([x, *map(ops.sin, angles), *map(ops.cos, angles)], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable("pixelzoo")
class SpaceToDepth(layers.Layer):
    """[n, h, w, c] -> [n, h / size, w / size, size^2 c]."""

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, x: Any) -> Any:
        _, h, w, c = x.shape
        s = self.size
        x = ops.reshape(x, (-1, h // s, s, w // s, s, c))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, h // s, w // s, s * s * c))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("pixelzoo")
class DepthToSpace(layers.Layer):
    """The inverse of `SpaceToDepth`: [n, h, w, size^2 c] -> [n, h size, w size, c]."""

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, x: Any) -> Any:
        _, h, w, c = x.shape
        s = self.size
        x = ops.reshape(x, (-1, h, w, s, s, c // (s * s)))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, h * s, w * s, c // (s * s)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("pixelzoo")
class AdaptiveGroupNorm(layers.Layer):
    """GroupNorm whose scale and shift come from an embedding (Dhariwal & Nichol 2021, eq. 12).

    ([n, h, w, c], [n, e]) -> [n, h, w, c]. Norm and modulation are folded into one multiplication and one addition
    for each element: on a CPU the element-wise work of a U-Net costs more than its convolutions.
    """

    def __init__(self, groups: int, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups, self.epsilon = groups, epsilon

    def build(self, x_shape: Any, embedding_shape: Any) -> None:
        channels = x_shape[-1]
        if channels % self.groups:
            raise ValueError(f"groups: {channels} channels cannot be divided into {self.groups} groups")
        self.modulation = layers.Dense(2 * channels, dtype=self.dtype_policy, name="modulation")
        self.modulation.build(embedding_shape)

    def call(self, x: Any, embedding: Any) -> Any:
        scale, shift = ops.split(ops.cast(self.modulation(embedding), "float32"), 2, axis=-1)
        return _group_norm(x, 1.0 + scale, shift, self.groups, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("pixelzoo")
class GroupNormalization(layers.Layer):
    """Group normalisation (Wu & He 2018) whose result for an item is the same, to the last bit, alone and in a batch.

    [n, h, w, c] -> [n, h, w, c]. Keras' own layer reduces a lone image in another order than a batch.
    """

    def __init__(self, groups: int, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups, self.epsilon = groups, epsilon

    def build(self, x_shape: Any) -> None:
        self.gamma = self.add_weight((x_shape[-1],), initializer="ones", name="gamma")
        self.beta = self.add_weight((x_shape[-1],), initializer="zeros", name="beta")

    def call(self, x: Any) -> Any:
        gain, offset = (ops.cast(weight, "float32")[None] for weight in (self.gamma, self.beta))
        return _group_norm(x, gain, offset, self.groups, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups, "epsilon": self.epsilon}


def _group_norm(x: Any, scale: Any, shift: Any, groups: int, epsilon: float) -> Any:
    """Normalises `x` [n, h, w, c] in groups of channels, then scales and shifts by float32 [n or 1, c]."""
    channels = x.shape[-1]
    size = channels // groups
    wide = ops.cast(x, "float32")
    # Sums over space first: that leaves a small [n, c] array for the groups.
    mean = ops.mean(ops.reshape(ops.mean(wide, (1, 2)), (-1, groups, size)), -1, keepdims=True)
    power = ops.mean(ops.reshape(ops.mean(ops.square(wide), (1, 2)), (-1, groups, size)), -1, keepdims=True)
    rate = ops.rsqrt(ops.maximum(power - ops.square(mean), 0.0) + epsilon)
    gain = rate * ops.reshape(scale, (-1, groups, size))
    offset = ops.reshape(shift, (-1, groups, size)) - mean * gain
    gain, offset = (ops.cast(ops.reshape(part, (-1, 1, 1, channels)), x.dtype) for part in (gain, offset))
    return x * gain + offset


def residual_block(
    x: Any, embedding: Any, width: int, *, groups: int, dropout: float, activation: str, name: str, dtype: Any
) -> Any:
    """x + conv(act(conv(norm(x, embedding)))); the last convolution starts at zero, so the block starts as identity."""
    kwargs = {"dtype": dtype}
    h = AdaptiveGroupNorm(groups, name=f"{name}_norm", **kwargs)(x, embedding)
    h = layers.Conv2D(width, 3, padding="same", name=f"{name}_conv1", **kwargs)(h)
    h = layers.Activation(activation, name=f"{name}_act", **kwargs)(h)
    if dropout:
        h = layers.Dropout(dropout, name=f"{name}_dropout", **kwargs)(h)
    h = layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros", name=f"{name}_conv2", **kwargs)(h)
    return x + h


def attention_block(x: Any, *, groups: int, heads: int, name: str, dtype: Any) -> Any:
    """Self-attention over all positions; the residual is the *unnormalised* input, the projection starts at zero."""
    _, height, width, channels = x.shape
    h = GroupNormalization(groups, name=f"{name}_norm", dtype=dtype)(x)
    h = layers.Reshape((height * width, channels), name=f"{name}_flat", dtype=dtype)(h)
    h = layers.MultiHeadAttention(heads, channels // heads, name=f"{name}_attention", dtype=dtype)(h, h)
    h = layers.Dense(channels, kernel_initializer="zeros", name=f"{name}_projection", dtype=dtype)(h)
    return x + layers.Reshape((height, width, channels), name=f"{name}_map", dtype=dtype)(h)


def unet(
    *,
    image_shape: tuple[int, int, int],
    output_channels: int,
    num_classes: int = 0,
    widths: Sequence[int] = (128, 128),
    blocks: Sequence[int] = (2, 2),
    attention: Sequence[bool] = (False, False),
    patch: int = 2,
    fourier: int = 0,
    groups: int = 8,
    heads: int = 4,
    dropout: float = 0.0,
    activation: str = "swish",
    dtype: Any = "float32",
) -> keras.Model:
    """Builds the network (image float32 [n, h, w, c], time float32 [n], label int32 [n]) -> float32 [n, h, w, output].

    Args:
        image_shape: (height, width, channels); both sides divisible by patch * 2^(levels - 1).
        output_channels: channels of the prediction.
        num_classes: classes; label -1 (no class) has an embedding of its own.
        widths: channels at each level; each level after the first has half the resolution of the one before.
        blocks: residual blocks at each level, on the way down and again on the way up.
        attention: whether the blocks of each level attend; the middle always does.
        patch: side of the square of pixels that enters as one position.
        fourier: octaves of Fourier features, 0 for none.
        groups: groups of each GroupNorm.
        heads: attention heads.
        dropout: dropout in the residual blocks, 0 .. 1.
        activation: name of a Keras activation.
        dtype: Keras precision policy.

    Raises:
        ValueError: the image's sides are not divisible as above, or `attention` or `blocks` have not one entry for each
            of `widths`.
    """
    factor = patch * 2 ** (len(widths) - 1)
    if image_shape[0] % factor or image_shape[1] % factor:
        raise ValueError(
            f"image_shape {image_shape}: height and width must be divisible by {factor} "
            f"(patch {patch} times 2 for each of the {len(widths) - 1} halvings); use fewer widths or a smaller patch"
        )
    for name, given in (("blocks", blocks), ("attention", attention)):
        if len(given) != len(widths):
            raise ValueError(
                f"{name} has {len(given)} entries for {len(widths)} widths; give one for each level"
            )
    block = {"groups": groups, "dropout": dropout, "activation": activation, "dtype": dtype}

    image = keras.Input(image_shape, name="image", dtype="float32")
    time = keras.Input((), name="time", dtype="float32")
    label = keras.Input((), name="label", dtype="int32")

    embedding = SinusoidalEmbedding(widths[0], name="time_embedding", dtype="float32")(time)
    embedding = layers.Dense(widths[0], activation="swish", name="time_dense1", dtype=dtype)(embedding)
    embedding = layers.Dense(widths[0], name="time_dense2", dtype=dtype)(embedding)
    if num_classes:
        classes = layers.Embedding(num_classes + 1, widths[0], name="class_embedding", dtype=dtype)
        embedding = embedding + classes(ops.where(label < 0, num_classes, label))
    embedding = layers.Activation("swish", name="embedding_act", dtype=dtype)(embedding)

    x = FourierFeatures(fourier, name="fourier", dtype="float32")(image) if fourier else image
    x = SpaceToDepth(patch, name="patches", dtype=dtype)(x)
    x = layers.Conv2D(widths[0], 3, padding="same", name="stem", dtype=dtype)(x)
    skips = []
    for level, width in enumerate(widths):
        if level:
            x = layers.Conv2D(width, 3, 2, padding="same", name=f"down{level}", dtype=dtype)(x)
        for index in range(blocks[level]):
            x = residual_block(x, embedding, width, name=f"down{level}_{index}", **block)
            if attention[level]:
                x = attention_block(
                    x, groups=groups, heads=heads, name=f"down{level}_{index}_at", dtype=dtype
                )
            skips.append(x)
    x = residual_block(x, embedding, widths[-1], name="middle0", **block)
    x = attention_block(x, groups=groups, heads=heads, name="middle_at", dtype=dtype)
    x = residual_block(x, embedding, widths[-1], name="middle1", **block)
    for level, width in reversed(list(enumerate(widths))):
        for index in range(blocks[level]):
            x = layers.Concatenate(name=f"up{level}_{index}_concat", dtype=dtype)([x, skips.pop()])
            x = layers.Conv2D(width, 1, name=f"up{level}_{index}_join", dtype=dtype)(x)
            x = residual_block(x, embedding, width, name=f"up{level}_{index}", **block)
            if attention[level]:
                x = attention_block(x, groups=groups, heads=heads, name=f"up{level}_{index}_at", dtype=dtype)
        if level:
            x = layers.UpSampling2D(2, name=f"up{level}_grow", dtype=dtype)(x)
            x = layers.Conv2D(widths[level - 1], 3, padding="same", name=f"up{level}_conv", dtype=dtype)(x)
    x = AdaptiveGroupNorm(groups, name="head_norm", dtype=dtype)(x, embedding)
    x = layers.Activation("swish", name="head_act", dtype=dtype)(x)
    # The head is float32 in every policy: its output is compared with noise to the last bits of the likelihood.
    x = layers.Conv2D(
        output_channels * patch**2,
        3,
        padding="same",
        kernel_initializer="zeros",
        name="head",
        dtype="float32",
    )(x)
    return keras.Model(
        [image, time, label], DepthToSpace(patch, name="pixels", dtype="float32")(x), name="unet"
    )
