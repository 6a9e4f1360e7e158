"""Conditional GAN: Mirza & Osindero 2014, "Conditional generative adversarial nets".

Generator and discriminator both see the class y, and play (eq. 2)

    min_G max_D  E[log D(x | y)] + E[log(1 - D(G(z | y) | y))].

The generator takes y as an embedding beside z. The discriminator takes it as Miyato & Koyama 2018 do (eq. 3): the
logit is psi(h) + <embedding(y), h> of the image's features h, which is the form that log p(x | y) / q(x | y) has where
p(y | x) is a softmax of h. It learns more from a class than a map of y joined to the pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from zoo import likelihoods
from zoo.families.latent_gan import LatentGAN


@keras.saving.register_keras_serializable("pixelzoo")
class ConditionalGAN(LatentGAN):
    """A conditional GAN with convolutional networks and a projection discriminator.

        model = ConditionalGAN(image_shape=(28, 28, 1), num_classes=10)
        model.compile()
        model.fit(zoo.data.load("fashion_mnist").train(batch_size=64))
        images = model.sample(16, seed=0, label=3)

    A class must be given for every image that is trained on, drawn or scored.

    Args:
        num_classes: number of classes, at least 2.
        **kwargs: the arguments of `LatentGAN`, `AdversarialModel` and `GenerativeModel`.
    """

    family = "conditional_gan"
    head: ClassVar[str] = "projection"
    label_required: ClassVar[bool] = True

    def __init__(self, *, num_classes: int = 10, **kwargs: Any) -> None:
        super().__init__(num_classes=num_classes, **kwargs)

    def discriminator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        # The images of the generator are asked for with the labels of the real ones: both sides have the classes of
        # the data, in the same shares in each batch, so that a class alone tells the discriminator nothing.
        real, label = likelihoods.scale_pixels(batch["image"]), batch["label"]
        fake = self.imitate(self.latent(batch), label, training=training)
        loss, on_real, on_fake = self.contest(batch, real, fake, label, training=training)
        return {"discriminator_loss": loss, "real_logit": on_real, "fake_logit": on_fake}

    def generator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        label = batch["label"]
        fake = self.augment(self.generate(self.latent(batch), label, training=training), batch)
        return {"generator_loss": self.game.generator(self.judge(fake, label, training=training))}

    def _score(self, image: Any, label: Any, seed: Any) -> dict[str, Any]:
        return {"logit": self.realness(self.judge(likelihoods.scale_pixels(image), label, training=False))}
