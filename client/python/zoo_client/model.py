"""What a model says about itself: its card, typed, with the questions that a caller asks of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from google.protobuf.descriptor import EnumDescriptor

from pixelzoo.v1 import capability_pb2, card_pb2, catalog_service_pb2
from zoo_client.arguments import whole
from zoo_client.errors import InvalidField

_NUMBER = re.compile(r"-?[0-9]{1,10}")


@dataclass(frozen=True)
class Version:
    """One version of a model on the server.

    Attributes:
        version: the integer name of its folder.
        state: "AVAILABLE", "LOADING" or "FAILED".
        digest: SHA-256 over its files; empty unless available.
        labels: names by which a request may choose it, such as "stable".
        message: why it failed; empty unless it did.
    """

    version: int
    state: str
    digest: str
    labels: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Model:
    """A model on the server.

    Attributes:
        name: the name to call it by.
        version: the version described here; 0 when none is available.
        digest: SHA-256 over that version's files; empty when none is available.
        card: the whole card, as the typed message `pixelzoo.v1.ModelCard`.
        versions: every version that the server found, the highest first.
    """

    name: str
    version: int
    digest: str
    card: card_pb2.ModelCard
    versions: tuple[Version, ...]

    @classmethod
    def from_message(cls, message: catalog_service_pb2.Model) -> Self:
        """The model that ListModels or GetModel describes."""
        return cls(
            name=message.name,
            version=message.version,
            digest=message.digest,
            card=message.card,
            versions=tuple(
                Version(
                    version=status.version,
                    state=enum_name(catalog_service_pb2.ModelState.DESCRIPTOR, status.state),
                    digest=status.digest,
                    labels=tuple(status.labels),
                    message=status.message,
                )
                for status in message.versions
            ),
        )

    @property
    def available(self) -> bool:
        """Whether the version described here can be called."""
        return self.card.contract_version > 0

    @property
    def family(self) -> str:
        return self.card.family

    @property
    def title(self) -> str:
        return self.card.title

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images; a height or width of 0 stands for any."""
        shape = self.card.image_shape
        return shape.height, shape.width, shape.channels

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; the position is the label. Empty without classes."""
        return tuple(self.card.classes)

    @property
    def conditional(self) -> bool:
        """Whether the model draws by class."""
        return self.card.conditional

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What the model can do: some of "sample", "translate", "score", "encode" and "decode"."""
        return tuple(_capability_name(c.kind) for c in self.card.capabilities)

    def capability(self, name: str) -> capability_pb2.Capability | None:
        """The typed description of one of `capabilities`, or None if the model lacks it."""
        return next((c for c in self.card.capabilities if _capability_name(c.kind) == name), None)

    def takes(self, capability: str, *names: str) -> bool:
        """Whether the model has the capability, with options of all these names."""
        described = self.capability(capability)
        return described is not None and set(names) <= {option.name for option in described.options}

    @property
    def scale(self) -> int:
        """How many times the model enlarges what it translates; 0 if it does not translate."""
        described = self.capability("translate")
        return described.translation.scale if described is not None else 0

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the two domains between which the option `direction` chooses, A first; empty without any."""
        return self.classes if self.takes("translate", "direction") and len(self.classes) == 2 else ()

    def class_name(self, label: int | None) -> str:
        """The name of a label; empty for no class."""
        return self.card.classes[label] if label is not None and 0 <= label < len(self.card.classes) else ""

    def labels(self, wanted: int | str | Iterable[int | str] | None) -> list[int]:
        """Class names or numbers as labels.

        Args:
            wanted: None for no labels, one class, or several. A name is matched whatever its capitals; a
                string that is no name but a number is that label. -1 stands for no class.

        Raises:
            InvalidField: the model has no class of that name, or one is neither a name nor a whole number. (Whether
                the model has the number is for the server to judge.)
        """
        if wanted is None or not self.available:  # If it is not, the server's answer to the call says why.
            return []
        several: Iterable[object] = [wanted]
        if not isinstance(wanted, str | bytes):
            # A number of numpy's cannot be iterated, though it looks as if it could.
            with suppress(TypeError):
                several = iter(wanted)  # type: ignore[arg-type]
        return [self._label(one, f"labels[{index}]") for index, one in enumerate(several)]

    def _label(self, wanted: object, path: str) -> int:
        if isinstance(wanted, str):
            name = wanted.strip()
            folded = [one.casefold() for one in self.card.classes]
            if name.casefold() in folded:
                return folded.index(name.casefold())
            if not _NUMBER.fullmatch(name):
                known = ", ".join(self.card.classes) or "none"
                raise InvalidField.of("labels", f"{self.name} has no class '{wanted}'; it has: {known}")
            wanted = int(name)
        try:
            return whole(wanted, path, -(2**31), 2**31 - 1)
        except InvalidField:  # It cannot be sent. The rule is the server's all the same.
            return whole(wanted, path, 0 if self.card.label_required else -1, len(self.card.classes) - 1)


def enum_name(enum: EnumDescriptor, number: int) -> str:
    """MODEL_STATE_LOADING of the enum ModelState -> "LOADING"; its number if it is newer than this client."""
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.name).upper() + "_"
    value = enum.values_by_number.get(number)
    return value.name.removeprefix(prefix) if value is not None else str(number)


def _capability_name(kind: int) -> str:
    return enum_name(capability_pb2.CapabilityKind.DESCRIPTOR, kind).lower()
