"""SRGAN: Ledig et al. 2017, "Photo-realistic single image super-resolution using a generative adversarial network".

A generator G enlarges a picture four times. It is trained in two stages.

`reconstruction` minimises the squared error of the pixels (eq. 4). This is SRResNet: the highest PSNR, and soft, since
of all the sharp pictures that a small one could come from it has to answer the mean.

`adversarial` goes on from there with the perceptual loss (eq. 3),

    l = l_features + 10^-3 l_adversarial,

where l_features is the squared error in the features of a trained network (eq. 5; see `zoo.layers.perceptual`) and
l_adversarial = -log D(G(low)) (eq. 6), D being a discriminator that learns to tell G's pictures from photographs. PSNR
falls, by design: detail that is likely but not the true one counts as an error.

Inputs are the antialiased low resolution of `zoo.data.degradation`, rounded to uint8, here and wherever the model is
measured. Both networks see pictures in [-1, 1]; the paper gives G its input in [0, 1], but G's bicubic skip needs one
range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pixelzoo.v1 import card_pb2
from zoo import contract, likelihoods, randomness
from zoo.data import degradation
from zoo.families.adversarial import AdversarialModel
from zoo.families.base import GenerativeModel
from zoo.layers import perceptual, super_resolution
from zoo.layers.super_resolution import FACTOR
from zoo.layers.tiling import Tiling

RECONSTRUCTION, ADVERSARIAL = "reconstruction", "adversarial"
TURNS = -4_000  # stream of the draws that turn the training crops
WINDOW = 128  # low-resolution pixels of a tile's side
MAX_PIXELS = 512 * 512  # of a picture to enlarge: 2048x2048 come out
MAX_ITEMS = 16  # of a request: each holds its large picture while it is worked on
_BETA_1 = 0.9  # section 3.2


@keras.saving.register_keras_serializable("pixelzoo")
class SRGAN(AdversarialModel):
    """Super-resolution by four, of RGB pictures of any size.

        data = zoo.data.load("photos")
        model = SRGAN(image_shape=data.image_shape)
        for stage in model.stages:
            model.begin_stage(stage)
            model.compile()
            model.fit(data.train(batch_size=16))
        large = model.translate(small)  # uint8 [n, h, w, 3] -> [n, 4 h, 4 w, 3]

    Args:
        features, blocks, upsample_features, end_size, batch_norm: of the generator, see
            `zoo.layers.super_resolution.sr_resnet`; `batch_norm` is of both networks.
        discriminator_widths, hidden: of the discriminator, see `photograph_discriminator` there.
        perceptual: the features of the second stage, see `zoo.layers.perceptual.find`: "photo_features", "vgg19", or
            the path of VGG19's weights. They are looked for when a stage begins, and needed for training only.
        feature_weight, pixel_weight, adversarial_weight: what the terms of the second stage's loss count.
        augment: whether training crops are flipped and turned, each by its own draw.
        **kwargs: see `AdversarialModel`; `image_shape` is that of the large pictures trained on. There are no classes.
    """

    family = "srgan"
    stages = (RECONSTRUCTION, ADVERSARIAL)
    term_names = (
        "generator_loss",
        "pixel_error",
        "psnr",
        "feature_error",
        "discriminator_loss",
        "real_logit",
        "fake_logit",
    )

    def __init__(
        self,
        *,
        features: int = 64,
        blocks: int = 16,
        upsample_features: int = 64,
        end_size: int = 9,
        batch_norm: bool = True,
        discriminator_widths: Sequence[int] = (64, 128, 256, 512),
        hidden: int = 1024,
        perceptual: str = perceptual.OWN,
        feature_weight: float = 1.0,
        pixel_weight: float = 0.0,
        adversarial_weight: float = 1e-3,
        augment: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        height, width, channels = self.image_shape
        if channels != 3 or height % FACTOR or width % FACTOR or min(height, width) < 16:
            raise ValueError(
                f"image_shape must be RGB with sides of at least 16, divisible by {FACTOR}; got {self.image_shape}"
            )
        if self.num_classes:
            raise ValueError(
                f"num_classes must be 0, got {self.num_classes}: super-resolution takes no labels"
            )
        if (
            min(features, blocks, upsample_features, hidden) < 1
            or end_size % 2 == 0
            or not discriminator_widths
        ):
            raise ValueError(
                "features, blocks, upsample_features, hidden must be at least 1, end_size odd, and "
                "discriminator_widths not empty"
            )
        if (self.r1 or self.gradient_penalty) and batch_norm:
            raise ValueError(
                "r1 and gradient_penalty are penalties of each image alone, and batch normalisation mixes the images: "
                "set batch_norm to false"
            )
        if min(feature_weight, pixel_weight, adversarial_weight) < 0.0:
            raise ValueError("feature_weight, pixel_weight and adversarial_weight must be at least 0")
        self.architecture: dict[str, Any] = {
            "features": features,
            "blocks": blocks,
            "upsample_features": upsample_features,
            "end_size": end_size,
            "batch_norm": bool(batch_norm),
            "discriminator_widths": tuple(discriminator_widths),
            "hidden": hidden,
        }
        self.perceptual, self.perceptual_digest = perceptual, ""
        self.weights_of_terms = {
            "feature_weight": float(feature_weight),
            "pixel_weight": float(pixel_weight),
            "adversarial_weight": float(adversarial_weight),
        }
        self.augment_crops = bool(augment)
        self.tiling = Tiling(
            WINDOW, super_resolution.reach(blocks=blocks, end_size=end_size), super_resolution.FACTOR
        )
        self._eyes: Any = None
        self._game_steps, self.stage = self.discriminator_steps, ""
        self._turn_to(RECONSTRUCTION)
        self._build_networks()

    def build_network(self, dtype: Any) -> keras.Model:
        names = ("features", "blocks", "upsample_features", "end_size", "batch_norm")
        return super_resolution.sr_resnet(dtype=dtype, **{name: self.architecture[name] for name in names})

    def build_discriminator(self, dtype: Any) -> keras.Model:
        return super_resolution.photograph_discriminator(
            widths=self.architecture["discriminator_widths"],
            hidden=self.architecture["hidden"],
            batch_norm=self.architecture["batch_norm"],
            dtype=dtype,
        )

    # --- training ---------------------------------------------------------------------------------------------

    def begin_stage(self, name: str) -> None:
        """Turns to "reconstruction" or "adversarial".

        Raises ValueError for another name, and where the perceptual features are missing: in the first stage already,
        so that it is not trained in vain.
        """
        super().begin_stage(name)
        self._open_eyes()
        self._turn_to(name)

    def _turn_to(self, stage: str) -> None:
        self.stage = stage
        self.discriminator_steps = self._game_steps if stage == ADVERSARIAL else 0

    def _open_eyes(self) -> None:
        if self._eyes is None:
            self._eyes = perceptual.find(self.perceptual)
            self.perceptual_digest = self._eyes.digest

    def make_train_function(self, force: bool = False) -> Any:
        self._open_eyes()  # before the trace: a model that was loaded has not begun its stage
        return super().make_train_function(force)

    def make_test_function(self, force: bool = False) -> Any:
        self._open_eyes()
        return super().make_test_function(force)

    def default_optimizer(
        self, learning_rate: float | None = None, total_steps: int | None = None
    ) -> keras.optimizers.Optimizer:
        """Adam with beta_1 = 0.9 (section 3.2).

        In the first stage with warm-up and cosine, clipped; in the second constant, then falling to zero. The
        discriminator keeps the 0.5 of the other families, where the paper has 0.9 for both.
        """
        if self.stage == RECONSTRUCTION:
            return GenerativeModel.default_optimizer(self, learning_rate, total_steps)
        return keras.optimizers.Adam(self.constant_then_linear(learning_rate, total_steps), beta_1=_BETA_1)

    def discriminator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        if self.stage == RECONSTRUCTION:
            return {}
        low, high = self._pictures(batch, training)
        fake = self.imitate(low, training=training)
        loss, on_real, on_fake = self.contest(batch, high, fake, training=training)
        return {"discriminator_loss": loss, "real_logit": on_real, "fake_logit": on_fake}

    def generator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        low, high = self._pictures(batch, training)
        fake = self.generate(low, training=training)
        pixel_error = tf.reduce_mean((fake - high) ** 2, axis=(1, 2, 3))
        # Of RGB, in [-1, 1]: the peak is 2.
        psnr = 10.0 * tf.math.log(4.0 / tf.maximum(pixel_error, 1e-10)) / np.log(10.0)
        terms = {"generator_loss": pixel_error, "pixel_error": pixel_error, "psnr": psnr}
        if self.stage == RECONSTRUCTION:
            return terms
        feature_error = self._eyes.distance(fake, high, self.compute_dtype if training else "float32")
        fooling = self.game.generator(self.judge(self.augment(fake, batch), training=training))
        loss = (
            self.weights_of_terms["feature_weight"] * feature_error
            + self.weights_of_terms["pixel_weight"] * pixel_error
            + self.weights_of_terms["adversarial_weight"] * fooling
        )
        return {**terms, "generator_loss": loss, "feature_error": feature_error}

    def _pictures(self, batch: Mapping[str, Any], training: bool) -> tuple[Any, Any]:
        """The small pictures and the large ones, float32 in [-1, 1]."""
        image = batch["image"]
        if training and self.augment_crops:
            image = turned(image, randomness.item_uniform(batch["seed"], TURNS, (3,)))
        low = degradation.low_resolution(image, FACTOR)
        return likelihoods.scale_pixels(low), likelihoods.scale_pixels(image)

    # --- what it answers --------------------------------------------------------------------------------------

    def contract_capabilities(self) -> list[contract.Capability]:
        any_size = contract.image((None, None, 3))
        logit = self.logit_score("logit", "a photograph", primary=True)
        return [
            contract.iterative(
                "translate",
                begin=self._begin,
                advance=self._advance,
                preview=self._finish,
                finish=self._finish,
                inputs={"image": any_size},
                translation=contract.Translation((None, None, 3), FACTOR),
            ),
            contract.one_shot("score", self._score, inputs={"image": any_size}, scores=[logit]),
        ]

    def _begin(self, image: Any) -> dict[str, Any]:
        """A bicubic canvas, on which one tile after the other is painted over: a small picture is one tile."""
        step = tf.zeros(tf.shape(image)[:1], tf.int32)
        return {
            "low": image,
            "canvas": degradation.bicubic(image, FACTOR),
            "step": step,
            "steps": step + self.tiling.count(image),
        }

    def _advance(self, low: Any, canvas: Any, step: Any, steps: Any) -> dict[str, Any]:
        index = tf.minimum(step, steps - 1)
        tile = likelihoods.scale_pixels(self.tiling.cut(low, index))
        enlarged = likelihoods.nearest_level(self.generate(tile, training=False))
        unfinished = step < steps
        painted = self.tiling.paste(canvas, enlarged, low, index)
        return {
            "low": low,
            "canvas": tf.where(unfinished[:, None, None, None], painted, canvas),
            "step": step + tf.cast(unfinished, tf.int32),
            "steps": steps,
        }

    def _finish(self, low: Any, canvas: Any, step: Any, steps: Any) -> dict[str, Any]:
        return {"image": canvas}

    def _score(self, image: Any) -> dict[str, Any]:
        return {"logit": self.realness(self.judge(likelihoods.scale_pixels(image), training=False))}

    def before_and_after(
        self, batch: Mapping[str, np.ndarray], *, seed: int = 0, **options: Any
    ) -> tuple[np.ndarray, ...]:
        """Bicubic, the model's, and the original, from the low resolution of the batch's images."""
        low = degradation.low_resolution(batch["image"], FACTOR)
        return (
            degradation.bicubic(low, FACTOR).numpy(),
            self.translate(low.numpy(), **options),
            batch["image"],
        )

    def export(self, path: Any, *, card: Any = None) -> None:
        full = card_pb2.ModelCard()
        if card is not None:
            full.CopyFrom(card)
        full.limits.max_items_per_request = full.limits.max_items_per_request or MAX_ITEMS
        full.limits.max_pixels_per_image = full.limits.max_pixels_per_image or MAX_PIXELS
        # A picture one pixel high takes the most tiles.
        most = -(-full.limits.max_pixels_per_image // self.tiling.stride)
        full.limits.max_steps = full.limits.max_steps or most
        super().export(path, card=full)

    @property
    def notes(self) -> str:
        if self.stage == RECONSTRUCTION:
            return "Trained by the first stage only (SRResNet): no perceptual and no adversarial loss."
        digest = f" (SHA-256 {self.perceptual_digest})" if self.perceptual_digest else ""
        # A path is of no use to who reads a card.
        features = perceptual.OWN if self.perceptual == perceptual.OWN else "VGG19"
        return f"Perceptual loss in the features of {features}{digest}."

    # --- serialisation ----------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **self.architecture,
            **self.weights_of_terms,
            "perceptual": self.perceptual,
            "augment": self.augment_crops,
            "discriminator_steps": self._game_steps,
            "stage": self.stage,
            "perceptual_digest": self.perceptual_digest,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SRGAN:
        config = dict(config)
        stage, digest = config.pop("stage", RECONSTRUCTION), config.pop("perceptual_digest", "")
        model = super().from_config(config)
        assert isinstance(model, SRGAN)
        model._turn_to(stage)
        model.perceptual_digest = digest
        return model


def turned(image: Any, draw: Any) -> Any:
    """`image` [n, s, s, c], each item flipped and turned to one of its eight poses by `draw` float32 [n, 3] in [0, 1).

    Pictures that are not square are flipped only.
    """
    across, down, over = (draw[:, index, None, None, None] < 0.5 for index in range(3))
    image = tf.where(across, image[:, :, ::-1], image)
    image = tf.where(down, image[:, ::-1], image)
    if image.shape[1] == image.shape[2]:
        image = tf.where(over, tf.transpose(image, (0, 2, 1, 3)), image)
    return image
