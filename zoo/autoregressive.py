"""Drawing from a gated PixelCNN row by row, computing nothing twice.

The naive way runs the whole network once for every pixel. But the activations of a pixel never change once its
predecessors are known (Le Paine et al. 2016, "Fast Wavenet generation algorithm"; Ramachandran et al. 2017, "Fast
generation for convolutional autoregressive models"). So one step draws one row, and

- the vertical stack is computed once for the whole row above, from its pixels and from the activations of the rows
  just above it, which travel with the item (`above`);
- a loop over the columns computes the horizontal stack at one pixel only, from the activations just left of it.

Nothing depends on the number of the row, but for what lies above the picture: items at different rows share a batch.

Rounding: a pixel is drawn where a distribution function passes a uniform number, and the last bits of a sum depend on
the kernel that took it. So, once in very many pixels, float32 draws another level than other float32 code does with
the same weights, and all pixels after that one change with it (docs/pixelcnn.md says how often). A model is therefore
served in batches of one size by one program. With `precision="float64"` no two programs disagree in practice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from zoo import randomness
from zoo.layers.gated_pixelcnn import CausalBlock, GatedPixelCNN, gate, pixel_inputs
from zoo.layers.pixel_head import product


class RowSampler:
    """Draws pictures, or grids of codes, from a `GatedPixelCNN`; one call of `advance` draws one row of each item.

    `initial` and `advance` are functions over tensors with a leading item axis, made for `zoo.contract.iterative`.
    The state is flat: seed int64 [n], label int32 [n], temperature float32 [n], given_rows int32 [n], levels int32
    [n, h, w, c], above float [n, blocks - 1, rows, w, features], step and steps int32 [n]. Rows from `step` on are
    not drawn yet: there `levels` holds what is to be kept, or 0.

    Args:
        network: the network; its weights are read when a row is drawn.
        xla: whether XLA compiles the loop over the columns: some seconds for each new batch size, saved in each row.
        precision: "float32" or "float64", of everything but the weights.
    """

    def __init__(self, network: GatedPixelCNN, *, xla: bool = True, precision: str = "float32") -> None:
        self.network, self.precision = network, tf.as_dtype(precision)
        self._draw = tf.function(self._draw_row, jit_compile=xla, autograph=False)

    def initial(
        self, seed: Any, label: Any, temperature: Any, levels: Any = None, given_rows: Any = None
    ) -> dict[str, Any]:
        """The state before the first row.

        Args:
            seed: int64 [n].
            label: int32 [n], -1 for no class.
            temperature: float32 [n], at least 0: 1 draws from the model, 0 takes the likeliest.
            levels: int [n, h, w, c], whose top rows are kept; None for a picture that is all drawn.
            given_rows: int32 [n], how many rows of `levels` are kept; the activations are computed from them.
        """
        height, width, channels = self.network.image_shape
        n = tf.shape(seed)[0]
        given_rows = tf.zeros([n], tf.int32) if given_rows is None else given_rows
        if levels is None:
            levels = tf.zeros([n, height, width, channels], tf.int32)
        kept = tf.range(height) < given_rows[:, None]
        first, *rest = self.network.blocks
        shape = [n, len(rest), rest[0].rows - 1 if rest else 0, width, first.features]
        return {
            "seed": tf.identity(seed),
            "label": tf.identity(label),
            "temperature": tf.identity(temperature),
            "given_rows": tf.identity(given_rows),
            "levels": tf.where(kept[:, :, None, None], tf.cast(levels, tf.int32), 0),
            "above": tf.zeros(shape, self.precision),
            "step": tf.zeros([n], tf.int32),
            "steps": tf.fill([n], height),
        }

    def advance(self, **state: Any) -> dict[str, Any]:
        """Each item with its row `step` drawn, or kept if it is given; finished items as they are."""
        height, width, _ = self.network.image_shape
        step, alive, levels = state["step"], state["step"] < state["steps"], state["levels"]
        uniform = randomness.item_uniform(state["seed"], step, (width, self.network.head.draws))
        from_above, above = self._vertical(state)
        here = (tf.range(height) == step[:, None])[:, :, None, None]
        known = tf.reduce_sum(tf.where(here, levels, 0), axis=1)
        row = self._draw(from_above, known, step < state["given_rows"], uniform, state["temperature"])
        return {
            **{name: tf.identity(tensor) for name, tensor in state.items()},
            "levels": tf.where(here, row[:, None], levels),
            "above": tf.where(alive[:, None, None, None, None], above, state["above"]),
            "step": step + tf.cast(alive, tf.int32),
        }

    # --- everything that depends on the rows above ------------------------------------------------------------------

    def _vertical(self, state: Mapping[str, Any]) -> tuple[Any, Any]:
        """The vertical stack at the row above.

        Returns what the horizontal convolutions are added to, [n, blocks, w, 2 features], and the new `above`.
        """
        exists = (state["step"] > 0)[:, None, None]
        one_hot = tf.one_hot(state["label"], self.network.num_classes, dtype=self.precision)
        rows, from_above, kept = self._rows_above(state), [], []
        for index, block in enumerate(self.network.blocks):
            v_bias, h_bias = _class_biases(block, one_hot)
            vertical = _convolve_row(rows, block.vertical) + v_bias
            link = product(tf.where(exists, vertical, 0.0), block.link.kernel.value[0, 0])
            from_above.append(link + tf.cast(block.horizontal.bias.value, self.precision) + h_bias)
            if index + 1 < len(self.network.blocks):
                new = tf.where(exists, gate(vertical), 0.0)[:, None]
                rows = tf.concat([state["above"][:, index], new], axis=1)
                kept.append(rows[:, 1:])
        return tf.stack(from_above, axis=1), tf.stack(kept, axis=1) if kept else state["above"]

    def _rows_above(self, state: Mapping[str, Any]) -> Any:
        """The inputs of the rows just above `step` that the first block sees, zeros above the picture."""
        index = state["step"][:, None] + tf.range(-self.network.blocks[0].rows, 0)
        rows = tf.gather(state["levels"], tf.maximum(index, 0), batch_dims=1)
        inputs = pixel_inputs(self.network.head.embed(rows, self.precision))
        return tf.where((index >= 0)[:, :, None, None], inputs, 0.0)

    # --- one pixel after the other ----------------------------------------------------------------------------------

    def _draw_row(self, from_above: Any, known: Any, given: Any, uniform: Any, temperature: Any) -> Any:
        """The levels int32 [n, w, c] of one row: those `known` for items where it is `given`, else drawn."""
        _, width, channels = self.network.image_shape
        head, blocks, precision = self.network.head, self.network.blocks, self.precision
        kernels = [_flat(block.horizontal.kernel, precision) for block in blocks]
        outs = [
            (_flat(block.out.kernel, precision), tf.cast(block.out.bias.value, precision)) for block in blocks
        ]
        uniform, temperature = tf.cast(uniform, precision), tf.cast(temperature, precision)
        # The loop takes one column of each.
        from_above, known, uniform = (
            tf.transpose(from_above, [2, 1, 0, 3]),
            tf.transpose(known, [1, 0, 2]),
            tf.transpose(uniform, [1, 0, 2]),
        )
        n = tf.shape(temperature)[0]
        # What each convolution sees to the left of the pixel: pixels for the first, activations for the others.
        depth = kernels[0].shape[0]
        left = [tf.zeros([n, depth], precision)]
        left += [tf.zeros([n, kernel.shape[0] - blocks[0].features], precision) for kernel in kernels[1:]]

        def draw(column: Any, row: Any, *left: Any) -> tuple[Any, ...]:
            windows, hidden = [left[0]], None
            for index, (kernel, (out, bias)) in enumerate(zip(kernels, outs, strict=True)):
                if index:
                    windows.append(tf.concat([left[index], hidden], axis=-1))
                new = product(gate(product(windows[-1], kernel) + from_above[column, index]), out) + bias
                hidden = hidden + new if index else new
            level = tf.where(given[:, None], known[column], head.draw(hidden, uniform[column], temperature))
            level = tf.ensure_shape(level, [None, channels])
            pixel = pixel_inputs(head.embed(level[:, None, None, :], precision))[:, 0, 0]
            windows[0] = tf.concat([left[0], pixel], axis=-1)
            row = tf.where(tf.range(width)[:, None, None] == column, level, row)
            # The oldest column leaves each window.
            kept = [window[:, -old.shape[1] :] for window, old in zip(windows, left, strict=True)]
            return column + 1, row, *kept

        start = (tf.constant(0), tf.zeros([width, n, channels], tf.int32), *left)
        _, row, *_ = tf.while_loop(lambda column, *_: column < width, draw, start, maximum_iterations=width)
        return tf.transpose(row, [1, 0, 2])


def sample_naively(
    network: GatedPixelCNN, seed: Any, label: Any, temperature: Any, levels: Any, given_rows: Any
) -> Any:
    """The same by running all of `network` once for each pixel, int32 [n, h, w, c]: for tests and benchmarks.

    Arguments are those of `RowSampler.initial`; the precision is the network's.
    """
    height, width, _ = network.image_shape
    kept = (tf.range(height) < given_rows[:, None])[:, :, None, None]
    levels = tf.where(kept, levels, 0)

    @tf.function(autograph=False)
    def draw(levels: Any, row: Any, column: Any, uniform: Any) -> Any:
        features = network.features_of(network.embed(levels), label)[:, row, column]
        drawn = network.head.draw(
            features, tf.cast(uniform[:, column], features.dtype), tf.cast(temperature, features.dtype)
        )
        here = (tf.range(height)[:, None, None] == row) & (tf.range(width)[:, None] == column)
        return tf.where(here & ~kept, drawn[:, None, None, :], levels)

    for row in range(height):
        uniform = randomness.item_uniform(seed, row, (width, network.head.draws))
        for column in range(width):
            levels = draw(levels, tf.constant(row), tf.constant(column), uniform)
    return levels


def _class_biases(block: CausalBlock, one_hot: Any) -> tuple[Any, Any]:
    """The class's bias in the gate of the vertical and of the horizontal stack, [n, 1, 2 features] each."""
    if not block.num_classes:
        return 0.0, 0.0
    return tf.split(product(one_hot, block.class_bias.value)[:, None, :], 2, axis=-1)


def _convolve_row(rows: Any, layer: Any) -> Any:
    """The convolution `layer` over as many `rows` [n, rows, w, f] as its kernel has: one row [n, w, outputs]."""
    side = layer.kernel.shape[1] // 2
    padding = [[0, 0], [0, 0], [side, side], [0, 0]]
    row = tf.nn.conv2d(rows, tf.cast(layer.kernel.value, rows.dtype), 1, padding)[:, 0]
    return row + tf.cast(layer.bias.value, rows.dtype)


def _flat(kernel: Any, dtype: Any) -> Any:
    """A kernel [h, w, i, o] as the matrix [h w i, o]."""
    return tf.cast(tf.reshape(kernel.value, [-1, kernel.shape[-1]]), dtype)
