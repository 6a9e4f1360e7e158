"""The calls of the network that an item goes through."""

from enum import StrEnum


class Phase(StrEnum):
    """Named as in metrics. No forecast counts PREVIEW: it comes and goes with readers."""

    BEGIN = "begin"
    ADVANCE = "advance"
    PREVIEW = "preview"
    FINISH = "finish"
