"""What the GANs that draw from a latent vector share: their networks, their latents, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from zoo import contract, likelihoods, randomness
from zoo.families.adversarial import LATENT_NOISE, AdversarialModel
from zoo.layers.convolutional_gan import convolutional_discriminator, convolutional_generator

NO_TRUNCATION = 10.0  # standard deviations; no latent in 2^70 lies further out


class LatentGAN(AdversarialModel):
    """Draws an image from a latent vector z ~ N(0, I), and perhaps a class, with convolutional networks.

    Args:
        latent_size: entries of z.
        widths: channels of each level of the generator, the coarsest first; a level doubles the sides.
        discriminator_widths: the same of the discriminator, the coarsest first; empty takes `widths`.
        normalisation: "batch" or "none", between the levels of the generator.
        discriminator_normalisation: "batch" or "none". A penalty on gradients wants "none": it is meant for each image
            alone (Gulrajani et al. 2017, section 4).
        spectral_norm: whether the discriminator's weights are divided by their spectral norms (Miyato et al. 2018).
        **kwargs: the arguments of `AdversarialModel` and `GenerativeModel`.
    """

    term_names: ClassVar[tuple[str, ...]] = (
        "discriminator_loss",
        "generator_loss",
        "real_logit",
        "fake_logit",
    )
    # What the discriminator ends in, see `zoo.layers.convolutional_gan`.
    head: ClassVar[str] = "logit"

    def __init__(
        self,
        *,
        latent_size: int = 100,
        widths: Sequence[int] = (64, 32),
        discriminator_widths: Sequence[int] = (),
        normalisation: str = "batch",
        discriminator_normalisation: str = "batch",
        spectral_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if self.head == "logit" and self.num_classes:
            raise ValueError(
                f"num_classes must be 0, got {self.num_classes}: this {self.family} takes no labels"
            )
        if self.head != "logit" and self.num_classes < 2:
            raise ValueError(
                f"num_classes must be at least 2, got {self.num_classes}: this {self.family} draws by class"
            )
        if latent_size < 1:
            raise ValueError(f"latent_size must be at least 1; got {latent_size}")
        if (self.r1 or self.gradient_penalty) and discriminator_normalisation == "batch":
            raise ValueError(
                "r1 and gradient_penalty are penalties of each image alone, and batch normalisation mixes the images: "
                'set discriminator_normalisation to "none"'
            )
        self.latent_size = int(latent_size)
        self.architecture: dict[str, Any] = {
            "latent_size": self.latent_size,
            "widths": tuple(widths),
            "discriminator_widths": tuple(discriminator_widths),
            "normalisation": normalisation,
            "discriminator_normalisation": discriminator_normalisation,
            "spectral_norm": bool(spectral_norm),
        }
        self._build_networks()

    def build_network(self, dtype: Any) -> Any:
        return convolutional_generator(
            image_shape=self.image_shape,
            latent_size=self.latent_size,
            widths=self.architecture["widths"],
            num_classes=self.num_classes,
            normalisation=self.architecture["normalisation"],
            dtype=dtype,
        )

    def build_discriminator(self, dtype: Any) -> Any:
        return convolutional_discriminator(
            image_shape=self.image_shape,
            widths=self.architecture["discriminator_widths"] or self.architecture["widths"],
            num_classes=self.num_classes,
            head=self.head,
            normalisation=self.architecture["discriminator_normalisation"],
            spectral_norm=self.architecture["spectral_norm"],
            dtype=dtype,
        )

    def _labels_of_unlabelled(self, n: Any) -> Any:
        if self.num_classes:
            raise ValueError(
                f"{self.family} learns from labelled images: give (image, label) pairs, or dicts with a label"
            )
        return super()._labels_of_unlabelled(n)

    def latent(self, batch: Mapping[str, Any]) -> Any:
        """z ~ N(0, I) of each item for this update, float32 [n, latent_size]."""
        return self.normal(batch, LATENT_NOISE, (self.latent_size,))

    # --- what it answers --------------------------------------------------------------------------------------

    def contract_capabilities(self) -> list[contract.Capability]:
        label = {"label": contract.LABEL} if self.num_classes else {}
        truncation = contract.Real(
            "truncation",
            NO_TRUNCATION,
            0.01,
            NO_TRUNCATION,
            "Entries of the latent further from 0 than this, in standard deviations, are drawn again; "
            f"{NO_TRUNCATION:g} leaves all as they are.",
        )
        return [
            contract.one_shot(
                "sample", self._sample, inputs={"seed": contract.SEED, **label}, options=[truncation]
            ),
            contract.one_shot(
                "score",
                self._score,
                inputs={
                    "image": contract.image(self.image_shape),
                    "label": contract.LABEL,
                    "seed": contract.SEED,
                },
                scores=[self.logit_score("logit", "a real one", primary=True), *self.further_scores()],
            ),
        ]

    def further_scores(self) -> list[contract.Score]:
        """The scores beside the logit."""
        return []

    def _sample(self, seed: Any, truncation: Any, label: Any = None) -> dict[str, Any]:
        z = randomness.item_truncated_normal(seed, randomness.INITIAL_NOISE, (self.latent_size,), truncation)
        inputs = (z,) if label is None else (z, label)
        return {"image": likelihoods.nearest_level(self.generate(*inputs, training=False))}

    def _score(self, image: Any, label: Any, seed: Any) -> dict[str, Any]:
        raise TypeError(f"{type(self).__name__} must define _score(image, label, seed)")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.architecture}
