"""DCGAN: Radford, Metz & Chintala 2016, "Unsupervised representation learning with deep convolutional GANs".

A generator G and a discriminator D play (Goodfellow et al. 2014, eq. 1)

    min_G max_D  E[log D(x)] + E[log(1 - D(G(z)))],      z ~ N(0, I),

the generator by the non-saturating form: it maximises log D(G(z)). Section 3 of Radford et al. is the architecture:
strides instead of pooling, batch normalisation in both networks but for G's output and D's input, no hidden dense
layers, ReLU and tanh in G, leaky ReLU in D.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from zoo import likelihoods
from zoo.families.latent_gan import LatentGAN


@keras.saving.register_keras_serializable("pixelzoo")
class DCGAN(LatentGAN):
    """A GAN of convolutional networks.

        model = DCGAN(image_shape=(28, 28, 1))
        model.compile()
        model.fit(zoo.data.load("fashion_mnist").train(batch_size=64))
        images = model.sample(16, seed=0)

    Args:
        **kwargs: the arguments of `LatentGAN`, `AdversarialModel` and `GenerativeModel`.
    """

    family = "dcgan"

    def discriminator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        real = likelihoods.scale_pixels(batch["image"])
        fake = self.imitate(self.latent(batch), training=training)
        loss, on_real, on_fake = self.contest(batch, real, fake, training=training)
        return {"discriminator_loss": loss, "real_logit": on_real, "fake_logit": on_fake}

    def generator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        fake = self.augment(self.generate(self.latent(batch), training=training), batch)
        return {"generator_loss": self.game.generator(self.judge(fake, training=training))}

    def _score(self, image: Any, label: Any, seed: Any) -> dict[str, Any]:
        return {"logit": self.realness(self.judge(likelihoods.scale_pixels(image), training=False))}
