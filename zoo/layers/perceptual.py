"""What a network sees in a picture: the features in which SRGAN compares pictures (Ledig et al. 2017, section 2.2.1).

There are two kinds, named by the same setting:

- VGG19 trained on ImageNet (Simonyan & Zisserman 2015), where its weights are at hand. The features are those of the
  paper's phi_5,4: the fourth convolution before the fifth pooling, after its activation, of BGR levels 0 .. 255 less
  the mean of ImageNet, times 1/12.75.
- `photo_features`, a small network of this project in VGG's layout, which comes with it. It was trained on crops of the
  training photographs of `photos`, to tell from which place of which photograph a crop comes and what was done to it
  (`python -m zoo.training.photo_features`). Its features are divided by their root mean square over such crops.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

OWN = "photo_features"
OWN_FILE = Path(__file__).with_name("weights") / f"{OWN}.npz"
OWN_SHA256 = "946603e5df0a12498bc092c215a1f4f44a8c0f19c0cfb1bed98626c0fb4b4a9e"

VGG19 = "vgg19"
VGG19_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
VGG19_SCALE = 1 / 12.75
# Of ImageNet, in levels, blue first: what `keras.applications.vgg19.preprocess_input` takes away.
VGG19_MEAN = (103.939, 116.779, 123.68)
_VGG19_CONVOLUTIONS = (2, 2, 4, 4, 4)


@dataclass(frozen=True)
class Convolution:
    """A 3x3 convolution and its ReLU: kernel [3, 3, in, out], bias [out]; `scale` if its output is compared, else 0."""

    kernel: np.ndarray
    bias: np.ndarray
    scale: float = 0.0
    pooled: bool = False  # whether a 2x2 maximum comes before it


@dataclass(frozen=True, eq=False)
class PerceptualFeatures:
    """Features of pictures; `digest` is the SHA-256 of the file of the weights, which never change.

    The weights are constants, no variables: they are in no checkpoint and need no place under a strategy.
    """

    digest: str
    convolutions: Sequence[Convolution]
    imagenet_levels: bool = False  # else pictures are taken as they come, in [-1, 1]

    def __call__(self, image: Any, dtype: str = "float32") -> list[Any]:
        """The scaled features of `image` float32 [n, h, w, 3] in [-1, 1], RGB: float32 [n, h', w', c] each.

        `dtype` is that of the arithmetic.
        """
        x = tf.cast(image, tf.float32)
        if self.imagenet_levels:
            x = (x[..., ::-1] + 1.0) * 127.5 - tf.constant(VGG19_MEAN)
        x = tf.cast(x, dtype)
        found = []
        for convolution in self.convolutions:
            if convolution.pooled:
                x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            x = tf.nn.conv2d(x, tf.cast(convolution.kernel, dtype), 1, "SAME")
            x = tf.nn.relu(x + tf.cast(convolution.bias, dtype))
            if convolution.scale:
                found.append(convolution.scale * tf.cast(x, tf.float32))
        return found

    def distance(self, image: Any, other: Any, dtype: str = "float32") -> Any:
        """The mean squared difference of the features (eq. 5, over channels too; summed over layers), float32 [n].

        Both are float32 [n, h, w, 3] in [-1, 1].
        """
        pairs = zip(self(image, dtype), self(other, dtype), strict=True)
        return tf.add_n([tf.reduce_mean((one - two) ** 2, axis=(1, 2, 3)) for one, two in pairs])


def find(choice: str) -> PerceptualFeatures:
    """The features named `choice`: "photo_features", "vgg19" (weights in Keras' cache) or a file of VGG19's weights.

    Raises ValueError if there are none, or the file is not what it should be: a loss without features is no SRGAN.
    """
    if choice == OWN:
        return photo_features(OWN_FILE, OWN_SHA256)
    cached = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models" / VGG19_FILE
    path = cached if choice == VGG19 else Path(choice).expanduser()
    if not path.is_file():
        raise ValueError(
            f"perceptual={choice!r}: there is no file {path}. Put VGG19's weights there "
            f"(keras.applications.VGG19(include_top=False) downloads them), name their path, or use {OWN!r}, which "
            "comes with pixelzoo"
        )
    return vgg19(path)


def photo_features(path: Path, sha256: str = "") -> PerceptualFeatures:
    """The features of the .npz file `path`, written by `save`; ValueError if its digest is not `sha256` (if given)."""
    content = path.read_bytes() if path.is_file() else b""
    digest = hashlib.sha256(content).hexdigest()
    if sha256 and digest != sha256:
        raise ValueError(
            f"{path} is not the file that belongs here (SHA-256 differs): install pixelzoo again"
        )
    with np.load(path) as arrays:
        convolutions = [
            Convolution(
                arrays[f"kernel_{index}"].astype(np.float32),
                arrays[f"bias_{index}"].astype(np.float32),
                float(scale),
                bool(pooled),
            )
            for index, (scale, pooled) in enumerate(zip(arrays["scale"], arrays["pooled"], strict=True))
        ]
    return PerceptualFeatures(digest, convolutions)


def save(path: Path, convolutions: Sequence[Convolution]) -> str:
    """Writes `convolutions` to the .npz file `path`, kernels and biases as float16. Returns its SHA-256."""
    arrays: dict[str, Any] = {
        "scale": np.array([convolution.scale for convolution in convolutions], np.float32),
        "pooled": np.array([convolution.pooled for convolution in convolutions]),
    }
    for index, convolution in enumerate(convolutions):
        arrays[f"kernel_{index}"] = convolution.kernel.astype(np.float16)
        arrays[f"bias_{index}"] = convolution.bias.astype(np.float16)
    np.savez(path, **arrays)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def vgg19(path: Path) -> PerceptualFeatures:
    """phi_5,4 of VGG19 with the weights, without the dense layers, of the file `path`. Raises ValueError."""
    try:
        network = keras.applications.VGG19(include_top=False, weights=str(path))
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path} does not hold the weights of VGG19 without its top: {error}") from error
    names = [
        f"block{block}_conv{number}"
        for block, count in enumerate(_VGG19_CONVOLUTIONS, 1)
        for number in range(1, count + 1)
    ]
    convolutions = []
    for name in names:
        kernel, bias = network.get_layer(name).get_weights()
        scale = VGG19_SCALE if name == names[-1] else 0.0
        pooled = name.endswith("conv1") and name != names[0]
        convolutions.append(Convolution(kernel, bias, scale, pooled))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return PerceptualFeatures(digest, convolutions, imagenet_levels=True)
