"""Reads a model's card and refuses one that the server could not keep its promises by."""

from pathlib import Path

from google.protobuf import json_format

from pixelzoo.v1 import capability_pb2, card_pb2
from zoo_server.repository import contract
from zoo_server.repository.contract import ContractError

_LARGEST_SCALE = 16
_WHITE = 255


def read_card(folder: Path) -> card_pb2.ModelCard:
    """The card of the version in `folder`, checked in itself; raises ContractError."""
    try:
        text = (folder / contract.CARD_PATH).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ContractError(f"{contract.CARD_PATH} is missing: export the model again") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{contract.CARD_PATH} cannot be read: {type(error).__name__}") from error
    try:
        # Fields that later cards may add are not this server's to refuse; the contract's version is.
        card = json_format.Parse(text, card_pb2.ModelCard(), ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise ContractError(f"{contract.CARD_PATH} is not the proto JSON of a ModelCard: {error}") from error
    _check(card, folder.parent.name)
    return card


def _check(card: card_pb2.ModelCard, folder_name: str) -> None:
    if card.contract_version != contract.VERSION:
        raise ContractError(
            f"the card has contract_version {card.contract_version}, and this server knows {contract.VERSION} only"
        )
    if card.model != folder_name:
        raise ContractError(
            f"the card is of model {card.model!r}, but its folder is named {folder_name!r}: they must be the same"
        )
    shape = card.image_shape
    sized = shape.height and shape.width
    if shape.channels not in (1, 3) or not (sized or _takes_any_size(card)):
        raise ContractError(
            f"image_shape is {shape.height}x{shape.width}x{shape.channels}: height and width must be positive, "
            "and channels 1 or 3"
        )
    _check_limits(card)
    _check_classes(card)
    _check_capabilities(card)


def _takes_any_size(card: card_pb2.ModelCard) -> bool:
    """Whether its pictures may have any height and width: those that it makes without one to begin with may not."""
    free = {capability_pb2.CAPABILITY_KIND_TRANSLATE, capability_pb2.CAPABILITY_KIND_SCORE}
    return {capability.kind for capability in card.capabilities} <= free


def _check_limits(card: card_pb2.ModelCard) -> None:
    if not card.limits.max_items_per_request or not card.limits.max_pixels_per_image:
        raise ContractError("limits.max_items_per_request and limits.max_pixels_per_image must be at least 1")
    buckets = list(card.batch_lane.buckets)
    if not buckets or buckets[0] < 1 or buckets != sorted(set(buckets)):
        raise ContractError(f"batch_lane.buckets must ascend from at least 1, and are {buckets}")
    if card.batch_lane.exact and len(buckets) != 1:
        raise ContractError(f"batch_lane.exact needs a single bucket, and there are {buckets}")


def _check_classes(card: card_pb2.ModelCard) -> None:
    if card.conditional and not card.classes:
        raise ContractError("the card says conditional, but names no classes")
    if card.label_required and not card.conditional:
        raise ContractError("the card says label_required, but not conditional")


def _check_capabilities(card: card_pb2.ModelCard) -> None:
    kinds = [capability.kind for capability in card.capabilities]
    if not kinds:
        raise ContractError("the card has no capabilities")
    for capability in card.capabilities:
        if capability.kind == capability_pb2.CAPABILITY_KIND_UNSPECIFIED:
            raise ContractError("a capability of the card does not state its kind")
        name = contract.kind_name(capability.kind)
        if kinds.count(capability.kind) > 1:
            raise ContractError(f"capability {name!r} stands twice in the card")
        if capability.previews and not capability.iterative:
            raise ContractError(f"capability {name!r} has previews, but is not iterative")
        for option in capability.options:
            _check_option(option, name)
        _check_kind(capability, name)


def _check_kind(capability: capability_pb2.Capability, name: str) -> None:
    match capability.kind:
        case capability_pb2.CAPABILITY_KIND_SCORE:
            names = [score.name for score in capability.scores]
            if not names or len(set(names)) != len(names):
                raise ContractError(f"capability {name!r} must name its scores, each once; it has {names}")
        case capability_pb2.CAPABILITY_KIND_ENCODE | capability_pb2.CAPABILITY_KIND_DECODE:
            if not capability.latent.shape or min(capability.latent.shape) < 1:
                raise ContractError(f"capability {name!r} must state the shape of its latent")
            if capability.options or capability.iterative:
                raise ContractError(f"capability {name!r} can have neither options nor steps in contract 1")
        case capability_pb2.CAPABILITY_KIND_TRANSLATE:
            spec = capability.translation
            if spec.input_shape.channels not in (1, 3) or not 1 <= spec.scale <= _LARGEST_SCALE:
                raise ContractError(
                    f"capability {name!r} must state translation.input_shape and translation.scale, "
                    f"1 to {_LARGEST_SCALE}"
                )


def _check_option(option: capability_pb2.Option, capability: str) -> None:
    where = f"option {option.name!r} of {capability!r}"
    if not contract.NAME.fullmatch(option.name):
        raise ContractError(f"{where}: names are [a-z][a-z0-9_]*")
    match option.WhichOneof("spec"):
        case "integer":
            sound = option.integer.min <= option.integer.default <= option.integer.max
        case "real":
            sound = option.real.min <= option.real.default <= option.real.max
        case "choice":
            sound = option.choice.default_number in {choice.number for choice in option.choice.choices}
        case "image":
            shape = option.image.shape
            sized = shape.height and shape.width and shape.channels in (1, 3)
            sound = bool(sized) and option.image.default_level <= _WHITE
        case _:
            raise ContractError(f"{where} does not say what values it may take")
    if not sound:
        raise ContractError(f"{where}: its default is not one of the values it may take")
