"""AC-GAN: Odena, Olah & Shlens 2017, "Conditional image synthesis with auxiliary classifier GANs".

The generator sees a class c; the discriminator does not, and says beside its verdict which class it sees. With

    L_S = E[log P(S = real | x_real)] + E[log P(S = fake | x_fake)]        (eq. 2)
    L_C = E[log P(C = c | x_real)]    + E[log P(C = c | x_fake)]           (eq. 3)

the discriminator maximises L_S + L_C and the generator L_C - L_S. Two settings are written out here, because working
implementations differ in them in silence:

- `classify_fakes`: whether the discriminator's L_C has its second term. The paper has it; but early fakes show no
  class, and what is learned from them is wrong.
- `auxiliary_weight`: the factor of L_C in both losses, 1 in the paper. Too much of it in the generator's, and every
  class shrinks to the images that are easiest to tell; `generator_auxiliary_weight` is a factor of its own for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import tensorflow as tf

from pixelzoo.v1 import capability_pb2
from zoo import contract, likelihoods, losses, randomness
from zoo.families.latent_gan import LatentGAN


@keras.saving.register_keras_serializable("pixelzoo")
class ACGAN(LatentGAN):
    """A GAN with an auxiliary classifier, with convolutional networks.

        model = ACGAN(image_shape=(28, 28, 1), num_classes=10)
        model.compile()
        model.fit(zoo.data.load("fashion_mnist").train(batch_size=64))
        images = model.sample(16, seed=0, label=3)
        model.score(images)["class_probability"]

    Asked for an image of no class (-1), it draws the class too, each as likely as the others.

    Args:
        num_classes: number of classes, at least 2.
        classify_fakes: whether the discriminator learns classes from generated images too.
        auxiliary_weight: weight of the classification losses.
        generator_auxiliary_weight: that of the generator's, if it has one of its own.
        **kwargs: the arguments of `LatentGAN`, `AdversarialModel` and `GenerativeModel`.
    """

    family = "acgan"
    term_names: ClassVar[tuple[str, ...]] = (*LatentGAN.term_names, "real_class_loss", "fake_class_loss")
    head: ClassVar[str] = "classes"

    def __init__(
        self,
        *,
        num_classes: int = 10,
        classify_fakes: bool = False,
        auxiliary_weight: float = 1.0,
        generator_auxiliary_weight: float | None = None,
        **kwargs: Any,
    ) -> None:
        own = auxiliary_weight if generator_auxiliary_weight is None else generator_auxiliary_weight
        if min(auxiliary_weight, own) < 0.0:
            raise ValueError(
                f"auxiliary_weight and generator_auxiliary_weight must be at least 0; got {auxiliary_weight} and {own}"
            )
        self.classify_fakes, self.auxiliary_weight = bool(classify_fakes), float(auxiliary_weight)
        self.generator_auxiliary_weight = float(own)
        super().__init__(num_classes=num_classes, **kwargs)

    def discriminator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        real, label = likelihoods.scale_pixels(batch["image"]), batch["label"]
        fake = self.imitate(self.latent(batch), label, training=training)
        loss, (real_logit, real_class), (fake_logit, fake_class) = self.contest(
            batch, real, fake, training=training
        )
        class_loss = losses.class_cross_entropy(real_class, label)
        auxiliary = class_loss
        if self.classify_fakes:
            auxiliary += losses.class_cross_entropy(fake_class, label)
        return {
            "discriminator_loss": loss + self.auxiliary_weight * auxiliary,
            "real_logit": real_logit,
            "fake_logit": fake_logit,
            "real_class_loss": class_loss,
        }

    def generator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        label = batch["label"]
        fake = self.augment(self.generate(self.latent(batch), label, training=training), batch)
        logit, classes = self.judge(fake, training=training)
        class_loss = losses.class_cross_entropy(classes, label)
        return {
            "generator_loss": self.game.generator(logit) + self.generator_auxiliary_weight * class_loss,
            "fake_class_loss": class_loss,
        }

    def further_scores(self) -> list[contract.Score]:
        return [
            contract.Score(
                "class_probability",
                capability_pb2.SCORE_KIND_CLASS_PROBABILITY,
                "",
                "How probable the auxiliary classifier holds each class, whatever label is given.",
            )
        ]

    def _sample(self, seed: Any, truncation: Any, label: Any = None) -> dict[str, Any]:
        place = randomness.item_uniform(seed, randomness.CLASS_DRAW, ())
        drawn = tf.cast(tf.floor(place * self.num_classes), tf.int32)
        return super()._sample(seed, truncation, tf.where(label < 0, drawn, label))

    def _score(self, image: Any, label: Any, seed: Any) -> dict[str, Any]:
        logit, classes = self.judge(likelihoods.scale_pixels(image), training=False)
        return {"logit": self.realness(logit), "class_probability": tf.nn.softmax(classes)}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "classify_fakes": self.classify_fakes,
            "auxiliary_weight": self.auxiliary_weight,
            "generator_auxiliary_weight": self.generator_auxiliary_weight,
        }
