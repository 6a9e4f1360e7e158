"""Capabilities: what a model can be asked, as functions over tensors with a leading item axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from pixelzoo.v1 import capability_pb2, image_pb2
from zoo.contract.answers import Latent, Score, Translation
from zoo.contract.options import Option

SEED = tf.TensorSpec([None], tf.int64, name="seed")
LABEL = tf.TensorSpec([None], tf.int32, name="label")


def image(shape: Sequence[int | None], name: str = "image") -> tf.TensorSpec:
    """The spec of uint8 images [n, height, width, channels]."""
    return tf.TensorSpec([None, *shape], tf.uint8, name=name)


@dataclass(frozen=True)
class Capability:
    """One thing a model can be asked; make it with `one_shot` or `iterative`."""

    name: str
    functions: Mapping[str, Callable[..., dict[str, Any]]]
    inputs: Mapping[str, tf.TensorSpec]
    options: Sequence[Option] = ()
    scores: Sequence[Score] = ()
    latent: Latent | None = None
    translation: Translation | None = None
    # How many steps an item takes where no option named "steps" says so.
    steps: int = 1
    _traced: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_iterative(self) -> bool:
        return "begin" in self.functions

    @cached_property
    def signatures(self) -> dict[str, Any]:
        """The concrete functions of the contract, by signature name."""
        first = self._trace("begin" if self.is_iterative else "", {**self.inputs, **self._option_specs})
        if not self.is_iterative:
            return {self.name: first}
        state = {name: _item_spec(name, tensor) for name, tensor in first.structured_outputs.items()}
        signatures = {f"{self.name}_begin": first}
        for part in ("advance", "preview", "finish"):
            if part in self.functions:
                signatures[f"{self.name}_{part}"] = self._trace(part, state)
        if self.name == "sample":
            whole = tf.function(self._whole_run(state), autograph=False)
            signatures["sample"] = whole.get_concrete_function(**self.inputs)
        return signatures

    def run(
        self, inputs: Mapping[str, Any], options: Mapping[str, Any], bucket: int | None = None
    ) -> dict[str, np.ndarray]:
        """Runs the capability to its end in this process, one step after the other.

        Args:
            inputs: arrays with a leading item axis, by the names of `self.inputs`.
            options: values by option name, one for all items or one for each; the others take their defaults.
            bucket: the one batch size to run in, as a server does for a model with a single bucket; None runs all at
                once.

        Raises:
            ValueError: an unknown option or a value that is not allowed; the message names the rule.
        """
        tensors = {name: _as_input(name, inputs[name], spec) for name, spec in self.inputs.items()}
        n = len(next(iter(tensors.values())))
        tensors |= self._option_tensors(options, n)
        return run_to_end(self.signatures, self.name, self.is_iterative, tensors, bucket)

    def describe(self) -> capability_pb2.Capability:
        """The capability as it stands in the card."""
        described = capability_pb2.Capability(
            kind=capability_pb2.CapabilityKind.Value(f"CAPABILITY_KIND_{self.name.upper()}"),
            iterative=self.is_iterative,
            previews="preview" in self.functions,
        )
        for option in self.options:
            option.describe(described.options.add(name=option.name, description=option.description))
        for score in self.scores:
            described.scores.add(
                name=score.name,
                kind=score.kind,
                unit=score.unit,
                exact=score.exact,
                description=score.description,
                primary=score.primary,
            )
        if self.latent:
            described.latent.shape.extend(self.latent.shape)
            described.latent.data_type = image_pb2.DataType.Value(
                f"DATA_TYPE_{self.latent.dtype.name.upper()}"
            )
            described.latent.prior = self.latent.prior
            described.latent.codebook_size = self.latent.codebook_size
        if self.translation:
            height, width, channels = self.translation.shape
            taken = described.translation.input_shape
            taken.height, taken.width, taken.channels = height or 0, width or 0, channels
            described.translation.scale = self.translation.scale
        return described

    def _trace(self, part: str, specs: Mapping[str, tf.TensorSpec]) -> Any:
        named = {name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in specs.items()}
        # The functions are written in tensor operations; there is nothing for AutoGraph to convert.
        return tf.function(self.functions[part], autograph=False).get_concrete_function(**named)

    @property
    def _option_specs(self) -> dict[str, tf.TensorSpec]:
        return {
            option.name: tf.TensorSpec([None, *option.item_shape], option.dtype, name=option.name)
            for option in self.options
        }

    def _option_tensors(self, given: Mapping[str, Any], n: int) -> dict[str, tf.Tensor]:
        known = {option.name: option for option in self.options}
        for name in given:
            if name not in known:
                raise ValueError(f"{self.name} has no option {name!r}; it has {', '.join(known) or 'none'}")
        tensors = {}
        for name, option in known.items():
            value = given.get(name, option.default)
            # One value for all items has an axis less than one for each.
            one_for_all = np.ndim(value) <= len(option.item_shape)
            values = [option.value(v) for v in ([value] * n if one_for_all else value)]
            if len(values) != n:
                raise ValueError(f"{name}: give one value or {n}, one for each item; got {len(values)}")
            tensors[name] = tf.constant(np.stack(values), option.dtype)
        return tensors

    def _whole_run(self, state_specs: Mapping[str, tf.TensorSpec]) -> Callable[..., dict[str, Any]]:
        """The plain `sample` of an iterative model: all steps in one call, options at their defaults."""

        def sample(**inputs: Any) -> dict[str, Any]:
            shape = tf.shape(inputs["seed"])
            defaults = {
                option.name: tf.fill([shape[0], *option.item_shape], tf.cast(option.default, option.dtype))
                for option in self.options
            }
            state = self.functions["begin"](**inputs, **defaults)
            names = sorted(state)

            def unfinished(*values: Any) -> Any:
                now = dict(zip(names, values, strict=True))
                return tf.reduce_any(now["step"] < now["steps"])

            def advance(*values: Any) -> list[Any]:
                moved = self.functions["advance"](**dict(zip(names, values, strict=True)))
                return [moved[name] for name in names]

            final = tf.while_loop(
                unfinished,
                advance,
                [state[name] for name in names],
                shape_invariants=[state_specs[name].shape for name in names],
            )
            return self.functions["finish"](**dict(zip(names, final, strict=True)))

        return sample


def one_shot(
    name: str,
    function: Callable[..., dict[str, Any]],
    *,
    inputs: Mapping[str, tf.TensorSpec],
    options: Sequence[Option] = (),
    scores: Sequence[Score] = (),
    latent: Latent | None = None,
    translation: Translation | None = None,
) -> Capability:
    """A capability answered in one call of `function(**inputs, **options) -> outputs`."""
    return Capability(name, {"": function}, inputs, options, scores, latent, translation)


def iterative(
    name: str,
    *,
    begin: Callable[..., dict[str, Any]],
    advance: Callable[..., dict[str, Any]],
    finish: Callable[..., dict[str, Any]],
    inputs: Mapping[str, tf.TensorSpec],
    preview: Callable[..., dict[str, Any]] | None = None,
    options: Sequence[Option] = (),
    scores: Sequence[Score] = (),
    translation: Translation | None = None,
    steps: int = 1,
) -> Capability:
    """A capability answered in steps: `begin` makes the state, `advance` moves each item on, `finish` reads it.

    `steps` is how many steps an item takes where no option of that name says so.
    """
    functions = {"begin": begin, "advance": advance, "finish": finish}
    if preview is not None:
        functions["preview"] = preview
    return Capability(name, functions, inputs, options, scores, translation=translation, steps=steps)


def _as_input(name: str, value: Any, spec: tf.TensorSpec) -> tf.Tensor:
    """`value` as a tensor of `spec`; whole numbers may widen or narrow, but nothing is scaled, rounded or cut."""
    array = np.asarray(value)
    shape = tuple(spec.shape[1:])
    same_kind = np.issubdtype(array.dtype, np.integer) == np.issubdtype(spec.dtype.as_numpy_dtype, np.integer)
    if not same_kind or (spec.dtype == tf.uint8 and array.dtype != np.uint8):
        raise ValueError(
            f"{name} must be {spec.dtype.name}, got {array.dtype}: nothing is scaled or rounded here"
        )
    if array.ndim != 1 + len(shape) or any(
        want not in (None, got) for want, got in zip(shape, array.shape[1:], strict=True)
    ):
        raise ValueError(f"{name} must have the shape (n, {', '.join(map(str, shape))}), got {array.shape}")
    return tf.convert_to_tensor(array, spec.dtype)


def _item_spec(name: str, tensor: Any) -> tf.TensorSpec:
    return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype, name=name)


def run_to_end(
    signatures: Mapping[str, Any],
    name: str,
    iterative: bool,
    tensors: Mapping[str, tf.Tensor],
    bucket: int | None = None,
) -> dict[str, np.ndarray]:
    """Asks the capability `name` of a model's `signatures`: in one call, or step by step until every item is done.

    With a `bucket` the items run in batches of that many, the last one filled up with copies of the last item.
    """
    if bucket is not None:
        n = len(next(iter(tensors.values())))
        parts = []
        for start in range(0, n, bucket):
            rows = np.minimum(np.arange(start, start + bucket), n - 1)
            batch = {key: tf.gather(tensor, rows) for key, tensor in tensors.items()}
            parts.append(run_to_end(signatures, name, iterative, batch))
        return {key: np.concatenate([part[key] for part in parts])[:n] for key in parts[0]}
    if not iterative:
        outputs = signatures[name](**tensors)
    else:
        state = signatures[f"{name}_begin"](**tensors)
        for _ in range(int(tf.reduce_max(state["steps"]))):
            state = signatures[f"{name}_advance"](**state)
        outputs = signatures[f"{name}_finish"](**state)
    return {key: tensor.numpy() for key, tensor in outputs.items()}


def kind_name(kind: capability_pb2.CapabilityKind.ValueType) -> str:
    """The contract's name of a capability, which is its signature's: "sample" for CAPABILITY_KIND_SAMPLE."""
    return capability_pb2.CapabilityKind.Name(kind).removeprefix("CAPABILITY_KIND_").lower()
