"""One signature of a SavedModel as a function of named tensors, called without the Python cost of a signature.

Calling a loaded signature checks and casts every keyword in Python: about 0.4 ms a call for ten tensors. The server
has checked names and types once, at load, so it calls the graph function itself, by its own name: 0.05 ms.
(`tf.raw_ops.StatefulPartitionedCall` is no slower, but TensorFlow never frees the kernels that it prepares for that:
1.3 MiB for each small version loaded and dropped. Those of a function called by name go with the function.)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Tensor = Any  # tf.Tensor: TensorFlow has no types that a checker can read.


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What a signature says of one tensor: its NumPy type name and its shape, None where any length goes."""

    dtype: str
    shape: tuple[int | None, ...]

    @property
    def item_bytes(self) -> int | None:
        """The size of one item, an entry of the leading axis; None if that depends on the item."""
        axes = [axis for axis in self.shape[1:] if axis is not None]
        if len(axes) != len(self.shape[1:]):
            return None
        return math.prod(axes) * np.dtype(self.dtype).itemsize

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join('n' if axis is None else str(axis) for axis in self.shape)}]"


class Function:
    """A signature: `function({"x": tensor, ...})` gives its outputs by name."""

    def __init__(self, name: str, signature: Any) -> None:
        """`signature` is one entry of `tf.saved_model.load(path).signatures`."""
        self.name = name
        keywords: Mapping[str, Any] = signature.structured_input_signature[1]
        outputs: Mapping[str, Any] = signature.structured_outputs
        self.inputs = {keyword: _spec(spec) for keyword, spec in keywords.items()}
        self.outputs = {output: _spec(spec) for output, spec in outputs.items()}
        # A graph function takes its tensors, and gives them, in the order in which tf.nest flattens a dict, sorted by
        # name; after its own tensors it takes what it captured: the weights.
        self._input_order: Sequence[str] = sorted(keywords)
        placeholders = signature.inputs[: len(keywords)]
        if [tensor.dtype for tensor in placeholders] != [
            keywords[keyword].dtype for keyword in self._input_order
        ]:
            raise ValueError(
                f"signature {name!r}: the inputs of its graph are not in the order of its keywords"
            )
        self._captured = list(signature.captured_inputs)
        self._output_order: Sequence[str] = sorted(outputs)
        self._graph_function = signature.inference_fn
        self._signature = signature  # The graph function lives as long as it.

    def __call__(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run it. Names beyond its inputs are ignored; a missing one is a KeyError."""
        arguments = [tensors[name] for name in self._input_order]
        results = self._graph_function.call_flat(*arguments, *self._captured)
        return dict(zip(self._output_order, results, strict=True))


def _spec(spec: Any) -> TensorSpec:
    shape = tuple(spec.shape.as_list()) if spec.shape.rank is not None else ()
    return TensorSpec(spec.dtype.name, shape)
