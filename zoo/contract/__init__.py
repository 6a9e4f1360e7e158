"""The SavedModel contract, version 1: what a model folder holds, how it is written, and how it is checked.

A model is `<model>/<version>/`: a SavedModel with flat named signatures, and `assets.extra/card.json`, which describes
it. A capability is either one signature, or, when it is iterative, `<name>_begin`, `<name>_advance`, `<name>_finish`
and perhaps `<name>_preview` over flat state tensors with a leading item axis; `step` and `steps` int32 [n] are
reserved, and an item is done when they are equal.
"""

from zoo.contract.answers import Latent, Score, Translation, bound
from zoo.contract.capability import LABEL, SEED, Capability, image, iterative, one_shot
from zoo.contract.checker import check
from zoo.contract.loaded import LoadedModel, default_value
from zoo.contract.options import Choice, Integer, Option, Picture, Real
from zoo.contract.writer import CARD, read_card, write, write_card

__all__ = [
    "CARD",
    "LABEL",
    "SEED",
    "Capability",
    "Choice",
    "Integer",
    "Latent",
    "LoadedModel",
    "Option",
    "Picture",
    "Real",
    "Score",
    "Translation",
    "bound",
    "check",
    "default_value",
    "image",
    "iterative",
    "one_shot",
    "read_card",
    "write",
    "write_card",
]
