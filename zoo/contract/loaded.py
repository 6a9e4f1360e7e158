"""A SavedModel of the contract, loaded by stock TensorFlow and asked in this process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pixelzoo.v1 import capability_pb2
from zoo.contract.capability import kind_name, run_to_end
from zoo.contract.writer import read_card


class LoadedModel:
    """What an exported model answers, without the code that made it.

    Args:
        path: the version folder, `<model>/<version>`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.card = read_card(path)
        # Kept in hand: the functions of a SavedModel die with the object that loaded them.
        self._loaded = tf.saved_model.load(str(path))
        self.signatures = self._loaded.signatures
        self.capabilities = {kind_name(capability.kind): capability for capability in self.card.capabilities}

    def ask(self, name: str, inputs: Mapping[str, Any], **options: Any) -> dict[str, np.ndarray]:
        """Runs the capability `name` to its end.

        Args:
            name: "sample", "translate", "score", "encode" or "decode".
            inputs: arrays with a leading item axis.
            **options: a value for all items, a number or a picture uint8 [h, w, c]; the others take their defaults.

        Raises:
            KeyError: the model has no such capability, or the card no such option.
        """
        capability = self.capabilities[name]
        first = self.signatures[f"{name}_begin" if capability.iterative else name]
        specs = first.structured_input_signature[1]
        n = len(next(iter(inputs.values())))
        values = {option.name: default_value(option) for option in capability.options}
        for option, value in options.items():
            if option not in values:
                raise KeyError(f"{name} has no option {option!r}; it has {', '.join(values) or 'none'}")
            values[option] = value
        tensors = {
            key: tf.constant(np.broadcast_to(value, (n, *specs[key].shape[1:])), specs[key].dtype)
            for key, value in values.items()
        }
        tensors |= {
            key: tf.constant(np.asarray(value), specs[key].dtype)
            for key, value in inputs.items()
            if key in specs
        }
        lane = self.card.batch_lane
        return run_to_end(
            self.signatures, name, capability.iterative, tensors, lane.buckets[0] if lane.exact else None
        )


def default_value(option: capability_pb2.Option) -> float | int:
    """The value that an option of the card takes when it is not given."""
    match option.WhichOneof("spec"):
        case "integer":
            return option.integer.default
        case "real":
            return option.real.default
        case "image":
            return option.image.default_level
        case _:
            return option.choice.default_number
