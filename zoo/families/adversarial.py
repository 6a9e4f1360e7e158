"""What the adversarial families share: two networks, two optimizers, and one `train_step`.

A family writes its networks (`build_network`, `build_discriminator`) and the terms that each of them minimises
(`discriminator_terms`, `generator_terms`). The rest of the game (Goodfellow et al. 2014, algorithm 1) is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import keras
import tensorflow as tf

from pixelzoo.v1 import capability_pb2
from zoo import contract, losses, randomness
from zoo.families.base import GenerativeModel
from zoo.layers import augmentation

# Streams of training noise. The number of the update is taken off: 0 is the generator's, 1, 2, ... the discriminator's.
LATENT_NOISE, AUGMENTATION, PENALTY_POINT = -1_000, -2_000, -3_000
MAX_DISCRIMINATOR_STEPS = 100
BETA_1 = 0.5


@keras.saving.register_keras_serializable("pixelzoo")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """`rate` for the first half of `total_steps`, then linearly to zero (Zhu et al. 2017, section 4)."""

    def __init__(self, rate: float, total_steps: int) -> None:
        self.rate, self.total_steps = float(rate), int(total_steps)

    def __call__(self, step: Any) -> Any:
        left = 1.0 - keras.ops.cast(step, "float32") / max(1, self.total_steps)
        return self.rate * keras.ops.clip(2.0 * left, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate, "total_steps": self.total_steps}


class AdversarialModel(GenerativeModel):
    """A generator trained against a discriminator.

    `network` is the generator (or the generators, in one model) and `discriminator` its opponent, both in the
    precision of `dtype`. Both have a float32 twin that holds the moving average of their weights, and the twins are
    what samples and scores.

    A step is `discriminator_steps` updates of the discriminator on the same real images, each with noise of its own,
    and then one update of the generator. Real and generated images are separate calls of the discriminator, and only
    the real ones move its state (moving statistics, spectral norms): in one BatchNorm batch the two would give each
    other away by the batch's statistics.

    Args:
        adversarial_loss: name of the game's loss, see `zoo.losses.adversarial`.
        r1: weight gamma of the penalty R1 on real images, 0 for none (Mescheder et al. 2018, eq. 9).
        gradient_penalty: weight lambda of the gradient penalty between real and generated images, 0 for none
            (Gulrajani et al. 2017, eq. 3).
        label_smoothing: how far the target of real images stays under 1.
        augmentation: differentiable augmentation of all that the discriminator sees: names joined by commas, see
            `zoo.layers.augmentation` (Zhao et al. 2020); "" for none.
        discriminator_steps: discriminator updates for each of the generator, 0 .. 100.
        discriminator_learning_rate: peak learning rate of the discriminator; None takes the generator's.
        **kwargs: the arguments of `GenerativeModel`.
    """

    term_names: ClassVar[tuple[str, ...]] = ("discriminator_loss", "generator_loss")

    def __init__(
        self,
        *,
        adversarial_loss: str = "non_saturating",
        r1: float = 0.0,
        gradient_penalty: float = 0.0,
        label_smoothing: float = 0.0,
        augmentation: str = "",
        discriminator_steps: int = 1,
        discriminator_learning_rate: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(r1, gradient_penalty) < 0.0:
            raise ValueError(f"r1 and gradient_penalty must be at least 0; got {r1} and {gradient_penalty}")
        if not 0 <= discriminator_steps <= MAX_DISCRIMINATOR_STEPS:
            raise ValueError(
                f"discriminator_steps must lie in 0 .. {MAX_DISCRIMINATOR_STEPS}; got {discriminator_steps}"
            )
        if discriminator_learning_rate is not None and not discriminator_learning_rate > 0.0:
            raise ValueError(
                f"discriminator_learning_rate must be above 0; got {discriminator_learning_rate}; leave it out for the "
                "generator's rate"
            )
        self.adversarial_loss, self.label_smoothing = adversarial_loss, float(label_smoothing)
        self.r1, self.gradient_penalty = float(r1), float(gradient_penalty)
        self.augmentation = augmentation
        self.discriminator_steps = int(discriminator_steps)
        self.discriminator_learning_rate = discriminator_learning_rate
        self.game = losses.adversarial(adversarial_loss, label_smoothing)
        self.discriminator_optimizer: keras.optimizers.Optimizer | None = None
        augmentation_names(augmentation)

    def _build_networks(self) -> None:
        self.discriminator = self.build_discriminator(self.dtype_policy)
        self.ema_discriminator = self.build_discriminator("float32")
        self.ema_discriminator.trainable = False
        super()._build_networks()

    @property
    def twins(self) -> tuple[tuple[keras.Model, keras.Model], ...]:
        return ((self.network, self.ema_network), (self.discriminator, self.ema_discriminator))

    # --- what a family writes ---------------------------------------------------------------------------------

    def build_discriminator(self, dtype: Any) -> keras.Model:
        """Returns the discriminator, built, in the precision policy `dtype`. Its output is a logit [n, ...], or a list
        whose first entry is the logit.
        """
        raise TypeError(f"{type(self).__name__} must define build_discriminator(dtype)")

    def discriminator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        """Returns "discriminator_loss" and what else is reported of this update, float32 [n] each.

        `batch` is as in `GenerativeModel.terms`, with "update", an int: 1, 2, ... in the discriminator's updates of a
        step. Generate with `imitate`, judge with `contest`.
        """
        raise TypeError(f"{type(self).__name__} must define discriminator_terms(batch, training)")

    def generator_terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        """Returns "generator_loss" and what else is reported of this update, float32 [n] each; "update" is 0.

        Generate with `generate`, judge with `judge`.
        """
        raise TypeError(f"{type(self).__name__} must define generator_terms(batch, training)")

    # --- the moves of the game --------------------------------------------------------------------------------

    def generate(self, *inputs: Any, training: bool) -> Any:
        """What the generator makes of `inputs`; its twin, if not `training`. Moves the generator's statistics."""
        return (self.network if training else self.ema_network)(_one_or_all(inputs), training=training)

    def imitate(self, *inputs: Any, training: bool) -> Any:
        """The same for the discriminator's updates: no gradient, and no moved statistics."""
        with frozen():
            return tf.nest.map_structure(tf.stop_gradient, self.generate(*inputs, training=training))

    def judge(self, image: Any, *conditions: Any, training: bool, real: bool = False) -> Any:
        """What the discriminator says of `image` (its twin, if not `training`). Its state moves only on `real` ones."""
        discriminator = self.discriminator if training else self.ema_discriminator
        inputs = _one_or_all((image, *conditions))
        if real:
            return discriminator(inputs, training=training)
        with frozen():
            return discriminator(inputs, training=training)

    def augment(self, image: Any, batch: Mapping[str, Any]) -> Any:
        """`image` float32 [n, h, w, c] in [-1, 1], augmented by the items' own draws for this update."""
        names = augmentation_names(self.augmentation)
        if not names:
            return image
        draws = self.uniform(batch, AUGMENTATION, (augmentation.DRAWS,))
        return augmentation.augment(image, draws, names)

    def contest(
        self, batch: Mapping[str, Any], real: Any, fake: Any, *conditions: Any, training: bool
    ) -> tuple[Any, Any, Any]:
        """The discriminator's loss float32 [n] on `real` and `fake`, and all that it says of each.

        Both are float32 [n, h, w, c] in [-1, 1] and are augmented by the same draws. The loss holds the penalties.
        """
        real, fake = self.augment(real, batch), self.augment(fake, batch)
        on_real, real_gradient = self._judge_with_gradient(
            real, *conditions, wanted=self.r1 > 0.0, training=training, real=True
        )
        on_fake = self.judge(fake, *conditions, training=training)
        loss = self.game.real(first(on_real)) + self.game.fake(first(on_fake))
        if self.r1:
            loss += 0.5 * self.r1 * losses.squared_gradient_norm(real_gradient)
        if self.gradient_penalty:
            share = self.uniform(batch, PENALTY_POINT, ())
            _, gradient = self._judge_with_gradient(
                losses.between(real, fake, share), *conditions, wanted=True, training=training
            )
            loss += self.gradient_penalty * losses.gradient_penalty(gradient)
        return loss, on_real, on_fake

    def _judge_with_gradient(
        self, image: Any, *conditions: Any, wanted: bool, training: bool, real: bool = False
    ) -> tuple[Any, Any]:
        """What the discriminator says of `image`, and the gradient of the logit for it (None unless `wanted`)."""
        if not wanted:
            return self.judge(image, *conditions, training=training, real=real), None
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            said = self.judge(image, *conditions, training=training, real=real)
            logit = tf.reduce_sum(losses.of_each_item(first(said)))
        return said, tape.gradient(logit, image)

    def normal(self, batch: Mapping[str, Any], stream: int, shape: Sequence[int]) -> Any:
        """Standard normal noise of each item for this update, float32 [n, *shape]."""
        return randomness.item_normal(batch["seed"], stream - batch["update"], shape)

    def uniform(self, batch: Mapping[str, Any], stream: int, shape: Sequence[int]) -> Any:
        """Uniform noise in [0, 1) of each item for this update, float32 [n, *shape]."""
        return randomness.item_uniform(batch["seed"], stream - batch["update"], shape)

    # --- what it answers --------------------------------------------------------------------------------------

    def logit_score(
        self, name: str, real: str, *, of: str = "The discriminator's logit", primary: bool = False
    ) -> contract.Score:
        """The score `name` of what `realness` gives; `real` says what the discriminator looks for."""
        sign = (
            "only differences between images mean anything"
            if self.game.undecided is None
            else f"above 0 it takes the image for {real}"
        )
        return contract.Score(
            name,
            capability_pb2.SCORE_KIND_DISCRIMINATOR_LOGIT,
            "",
            f"{of}: {sign}.",
            primary=primary,
        )

    def realness(self, logit: Any) -> Any:
        """`logit` [n, ...] less that of a discriminator that cannot tell: float32 [n], the mean over patches."""
        return losses.of_each_item(logit) - (self.game.undecided or 0.0)

    # --- training ---------------------------------------------------------------------------------------------

    def default_optimizer(
        self, learning_rate: float | None = None, total_steps: int | None = None
    ) -> keras.optimizers.Optimizer:
        """Adam with beta_1 = 0.5 (Radford et al. 2016, section 4), without clipping.

        The rate is constant, and where `total_steps` is known it falls to zero over the second half. At a constant
        rate the players circle each other; the fall lets the circles close.
        """
        return keras.optimizers.Adam(self.constant_then_linear(learning_rate, total_steps), beta_1=BETA_1)

    def constant_then_linear(
        self, learning_rate: float | None, total_steps: int | None
    ) -> float | ConstantThenLinear:
        """The rate (the model's own, if None), and over `total_steps`, if known, its fall to zero."""
        rate = self.learning_rate if learning_rate is None else learning_rate
        return rate if total_steps is None else ConstantThenLinear(rate, total_steps)

    def default_discriminator_optimizer(
        self, learning_rate: float | None = None, total_steps: int | None = None
    ) -> keras.optimizers.Optimizer:
        """The same for the discriminator, at its own rate if it has one; `total_steps` counts the generator's."""
        rate = learning_rate if self.discriminator_learning_rate is None else self.discriminator_learning_rate
        steps = None if total_steps is None else total_steps * self.discriminator_steps
        return AdversarialModel.default_optimizer(self, rate, steps)

    def compile(self, optimizer: Any = None, discriminator_optimizer: Any = None, **kwargs: Any) -> None:
        """Configures training; without arguments it takes the recipe's two optimizers."""
        super().compile(optimizer, **kwargs)
        opponent = keras.optimizers.get(discriminator_optimizer or self.default_discriminator_optimizer())
        scaled = isinstance(opponent, keras.optimizers.LossScaleOptimizer)
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer) and not scaled:
            opponent = keras.optimizers.LossScaleOptimizer(opponent)
        self.discriminator_optimizer = opponent
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def compile_for(self, learning_rate: float, total_steps: int) -> None:
        self.compile(
            self.default_optimizer(learning_rate, total_steps),
            self.default_discriminator_optimizer(learning_rate, total_steps),
        )

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Restores both optimizers of a saved model."""
        config = keras.saving.deserialize_keras_object(config)
        self.compile(config["optimizer"], config["discriminator_optimizer"])

    def get_compile_config(self) -> dict[str, Any] | None:
        config = super().get_compile_config()
        if config is None:
            return None
        opponent = keras.saving.serialize_keras_object(self.discriminator_optimizer)
        return {**config, "discriminator_optimizer": opponent}

    def train_step(self, data: Any) -> dict[str, Any]:
        batch = self._as_batch(data)
        terms: dict[str, Any] = {}
        for update in range(1, self.discriminator_steps + 1):
            terms |= self._update_discriminator({**batch, "update": update})
        terms |= self._update_generator({**batch, "update": 0})
        self._update_ema()
        return self._report(terms)

    def _update_discriminator(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        network, optimizer = self.discriminator, self.discriminator_optimizer
        return _descend("discriminator_loss", self.discriminator_terms, batch, network, optimizer)

    def _update_generator(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        return _descend("generator_loss", self.generator_terms, batch, self.network, self.optimizer)

    def test_step(self, data: Any) -> dict[str, Any]:
        batch = self._as_batch(data)
        terms = self.discriminator_terms({**batch, "update": 1}, training=False)
        return self._report(terms | self.generator_terms({**batch, "update": 0}, training=False))

    def _report(self, terms: Mapping[str, Any]) -> dict[str, Any]:
        """The running means of the terms there are: a step without discriminator updates has none of theirs."""
        present = [metric for metric in self.term_metrics if metric.name in terms]
        for metric in present:
            metric.update_state(terms[metric.name])
        return {metric.name: metric.result() for metric in present}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "adversarial_loss": self.adversarial_loss,
            "r1": self.r1,
            "gradient_penalty": self.gradient_penalty,
            "label_smoothing": self.label_smoothing,
            "augmentation": self.augmentation,
            "discriminator_steps": self.discriminator_steps,
            "discriminator_learning_rate": self.discriminator_learning_rate,
        }


def frozen() -> AbstractContextManager[Any]:
    """Within it, calls of networks leave their moving statistics and spectral vectors as they are."""
    return keras.StatelessScope()


def first(said: Any) -> Any:
    """The logit among what a discriminator says."""
    return said[0] if isinstance(said, list | tuple) else said


def augmentation_names(text: str) -> tuple[str, ...]:
    """The augmentations that `text` names, joined by commas; ValueError if one is unknown."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in augmentation.NAMES:
            raise ValueError(f"augmentation {name!r} is unknown; there are {', '.join(augmentation.NAMES)}")
    return names


def _one_or_all(inputs: tuple[Any, ...]) -> Any:
    return inputs[0] if len(inputs) == 1 else list(inputs)


def _descend(
    loss: str,
    terms: Callable[..., dict[str, Any]],
    batch: Mapping[str, Any],
    network: keras.Model,
    optimizer: Any,
) -> dict[str, Any]:
    """One update of `network` down the mean of the term `loss` over the global batch. Returns all terms."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    variables = network.trainable_variables
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([variable.value for variable in variables])
        values = terms(batch, training=True)
        # The sum over the *global* batch, whose parts are equal: Keras adds the gradients of all replicas.
        scaled = optimizer.scale_loss(tf.reduce_mean(values[loss]) / replicas)
    optimizer.apply(tape.gradient(scaled, variables), variables)
    return values
