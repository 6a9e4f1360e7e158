"""The gated PixelCNN (van den Oord et al. 2016b, "Conditional image generation with PixelCNN decoders", section 2).

A picture is read in raster order, and inside a pixel channel by channel, R before G before B. The network gives, for
every pixel and channel, the distribution of its level given all that comes before it:

    p(x) = prod_i p(x_i | x_1, ..., x_{i-1})                                                               (eq. 1)

Two stacks of convolutions share the work. The *vertical* one sees the rows up to and including its own, at full
width; the *horizontal* one sees its own row up to and including its own pixel (in the first block: without it), and
takes what lies above from the vertical stack, shifted down by one row. Together they leave no blind spot. No kernel
is masked: each convolution has just the taps that it may use, and the picture is padded on the sides that come
before. Channels of features inside a stack mix freely (1x1 convolutions are never masked), since only whole pixels
are kept apart there; the channels of one pixel are put in order by the head.

Each convolution ends in a gate (eq. 2) with a bias for the class (eq. 4):

    y = tanh(W_f * x + V_f h) . sigmoid(W_g * x + V_g h)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from zoo.layers.pixel_head import HEADS


class CausalBlock(layers.Layer):
    """One gated layer of both stacks; see Figure 2 of the paper.

    Args:
        features: channels of each stack.
        reach: how many rows above, and columns to either side, the kernels see.
        num_classes: classes of the bias in each gate, 0 for none.
        first: whether this is the first block, which must not see its own pixel and has no residual connection.
    """

    def __init__(self, features: int, reach: int, num_classes: int, first: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.features, self.reach, self.num_classes, self.first = features, reach, num_classes, first
        # The link shifts the vertical stack down by one row, so its first kernel may hold its own row.
        self.rows = reach if first else reach + 1
        self.columns = reach if first else reach + 1
        settings = {"padding": "valid", "kernel_initializer": "he_normal", "dtype": self.dtype_policy}
        self.vertical = layers.Conv2D(2 * features, (self.rows, 2 * reach + 1), **settings)
        self.horizontal = layers.Conv2D(2 * features, (1, self.columns), **settings)
        # Without a bias, so that nothing above the picture is nothing below the link too.
        self.link = layers.Conv2D(2 * features, 1, use_bias=False, dtype=self.dtype_policy)
        self.out = layers.Conv2D(features, 1, dtype=self.dtype_policy)

    def build(self, shape: Any) -> None:
        *space, _ = shape
        self.vertical.build(shape)
        self.horizontal.build(shape)
        self.link.build((*space, 2 * self.features))
        self.out.build((*space, self.features))
        if self.num_classes:
            self.class_bias = self.add_weight(
                shape=(self.num_classes, 4 * self.features), initializer="zeros", name="class_bias"
            )

    def call(self, vertical: Any, horizontal: Any, one_hot: Any) -> tuple[Any, Any]:
        """Both stacks one layer on: [n, h, w, features] each. `one_hot` is [n, num_classes], zeros for no class."""
        v = self.vertical(_pad(vertical, above=self.rows - 1, left=self.reach, right=self.reach))
        before = _crop(horizontal, columns=1) if self.first else horizontal
        h = self.horizontal(_pad(before, left=self.columns - (0 if self.first else 1)))
        if self.num_classes:
            bias = tf.matmul(one_hot, tf.cast(self.class_bias.value, one_hot.dtype))[:, None, None, :]
            v_bias, h_bias = tf.split(bias, 2, axis=-1)
            v, h = v + v_bias, h + h_bias
        # Taken before the gate, and shifted down: of the rows above, not of this one.
        h += self.link(_pad(_crop(v, rows=1), above=1))
        new = self.out(gate(h))
        return gate(v), new if self.first else horizontal + new


@keras.saving.register_keras_serializable("pixelzoo")
class GatedPixelCNN(keras.Model):
    """The distribution of every level of a picture, or of a grid of codes, given those before it.

    Args:
        image_shape: (height, width, channels).
        levels: number of values that a pixel or code can take; 256 for the mixture head.
        features: channels of each stack.
        blocks: gated layers, the first one included.
        num_classes: number of classes, or 0.
        head: "softmax" (levels without order, such as codes) or "logistic_mixture" (levels of brightness); see
            `zoo.layers.pixel_head`.
        components: logistics of the mixture head; the softmax does not read it.
        first_reach, reach: rows above and columns to either side that the kernels of the first and of the other
            blocks see: 3 is a 7x7 kernel less what comes after its centre.
        head_features: channels between the stacks and the head.
        dtype: Keras precision policy; the outputs of the head are at least float32 in every policy.
    """

    def __init__(
        self,
        *,
        image_shape: tuple[int, int, int],
        levels: int = 256,
        features: int = 64,
        blocks: int = 8,
        num_classes: int = 0,
        head: str = "logistic_mixture",
        components: int = 10,
        first_reach: int = 3,
        reach: int = 1,
        head_features: int = 128,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(dtype=dtype, autocast=False, name="gated_pixelcnn")
        if head not in HEADS:
            raise ValueError(f"head {head!r} is unknown; choose one of {', '.join(HEADS)}")
        counts = {"features": features, "blocks": blocks, "components": components}
        counts |= {"first_reach": first_reach, "reach": reach, "head_features": head_features}
        for field, value in counts.items():
            if value < 1:
                raise ValueError(f"{field} must be at least 1; got {value}")
        self.image_shape, self.levels, self.num_classes = tuple(image_shape), levels, num_classes
        channels = self.image_shape[-1]
        policy = self.dtype_policy
        self.head = HEADS[head](channels, levels, components, head_features, dtype=policy)
        depth = channels * self.head.depth + 1
        self.blocks = []
        for index in range(blocks):
            first = index == 0
            block = CausalBlock(
                features,
                first_reach if first else reach,
                num_classes,
                first,
                name=f"block_{index}",
                dtype=policy,
            )
            block.build((None, None, None, depth if first else features))
            self.blocks.append(block)
        self.head.build((None, None, None, features))
        self.built = True

    def call(self, x: Any, label: Any) -> Mapping[str, Any]:
        """The head's parameters at every pixel of `x` int32 [n, h, w, c] with levels 0 .. levels - 1.

        `label` is int32 [n], -1 for no class. See the head for what comes back.
        """
        embedded = self.embed(x)
        return self.head(self.features_of(embedded, label), embedded)

    def embed(self, x: Any) -> Any:
        """`x` int32 [n, h, w, c] as the network reads it, [n, h, w, c, depth]: what a Jacobian can be taken by."""
        return self.head.embed(x, "float64" if self.compute_dtype == "float64" else "float32")

    def features_of(self, embedded: Any, label: Any) -> Any:
        """What the head reads: [n, h, w, features] that depend, at each pixel, on the pixels before it."""
        pixels = tf.cast(pixel_inputs(embedded), self.compute_dtype)
        one_hot = tf.one_hot(label, self.num_classes, dtype=pixels.dtype)
        vertical = horizontal = pixels
        for block in self.blocks:
            vertical, horizontal = block(vertical, horizontal, one_hot)
        return horizontal


def pixel_inputs(embedded: Any) -> Any:
    """The embedded channels of each pixel side by side, and a 1, by which the network tells the padding."""
    *_, height, width, channels, depth = embedded.shape
    flat = tf.reshape(embedded, [-1, height, width, channels * depth])
    return tf.concat([flat, tf.ones_like(flat[..., :1])], axis=-1)


def gate(x: Any) -> Any:
    """2 tanh(a) sigmoid(2 b) of the two halves a, b of `x` (eq. 2; the factors are a matter of the weights' scale).

    Written as tanh(a) (1 + tanh(b)): on a CPU one tanh over all channels costs half of a tanh and a sigmoid. It is
    taken in float32, where TensorFlow's element-wise operations are faster than in bfloat16.
    """
    wide = tf.tanh(x if x.dtype == tf.float64 else tf.cast(x, tf.float32))
    a, b = tf.split(wide, 2, axis=-1)
    return tf.cast(a * (1.0 + b), x.dtype)


def _pad(x: Any, *, above: int = 0, left: int = 0, right: int = 0) -> Any:
    return tf.pad(x, [[0, 0], [above, 0], [left, right], [0, 0]])


def _crop(x: Any, *, rows: int = 0, columns: int = 0) -> Any:
    """Without the last rows or columns. (The gradient of x[:, :-1] is many times slower than that of tf.slice.)"""
    _, height, width, _ = x.shape
    return tf.slice(x, [0, 0, 0, 0], [-1, height - rows, width - columns, -1])
