"""pixelzoo: image generators in Keras 3, trained with `fit`, exported as SavedModels.

    model = zoo.DDPM(image_shape=(28, 28, 1), num_classes=10)
    model.compile()
    model.fit(zoo.data.load("fashion_mnist").train(batch_size=128))
    images = model.sample(16, seed=0, label=3)

Names are loaded on first use, so that `import zoo` costs nothing.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

# With oneDNN off, an item's place in the batch changes its floats; TensorFlow reads this when it is first imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_FAMILIES = {
    "ACGAN": "acgan",
    "ConditionalGAN": "conditional_gan",
    "CycleGAN": "cyclegan",
    "DCGAN": "dcgan",
    "DDPM": "ddpm",
    "PixelCNN": "pixelcnn",
    "SRGAN": "srgan",
    "VAE": "vae",
    "VQVAE": "vqvae",
}

__all__ = [
    "ACGAN",
    "DCGAN",
    "DDPM",
    "SRGAN",
    "VAE",
    "VQVAE",
    "ConditionalGAN",
    "CycleGAN",
    "PixelCNN",
    "contract",
    "data",
    "diffusion",
    "evaluation",
    "families",
    "likelihoods",
    "losses",
    "metrics",
    "randomness",
    "training",
]


def __getattr__(name: str) -> Any:
    if name in __all__ and name not in _FAMILIES:
        return importlib.import_module(f"zoo.{name}")
    if name in _FAMILIES:
        return getattr(importlib.import_module(f"zoo.families.{_FAMILIES[name]}"), name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}; it has {', '.join(__all__)}")
