"""Options as keyword arguments, and how they become the typed message that fits a model's family.

Options travel in a oneof with a member for each kind of family. A caller should not have to know which: the
model's card lists its options by name, and the names say it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, TypeAlias, TypedDict, TypeVar

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from pixelzoo.v1 import capability_pb2, image_pb2
from zoo_client import images
from zoo_client.arguments import real, shown, whole
from zoo_client.errors import InvalidField
from zoo_client.model import Model, enum_name

Option: TypeAlias = "int | float | str | images.Pixels"
"""The value of an option, as recipes have it: a choice by its name, an image as its pixels."""


class SampleOptions(TypedDict, total=False):
    """Options of sampling. A model has those that its card lists; one left out takes the card's default.

    Attributes:
        sampler: a choice of the card, such as "ddpm", "ddim" or "dpm_solver_pp_2m"; "dpm-solver++" will do.
        steps: steps from noise to image.
        guidance: strength of classifier-free guidance; 0 ignores the class, 1 takes it plainly.
        eta: share of fresh noise in a DDIM step, 0 to 1.
        temperature: below 1 more cautious, above 1 more varied.
        image: an image whose top part is kept; the model draws the rest.
        given_rows: how many rows of `image` are kept.
        truncation: redraw latent entries further from 0 than this.
    """

    sampler: str | None
    steps: int | None
    guidance: float | None
    eta: float | None
    temperature: float | None
    image: images.Images | None
    given_rows: int | None
    truncation: float | None


class ScoreOptions(TypedDict, total=False):
    """Options of scoring.

    Attributes:
        timesteps: timesteps of a diffusion model's bound that are evaluated for each image.
        importance_samples: latents drawn for each image; 1 gives the ELBO, more a tighter bound.
    """

    timesteps: int | None
    importance_samples: int | None


class TranslateOptions(TypedDict, total=False):
    """Options of translation.

    Attributes:
        direction: "a_to_b" or "b_to_a".
        strength: how far the image is noised first, 0 (it is kept) to 1 (it is forgotten).
        mask: a grey image, or an array of bool [h, w]: what is white, or True, is painted anew, and the rest is kept.
        sampler, steps, guidance, eta: as in SampleOptions.
    """

    direction: str | None
    strength: float | None
    mask: images.Images | None
    sampler: str | None
    steps: int | None
    guidance: float | None
    eta: float | None


# The member for each family of the zoo, as the comments of options.proto give it. The names of the card's options
# would not do: a VAE and a PixelCNN prior both have a `temperature`.
MEMBERS = {
    "ddpm": "diffusion",
    "vae": "latent_variable",
    "pixelcnn": "autoregressive",
    "vqvae": "autoregressive",
    "dcgan": "adversarial",
    "conditional_gan": "adversarial",
    "acgan": "adversarial",
    "cyclegan": "adversarial",
    "srgan": "adversarial",
}

_LARGEST = float(np.finfo(np.float32).max)

OptionsMessage = TypeVar("OptionsMessage", bound=Message)


def pack(
    kind: type[OptionsMessage], model: Model, capability: str, values: Mapping[str, Any]
) -> OptionsMessage | None:
    """The options message for a model.

    Args:
        kind: SampleOptions, ScoreOptions or TranslateOptions of `pixelzoo.v1.options_pb2`.
        model: whose card says what it takes.
        capability: "sample", "score" or "translate".
        values: options by name; those that are None are left to the card's default. Ranges are for the server
            to judge, which knows its own limits.

    Returns:
        The message, or None if there is nothing to set.

    Raises:
        InvalidField: the model has no such option, or the value is of the wrong type.
    """
    wanted = {name: value for name, value in values.items() if value is not None}
    described = model.capability(capability)
    if not wanted or described is None:  # Without the capability the server's answer says more than we could.
        return None
    options = {option.name: option for option in described.options}
    message = kind()
    member = _member(message.DESCRIPTOR, model, frozenset(options))
    inner: Message = getattr(message, member.name)
    inner.SetInParent()
    for name, value in wanted.items():
        path = f"options.{member.name}.{name}"
        if name not in options:
            rule = f"this model has no such option; it has: {', '.join(options) or 'none'}"
            raise InvalidField.of(path, rule)
        field = inner.DESCRIPTOR.fields_by_name[name]
        if field.message_type is not None:
            getattr(inner, name).CopyFrom(_picture(options[name], path, value))
        else:
            setattr(inner, name, _plain(field, options[name], path, value))
    return message


def unpack(message: Message) -> dict[str, Option]:
    """The options of a recipe by name; a choice by its name in small letters, an image as pixels."""
    member = message.WhichOneof("family")
    if member is None:
        return {}
    return {field.name: _value(field, value) for field, value in getattr(message, member).ListFields()}


def describe(option: capability_pb2.Option) -> str:
    """An option in a few words: its name, what it may be, and its default."""
    match option.WhichOneof("spec"):
        case "integer":
            integer = option.integer
            return f"{option.name} {integer.min} to {integer.max}, default {integer.default}"
        case "real":
            return (
                f"{option.name} {option.real.min:g} to {option.real.max:g}, default {option.real.default:g}"
            )
        case "choice":
            names = {choice.number: choice.name for choice in option.choice.choices}
            default = names.get(option.choice.default_number, "")
            return f"{option.name} {' | '.join(names.values())}, default {default}"
        case _:
            return option.name


def _member(descriptor: Any, model: Model, names: frozenset[str]) -> Any:
    """The member for the model's family; for a family from elsewhere, one that has its options."""
    members = descriptor.oneofs_by_name["family"].fields
    fitting = [
        m for m in members if m.message_type is not None and names <= set(m.message_type.fields_by_name)
    ]
    if not fitting:
        raise InvalidField.of(
            "options", f"this client knows no options message with {', '.join(sorted(names))}"
        )
    return next((m for m in fitting if m.name == MEMBERS.get(model.family)), fitting[0])


def _plain(field: Any, option: capability_pb2.Option, path: str, value: Any) -> int | float:
    if field.enum_type is not None:
        return _choice(option, path, value)
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        number = real(value, path)
        if math.isfinite(number) and abs(number) > _LARGEST:  # It would be sent as an infinity.
            rule = f"must be {option.real.min:g} to {option.real.max:g}, and is {shown(value)}"
            raise InvalidField.of(path, rule)
        return number
    try:
        return whole(value, path, 0)
    except InvalidField:  # It cannot be sent. The rule is the server's all the same.
        return whole(value, path, option.integer.min, option.integer.max)


def _picture(option: capability_pb2.Option, path: str, value: Any) -> image_pb2.Image:
    messages = images.to_messages(value, option.image.shape.channels, "png", path)
    if len(messages) != 1:
        raise InvalidField.of(path, f"must be one image, and is {len(messages)}")
    return messages[0]


def _choice(option: capability_pb2.Option, path: str, value: Any) -> int:
    """The number of a choice given by its name, or by the beginning of it if only one begins so."""
    wanted = re.sub(r"[^a-z0-9]+", "_", value.lower().replace("++", "_pp")) if isinstance(value, str) else ""
    wanted = wanted.strip("_")
    choices = option.choice.choices
    found = [c.number for c in choices if c.name == wanted] or [
        c.number for c in choices if wanted and c.name.startswith(wanted)
    ]
    if len(found) != 1:
        rule = f"this model's choices are: {', '.join(c.name for c in choices)}"
        raise InvalidField.of(path, f"{rule}; it is {shown(value)}")
    return found[0]


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return images.from_message(value)
    return value if field.enum_type is None else enum_name(field.enum_type, value).lower()
