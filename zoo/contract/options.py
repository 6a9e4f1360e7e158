"""Options of a capability: what may be set, from a number to a picture, and which values are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pixelzoo.v1 import capability_pb2


@dataclass(frozen=True)
class Integer:
    """A whole-number option, an int32 [n] tensor; `minimum` and `maximum` are allowed values."""

    name: str
    default: int
    minimum: int
    maximum: int
    description: str
    dtype = tf.int32
    item_shape = ()

    def value(self, given: Any) -> int:
        """Returns `given` as an allowed value, or raises ValueError naming the rule."""
        if isinstance(given, bool) or int(given) != given or not self.minimum <= given <= self.maximum:
            raise ValueError(
                f"{self.name} must be a whole number from {self.minimum} to {self.maximum}; got {given!r}"
            )
        return int(given)

    def describe(self, option: capability_pb2.Option) -> None:
        option.integer.min, option.integer.max, option.integer.default = (
            self.minimum,
            self.maximum,
            self.default,
        )


@dataclass(frozen=True)
class Real:
    """A real-number option, a float32 [n] tensor; `minimum` and `maximum` are allowed values."""

    name: str
    default: float
    minimum: float
    maximum: float
    description: str
    dtype = tf.float32
    item_shape = ()

    def value(self, given: Any) -> float:
        """Returns `given` as an allowed value, or raises ValueError naming the rule."""
        if not self.minimum <= float(given) <= self.maximum:
            raise ValueError(f"{self.name} must lie in {self.minimum:g} .. {self.maximum:g}; got {given!r}")
        return float(given)

    def describe(self, option: capability_pb2.Option) -> None:
        option.real.min, option.real.max, option.real.default = self.minimum, self.maximum, self.default


@dataclass(frozen=True)
class Choice:
    """A named choice, an int32 [n] tensor of the enum numbers in `choices` (name -> number)."""

    name: str
    default: int
    choices: Mapping[str, int]
    description: str
    dtype = tf.int32
    item_shape = ()

    def value(self, given: Any) -> int:
        """Returns the number of `given`, a name or a number, or raises ValueError naming the choices."""
        number = self.choices.get(given, given) if isinstance(given, str) else given
        if number not in self.choices.values():
            raise ValueError(f"{self.name} must be one of {', '.join(self.choices)}; got {given!r}")
        return int(number)

    def describe(self, option: capability_pb2.Option) -> None:
        option.choice.default_number = self.default
        for name, number in self.choices.items():
            option.choice.choices.add(name=name, number=number)


@dataclass(frozen=True)
class Picture:
    """An option that is a picture of `item_shape` (h, w, c), a uint8 [n, h, w, c] tensor.

    `default` is the level of every pixel of the picture taken when none is given.
    """

    name: str
    default: int
    item_shape: tuple[int, int, int]
    description: str
    dtype = tf.uint8

    def value(self, given: Any) -> np.ndarray:
        """Returns `given`, uint8 [h, w, c] or one level for all of it, or raises ValueError naming the rule."""
        if np.ndim(given) == 0:
            whole = np.issubdtype(np.asarray(given).dtype, np.integer)
            if not whole or not 0 <= given <= 255:
                raise ValueError(f"{self.name} must be a picture or a level of 0 .. 255; got {given!r}")
            return np.full(self.item_shape, given, np.uint8)
        picture = np.asarray(given)
        if picture.dtype != np.uint8 or picture.shape != self.item_shape:
            raise ValueError(
                f"{self.name} must be uint8 of the shape {self.item_shape}; got {picture.dtype} {picture.shape}"
            )
        return picture

    def describe(self, option: capability_pb2.Option) -> None:
        shape = option.image.shape
        shape.height, shape.width, shape.channels = self.item_shape
        option.image.default_level = self.default


Option = Integer | Real | Choice | Picture
