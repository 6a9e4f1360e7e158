"""Options: from what a request sets to a value for every option of the card, and back into a recipe.

An option has one name: in the card, in the options message and as a tensor of the signature. So everything here
follows from the card and from the descriptors of the messages, and holds for families yet to come.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from pixelzoo.v1 import capability_pb2, image_pb2, options_pb2
from zoo_server.arrays import Array
from zoo_server.errors import Violation, invalid_field, invalid_fields

_MESSAGES: dict[capability_pb2.CapabilityKind.ValueType, type[Message]] = {
    capability_pb2.CAPABILITY_KIND_SAMPLE: options_pb2.SampleOptions,
    capability_pb2.CAPABILITY_KIND_TRANSLATE: options_pb2.TranslateOptions,
    capability_pb2.CAPABILITY_KIND_SCORE: options_pb2.ScoreOptions,
}

_MEMBERS = {
    "acgan": "adversarial",
    "conditional_gan": "adversarial",
    "cyclegan": "adversarial",
    "dcgan": "adversarial",
    "ddpm": "diffusion",
    "pixelcnn": "autoregressive",
    "srgan": "adversarial",
    "vae": "latent_variable",
    "vqvae": "autoregressive",
}
"""The member of the oneof `family` that each family of the zoo takes. A family from elsewhere takes any member that
has all of its options."""


@dataclass(frozen=True, slots=True)
class ResolvedOptions:
    """A value for every option of a capability.

    `values` are rows for the signature; `images`, each with its shape and its path in the request, are still to be
    decoded; `message` is the options message with every option filled in, or None for a capability without options.
    `given` are the names of the options that were set, and `departures` the paths in the request of those that were
    given another value than the default.
    """

    values: Mapping[str, Array]
    images: Mapping[str, tuple[image_pb2.Image, image_pb2.ImageShape, str]]
    message: Any
    departures: Mapping[str, str] = field(default_factory=dict)
    given: Collection[str] = ()

    def with_images(self, pixels: Sequence[Array], messages: Sequence[image_pb2.Image]) -> "ResolvedOptions":
        """The same with the pixels of its `images`, in their order, and with `messages` of them to be filled in."""
        for name, image in zip(self.images, messages, strict=True):
            getattr(getattr(self.message, self.message.WhichOneof("family")), name).CopyFrom(image)
        return replace(self, values={**self.values, **dict(zip(self.images, pixels, strict=True))}, images={})


class OptionRules:
    """The options of one capability of one model. Raises ValueError if no options message can carry them."""

    def __init__(self, capability: capability_pb2.Capability, family: str) -> None:
        self._options = {option.name: option for option in capability.options}
        self._message = _MESSAGES.get(capability.kind)
        self._members = self._find_members(family) if self._options else []

    def _find_members(self, family: str) -> list[str]:
        if self._message is None:
            raise ValueError("this capability takes no options")
        oneof = self._message.DESCRIPTOR.oneofs_by_name["family"]
        able = [
            field.name
            for field in oneof.fields
            if all(_carries(field.message_type, option) for option in self._options.values())
        ]
        fitting = [member for member in able if _MEMBERS.get(family, member) == member]
        if not fitting:
            raise ValueError(
                f"no member of {self._message.DESCRIPTOR.full_name} for family {family!r} has the options "
                f"{sorted(self._options)}, each of the type that the card says"
            )
        return fitting

    def resolve(self, message: Any, path: str = "options") -> ResolvedOptions:
        """Fill in what `message`, at `path` of a request, leaves open.

        Raises INVALID_FIELD for what the model's card does not allow.
        """
        member = message.WhichOneof("family")
        if member is not None and member not in self._members:
            remedy = f"set {path}.{self._members[0]} instead" if self._members else f"leave {path} unset"
            rule = f"is for another kind of family than this model's: {remedy}"
            raise invalid_field(f"{path}.{member}", rule)
        given = (
            {}
            if member is None
            else {field.name: value for field, value in getattr(message, member).ListFields()}
        )
        if not self._options:
            return ResolvedOptions({}, {}, None)
        where = f"{path}.{member}"
        return self._resolve(
            member or self._members[0], type(message)(), given, lambda name: f"{where}.{name}"
        )

    def resolve_values(self, given: Mapping[str, Any], path: Callable[[str], str]) -> ResolvedOptions:
        """As `resolve`, of values by the option's name, of a request that has each at the path that `path` gives.

        A choice is a number, a picture an Image. Raises INVALID_FIELD.
        """
        if self._message is None or not self._options:
            return ResolvedOptions({}, {}, None)
        return self._resolve(self._members[0], self._message(), given, path)

    def _resolve(
        self, member: str, message: Any, given: Mapping[str, Any], path: Callable[[str], str]
    ) -> ResolvedOptions:
        violations = [
            Violation(path(name), f"this model has no such option; it has: {', '.join(self._options)}")
            for name in given.keys() - self._options.keys()
        ]
        for name, option in self._options.items():
            if name in given and (broken := _broken(option, given[name])):
                violations.append(Violation(path(name), broken))
        if violations:
            raise invalid_fields(violations)
        return self._fill(member, message, given, path)

    def defaults(self) -> Mapping[str, Array]:
        """The rows of a request that sets no option."""
        return {} if self._message is None else self.resolve(self._message()).values

    def _fill(
        self, member: str, message: Any, given: Mapping[str, Any], path: Callable[[str], str]
    ) -> ResolvedOptions:
        filled = getattr(message, member)
        filled.SetInParent()
        values: dict[str, Array] = {}
        images = {}
        departures = {}
        for name, option in self._options.items():
            match option.WhichOneof("spec"):
                case "integer" | "choice":
                    values[name] = np.asarray(given.get(name, _default(option)), np.int32)
                    setattr(filled, name, int(values[name]))
                case "real":
                    values[name] = np.asarray(given.get(name, _default(option)), np.float32)
                    setattr(filled, name, float(values[name]))
                case "image" if name in given:
                    images[name] = (given[name], option.image.shape, path(name))
                case "image":
                    shape = (option.image.shape.height, option.image.shape.width, option.image.shape.channels)
                    values[name] = np.full(shape, option.image.default_level, np.uint8)
            if name in given and given[name] != _default(option):
                departures[name] = path(name)
        return ResolvedOptions(values, images, message, departures, frozenset(given))


def _carries(message: Any, option: capability_pb2.Option) -> bool:
    """Whether the options message with this descriptor has a field of the option's name that can hold its values."""
    field = message.fields_by_name.get(option.name)
    if field is None:
        return False
    match option.WhichOneof("spec"):
        case "integer":
            return bool(field.type == FieldDescriptor.TYPE_UINT32 and option.integer.min >= 0)
        case "real":
            return bool(field.type == FieldDescriptor.TYPE_FLOAT)
        case "choice":
            return bool(field.type == FieldDescriptor.TYPE_ENUM)
        case _:
            return bool(field.message_type) and field.message_type.name == "Image"


def _default(option: capability_pb2.Option) -> Any:
    """The value taken when a request does not set the option; None for a picture."""
    match option.WhichOneof("spec"):
        case "integer":
            return option.integer.default
        case "real":
            return option.real.default
        case "choice":
            return option.choice.default_number
        case _:
            return None


def _broken(option: capability_pb2.Option, value: Any) -> str | None:
    """What is wrong with `value`, or None."""
    low: float
    high: float
    match option.WhichOneof("spec"):
        case "integer":
            low, high = option.integer.min, option.integer.max
        case "real":
            low, high = option.real.min, option.real.max
        case "choice":
            names = [choice.name for choice in option.choice.choices]
            numbers = [choice.number for choice in option.choice.choices]
            return None if value in numbers else f"this model's choices are: {', '.join(names)}"
        case _:
            return None
    if low <= value <= high:
        return None
    if not math.isfinite(value):
        return f"must be a finite number, and is {value}"
    return f"must be {_said(low, 7)} to {_said(high, 7)}, and is {_said(value, 10)}"


def _said(number: float, digits: int) -> str:
    """`digits` significant digits of it; of a whole number all that it has."""
    return str(number) if isinstance(number, int) else f"{number:.{digits}g}"
