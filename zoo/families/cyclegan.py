"""CycleGAN: translation between two domains without pairs (Zhu, Park, Isola & Efros 2017).

G turns an image a of domain A into one of domain B, F turns an image b of B into one of A. Nobody knows what a should
look like in B; what is known are three things, and each is a loss:

    G(a) should pass for an image of B, F(b) for one of A       D_B and D_A judge: eq. 1, with squares (section 4)
    the way back should lead to where it began                  |F(G(a)) - a| + |G(F(b)) - b|: eq. 2
    what is of the target domain already should stay            |G(b) - b| + |F(a) - a|: section 5.2

Any one of them alone is easily cheated: a constant image of B passes D_B, and the identity closes the cycle. All
together (eq. 3), the generators minimise

    sum of the squares (D(fake) - 1)^2  +  lambda (cycle + share identity),    lambda = 10, share = 1/2

Two cheats remain. The generators may chase a discriminator that forgets: it is shown earlier images from a pool
(section 4). And G may hide a in G(a), in differences too faint for D_B, for F to find there (Chu et al. 2017,
"CycleGAN, a master of steganography"): `cycle_noise` drowns such messages on the way.

In the code both directions go side by side: a batch [a; b] is the images of A over those of B, 2n in all, and a `Pair`
of networks has one for each half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from pixelzoo.v1 import options_pb2
from zoo import contract, likelihoods
from zoo.families.adversarial import AdversarialModel
from zoo.layers import image_pool
from zoo.layers.image_pool import ImagePool
from zoo.layers.patch_discriminator import patch_discriminator
from zoo.layers.resnet_generator import resnet_generator

# Streams of training noise, beside those of `AdversarialModel`.
IMAGE_POOL, CYCLE_NOISE, FLIP = -4_000, -5_000, -6_000
_PATCHES = "Logit of the discriminator, the mean over patches"
A_TO_B, B_TO_A = options_pb2.DIRECTION_A_TO_B, options_pb2.DIRECTION_B_TO_A
# The paper's squares are whole and its discriminators' are halved; those of `zoo.losses` are all halves.
_GENERATOR_GAME = 2.0


class Pair(keras.Model):
    """Two networks side by side: `a` takes the first half of a batch, images of domain A, and `b` the second."""

    def __init__(self, a: keras.Model, b: keras.Model) -> None:
        super().__init__()
        self.a, self.b = a, b
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        of_a, of_b = ops.split(x, 2)
        return ops.concatenate([self.a(of_a, training=training), self.b(of_b, training=training)])


@keras.saving.register_keras_serializable("pixelzoo")
class CycleGAN(AdversarialModel):
    """Two generators and two discriminators of uint8 images of one shape, trained on `zoo.data` with two domains.

    Args:
        widths, blocks, patch, end_kernel: of the generators, see `zoo.layers.resnet_generator`.
        discriminator_widths, spectral_norm: of the discriminators, see `zoo.layers.patch_discriminator`.
        cycle_weight: lambda, of the cycle's L1 distance, with pixels in [-1, 1].
        identity_weight: of the identity's L1 distance, as a share of `cycle_weight`; 0 leaves it out.
        pool_size: earlier images of each domain that the discriminators may be shown; 0 for none.
        cycle_noise: standard deviation of the noise on an image before it is translated back, in levels of 0 .. 255.
        flip: whether half of the training images are mirrored, each time by a fresh draw.
        adversarial_loss: the paper's squares unless given.
        **kwargs: the arguments of `AdversarialModel` and `GenerativeModel`; this family has no classes.
    """

    family = "cyclegan"
    term_names = ("discriminator_loss", "generator_loss", "cycle_error", "identity_error")

    def __init__(
        self,
        *,
        widths: Sequence[int] = (64, 128, 256),
        blocks: int = 9,
        patch: int = 1,
        end_kernel: int = 7,
        discriminator_widths: Sequence[int] = (64, 128, 256, 512),
        spectral_norm: bool = False,
        cycle_weight: float = 10.0,
        identity_weight: float = 0.5,
        pool_size: int = 50,
        cycle_noise: float = 0.0,
        flip: bool = False,
        adversarial_loss: str = "least_squares",
        **kwargs: Any,
    ) -> None:
        super().__init__(adversarial_loss=adversarial_loss, **kwargs)
        if self.num_classes:
            raise ValueError(
                f"num_classes must be 0, got {self.num_classes}: a CycleGAN has domains, not classes"
            )
        for field, value in (
            ("cycle_weight", cycle_weight),
            ("identity_weight", identity_weight),
            ("pool_size", pool_size),
            ("cycle_noise", cycle_noise),
        ):
            if value < 0:
                raise ValueError(f"{field} must be at least 0; got {value}")
        self.settings: dict[str, Any] = {
            "cycle_weight": float(cycle_weight),
            "identity_weight": float(identity_weight),
            "pool_size": int(pool_size),
            "cycle_noise": float(cycle_noise),
            "flip": bool(flip),
        }
        self.generators: dict[str, Any] = {
            "widths": tuple(widths),
            "blocks": int(blocks),
            "patch": int(patch),
            "end_kernel": int(end_kernel),
        }
        self.discriminator_widths, self.spectral_norm = tuple(discriminator_widths), bool(spectral_norm)
        self.pool_a, self.pool_b = (
            ImagePool(pool_size, self.image_shape, name=f"pool_{domain}") for domain in "ab"
        )
        self._build_networks()

    def build_network(self, dtype: Any) -> Pair:
        """Both generators: `a` is G, which takes images of A, and `b` is F."""

        def generator(name: str) -> keras.Model:
            return resnet_generator(image_shape=self.image_shape, **self.generators, dtype=dtype, name=name)

        return Pair(generator("a_to_b"), generator("b_to_a"))

    def build_discriminator(self, dtype: Any) -> Pair:
        """Both discriminators: `a` is D_A and `b` is D_B."""

        def discriminator(name: str) -> keras.Model:
            return patch_discriminator(
                image_shape=self.image_shape,
                widths=self.discriminator_widths,
                spectral_norm=self.spectral_norm,
                dtype=dtype,
                name=name,
            )

        return Pair(discriminator("of_a"), discriminator("of_b"))

    # --- training ---------------------------------------------------------------------------------------------

    def discriminator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        """The loss of both discriminators on images of [A; B] and on generated ones, or older ones from the pools."""
        real = self._domains(batch, training)
        fake = _swapped(self.imitate(real, training=training))
        if training:
            fake = self._pooled(fake, batch)
        loss, _, _ = self.contest(_twice(batch), real, fake, training=training)
        return {"discriminator_loss": _sum(loss)}

    def generator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        """The loss of both generators (eq. 3), and the two distances as shares of the range of pixels."""
        real = self._domains(batch, training)

        def translated(x: Any) -> Any:
            """[a; b] -> [F(b); G(a)]: again the images of A come first."""
            return _swapped(self.generate(x, training=training))

        fake = translated(real)
        back = translated(fake + self._cycle_noise(batch))
        cycle = _distance(back, real)
        fooled = self.game.generator(self.judge(self.augment(fake, _twice(batch)), training=training))
        loss = _GENERATOR_GAME * fooled + self.settings["cycle_weight"] * cycle
        terms = {"cycle_error": _sum(cycle) / 4.0}
        if self.settings["identity_weight"]:
            identity = _distance(translated(_swapped(real)), real)
            loss += self.settings["cycle_weight"] * self.settings["identity_weight"] * identity
            terms["identity_error"] = _sum(identity) / 4.0
        return {"generator_loss": _sum(loss), **terms}

    def _domains(self, batch: Mapping[str, Any], training: bool) -> Any:
        """[a; b] float32 [2n, h, w, c] in [-1, 1]."""
        domains = [likelihoods.scale_pixels(batch[name]) for name in ("image", "target")]
        if training and self.settings["flip"]:
            mirrored = self.uniform({**batch, "update": 0}, FLIP, (2, 1, 1, 1)) < 0.5
            domains = [
                tf.where(mirrored[:, domain], tf.reverse(x, [2]), x) for domain, x in enumerate(domains)
            ]
        return tf.concat(domains, axis=0)

    def _pooled(self, fake: Any, batch: Mapping[str, Any]) -> Any:
        draws = self.uniform(batch, IMAGE_POOL, (2, image_pool.DRAWS))
        halves = zip((self.pool_a, self.pool_b), tf.split(fake, 2), tf.unstack(draws, axis=1), strict=True)
        return tf.concat([pool.exchange(images, own) for pool, images, own in halves], axis=0)

    def _cycle_noise(self, batch: Mapping[str, Any]) -> Any:
        if not self.settings["cycle_noise"]:
            return 0.0
        noise = self.normal(batch, CYCLE_NOISE, (2, *self.image_shape))
        return self.settings["cycle_noise"] / 127.5 * tf.concat(tf.unstack(noise, axis=1), axis=0)

    def _as_batch(self, data: Any) -> dict[str, Any]:
        """Accepts `zoo.data` dicts with two domains, and pairs (images of A, images of B)."""
        if isinstance(data, tuple) and len(data) == 2:
            data = {"image": data[0], "target": data[1]}
        batch = super()._as_batch(data)
        target = batch.get("target")
        if target is None:
            raise ValueError(
                "a CycleGAN trains on two domains, and this data has one: open it with zoo.data.load(source, "
                "domain_a=..., domain_b=...), or give the images of A and of B"
            )
        if target.dtype != tf.uint8 or tuple(target.shape[1:]) != self.image_shape:
            raise ValueError(
                f"images of domain B must be uint8 of the shape {self.image_shape}, got {target.dtype.name} "
                f"{tuple(target.shape[1:])}"
            )
        return batch

    # --- what it answers --------------------------------------------------------------------------------------

    def contract_capabilities(self) -> list[contract.Capability]:
        image = contract.image(self.image_shape)
        direction = contract.Choice(
            "direction",
            A_TO_B,
            {"a_to_b": A_TO_B, "b_to_a": B_TO_A},
            "Which way: the two domains are the card's classes, A and B.",
        )
        return [
            contract.one_shot(
                "translate",
                self._translate,
                inputs={"image": image},
                options=[direction],
                translation=contract.Translation(self.image_shape),
            ),
            contract.one_shot(
                "score",
                self._score,
                inputs={"image": image},
                scores=[
                    self.logit_score("logit_a", "a real one of domain A", of=_PATCHES),
                    self.logit_score("logit_b", "a real one of domain B", of=_PATCHES, primary=True),
                ],
            ),
        ]

    def before_and_after(
        self, batch: Mapping[str, np.ndarray], *, seed: int = 0, **options: Any
    ) -> tuple[np.ndarray, ...]:
        """a, G(a), F(G(a)) and b, F(b), G(F(b))."""
        sheets: list[np.ndarray] = []
        for domain, there, back in (("image", A_TO_B, B_TO_A), ("target", B_TO_A, A_TO_B)):
            after = self.translate(batch[domain], direction=there, **options)
            sheets += [batch[domain], after, self.translate(after, direction=back, **options)]
        return tuple(sheets)

    def _translate(self, image: Any, direction: Any) -> dict[str, Any]:
        x = likelihoods.scale_pixels(image)
        to_b, to_a = direction == A_TO_B, direction == B_TO_A

        def where_asked(asked: Any, network: keras.Model) -> Any:
            return tf.cond(tf.reduce_any(asked), lambda: network(x), lambda: x)

        in_b, in_a = where_asked(to_b, self.ema_network.a), where_asked(to_a, self.ema_network.b)
        return {"image": likelihoods.nearest_level(tf.where(to_b[:, None, None, None], in_b, in_a))}

    def _score(self, image: Any) -> dict[str, Any]:
        x = likelihoods.scale_pixels(image)
        return {
            "logit_a": self.realness(self.ema_discriminator.a(x)),
            "logit_b": self.realness(self.ema_discriminator.b(x)),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **self.settings,
            **self.generators,
            "discriminator_widths": self.discriminator_widths,
            "spectral_norm": self.spectral_norm,
        }


def _swapped(x: Any) -> Any:
    """[of one; of the other] -> [of the other; of one], [2n, ...]."""
    one, other = tf.split(x, 2)
    return tf.concat([other, one], axis=0)


def _distance(x: Any, y: Any) -> Any:
    """The L1 distance of each image, float32 [2n], averaged over its pixels."""
    return tf.reduce_mean(tf.abs(x - y), axis=(1, 2, 3))


def _sum(halves: Any) -> Any:
    """The sum over the two domains: float32 [2n] -> [n]."""
    return tf.add_n(tf.split(halves, 2))


def _twice(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The batch as the 2n items that its domains are: an item's two images have the same seed."""
    return {**batch, "seed": tf.tile(batch["seed"], [2])}
