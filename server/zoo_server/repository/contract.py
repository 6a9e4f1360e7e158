"""The words of the SavedModel contract, version 1, that the server's checks share."""

import re

from pixelzoo.v1 import capability_pb2

VERSION = 1

CARD_PATH = "assets.extra/card.json"

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Names of options, scores and state tensors; of models too, up to 128 characters."""

MODEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,127}")


class ContractError(Exception):
    """A model folder that breaks the contract. The message says what and where, without a path of this machine."""


def kind_name(kind: capability_pb2.CapabilityKind.ValueType) -> str:
    """The contract's name of a capability, which is its signature's: "sample" for CAPABILITY_KIND_SAMPLE."""
    return capability_pb2.CapabilityKind.Name(kind).removeprefix("CAPABILITY_KIND_").lower()
