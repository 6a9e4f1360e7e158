"""The Python client of pixelzoo: images by name, over gRPC, with nothing but numpy in and out.

    from zoo_client import Client

    with Client("localhost:50051") as zoo:
        for model in zoo.models():
            print(model.name, model.capabilities)
        zoo.sample("ddpm_fashion_mnist", 16, seed=7, labels="Sneaker").save_grid("sneakers.png")

`zoo_client.aio.Client` is the same for asyncio. The names below are imported when they are first used, so
that `import zoo_client` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo_client import aio, errors, held_out, tls
    from zoo_client.client import Client
    from zoo_client.errors import ZooError
    from zoo_client.grid import grid
    from zoo_client.model import Model, Version
    from zoo_client.recipe import Recipe
    from zoo_client.results import Image, ImageScores, Preview, Progress, Samples, ScoreInfo, Scores
    from zoo_client.session import Session

__all__ = [
    "Client",
    "Image",
    "ImageScores",
    "Model",
    "Preview",
    "Progress",
    "Recipe",
    "Samples",
    "ScoreInfo",
    "Scores",
    "Session",
    "Version",
    "ZooError",
    "aio",
    "errors",
    "grid",
    "held_out",
    "tls",
]

_HOMES = {
    "Client": "client",
    "ZooError": "errors",
    "Model": "model",
    "Version": "model",
    "Image": "results",
    "ImageScores": "results",
    "Preview": "results",
    "Progress": "results",
    "Recipe": "recipe",
    "Samples": "results",
    "ScoreInfo": "results",
    "Scores": "results",
    "Session": "session",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"zoo_client.{_HOMES[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"zoo_client.{name}")
    raise AttributeError(f"module 'zoo_client' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
