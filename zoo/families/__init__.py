"""One file per family. `get` finds a family's class by its name, importing only that file."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.families.base import GenerativeModel

FAMILIES = {
    "acgan": "ACGAN",
    "conditional_gan": "ConditionalGAN",
    "cyclegan": "CycleGAN",
    "dcgan": "DCGAN",
    "ddpm": "DDPM",
    "pixelcnn": "PixelCNN",
    "srgan": "SRGAN",
    "vae": "VAE",
    "vqvae": "VQVAE",
}


def get(family: str) -> type[GenerativeModel]:
    """Returns the class of `family`.

    Raises:
        ValueError: the zoo has no such family; the message lists those it has.
    """
    if family not in FAMILIES:
        raise ValueError(f"family {family!r} is unknown; the zoo has {', '.join(FAMILIES)}")
    return getattr(importlib.import_module(f"zoo.families.{family}"), FAMILIES[family])
