"""The one base of every family: seeds, the EMA twin, training, and what a trained model answers.

A family writes its network (`build_network`), its per-item training terms (`terms`), and its capabilities
(`contract_capabilities`) as functions over tensors. Everything else follows from these three: `fit`, `evaluate`,
`sample`, `score`, `encode`, `decode`, `export`, and `.keras` files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from zoo import contract


@keras.saving.register_keras_serializable("pixelzoo")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to `peak`, then a half cosine to zero at `total_steps` (Loshchilov & Hutter 2017, eq. 5)."""

    def __init__(self, peak: float, warmup_steps: int, total_steps: int) -> None:
        self.peak, self.warmup_steps, self.total_steps = float(peak), int(warmup_steps), int(total_steps)

    def __call__(self, step: Any) -> Any:
        step = keras.ops.cast(step, "float32")
        warm = (step + 1.0) / max(1, self.warmup_steps)
        done = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
        cosine = 0.5 * (1.0 + keras.ops.cos(np.pi * keras.ops.clip(done, 0.0, 1.0)))
        return self.peak * keras.ops.where(step < self.warmup_steps, warm, cosine)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warmup_steps": self.warmup_steps, "total_steps": self.total_steps}


class GenerativeModel(keras.Model):
    """A generator of images, trained with `fit` and served by the SavedModel contract.

    Images are uint8 [n, height, width, channels] at every boundary; a family scales inside. Labels are int32 [n]
    with -1 for "no class". Seeds are int64 [n], 0 .. 2^63-1, one for each item.

    The model holds its network twice. `network` is trained, in the precision of `dtype`. `ema_network` is its
    float32 twin whose weights are the exponential moving average of the trained ones (Polyak & Juditsky 1992);
    sampling, scoring and export use the twin, and both are saved.

    Args:
        image_shape: (height, width, channels) of one image.
        num_classes: number of classes, or 0 for a model without labels.
        ema_decay: decay of the average for each step, 0 .. 1. It warms up as (1 + step) / (10 + step), in each
            stage anew, so that the average forgets the weights that it began with.
        learning_rate: peak learning rate of `default_optimizer`.
        dtype: Keras precision policy of the trained network, such as "float32" or "mixed_bfloat16".
    """

    family: ClassVar[str]
    term_names: ClassVar[tuple[str, ...]] = ("loss",)
    # What `begin_stage` takes, in the order of training; empty for a family that is trained in one go.
    stages: ClassVar[tuple[str, ...]] = ()
    # Whether each image that is asked for needs a class: then -1 (no class) is refused.
    label_required: ClassVar[bool] = False
    # The batch sizes that a server runs, ascending. A family in which rounding can change a whole picture has one.
    buckets: ClassVar[tuple[int, ...]] = (1, 4, 8)

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (8, 8, 1),
        num_classes: int = 0,
        ema_decay: float = 0.999,
        learning_rate: float = 1e-3,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=self.family if name is None else name)
        if len(image_shape) != 3 or min(image_shape) < 1:
            raise ValueError(
                f"image_shape must be (height, width, channels), all positive; got {image_shape!r}"
            )
        if not 0.0 <= ema_decay < 1.0:
            raise ValueError(f"ema_decay must lie in [0, 1); got {ema_decay}")
        height, width, channels = (int(size) for size in image_shape)
        self.image_shape = (height, width, channels)
        self.num_classes = int(num_classes)
        self.ema_decay = float(ema_decay)
        self.learning_rate = float(learning_rate)
        self._answers: dict[str, contract.Capability] | None = None

    def _build_networks(self) -> None:
        """Builds the trained network and its twin; a family calls it at the end of its constructor."""
        self.network = self.build_network(self.dtype_policy)
        self.ema_network = self.build_network("float32")
        self.ema_network.trainable = False
        self._copy_to_ema()
        self.term_metrics = [keras.metrics.Mean(name=name) for name in self.term_names]
        self.built = True

    # --- what a family writes ---------------------------------------------------------------------------------

    def build_network(self, dtype: Any) -> keras.Model:
        """Returns the network, built, in the precision policy `dtype`; called once for each twin."""
        raise TypeError(f"{type(self).__name__} must define build_network(dtype)")

    def terms(self, batch: Mapping[str, Any], training: bool) -> dict[str, Any]:
        """Returns `term_names` as float32 [n]: the loss of each item and what is reported beside it.

        `batch` has "image" uint8 [n, h, w, c], "label" int32 [n] and "seed" int64 [n]. All randomness comes from the
        seeds, so that a batch means the same on one replica and on many.
        """
        raise TypeError(f"{type(self).__name__} must define terms(batch, training)")

    def contract_capabilities(self) -> list[contract.Capability]:
        """Returns what the model can be asked, as functions over tensors (see `zoo.contract`)."""
        raise TypeError(f"{type(self).__name__} must define contract_capabilities()")

    # --- training ---------------------------------------------------------------------------------------------

    def default_optimizer(
        self, learning_rate: float | None = None, total_steps: int | None = None
    ) -> keras.optimizers.Optimizer:
        """The recipe's optimizer: Adam with global-norm clipping at 1; warm-up and cosine if `total_steps` is known."""
        rate = self.warmup_cosine(learning_rate, total_steps)
        return keras.optimizers.Adam(rate, beta_1=0.9, beta_2=0.99, global_clipnorm=1.0)

    def warmup_cosine(
        self, learning_rate: float | None, total_steps: int | None, longest_warmup: int = 500
    ) -> float | WarmupCosine:
        """The peak rate (the model's own, if None), and over `total_steps`, if known, warm-up and cosine to it."""
        peak = self.learning_rate if learning_rate is None else learning_rate
        if total_steps is None:
            return peak
        return WarmupCosine(peak, min(longest_warmup, total_steps // 20), total_steps)

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """Configures training; without arguments it takes the recipe's optimizer."""
        # Losses live in `terms`; XLA makes these train steps dearer on a CPU (measured: 10-47 %).
        kwargs.setdefault("jit_compile", False)
        super().compile(optimizer=optimizer or self.default_optimizer(), **kwargs)
        self.optimizer.build(self.network.trainable_variables)

    def begin_stage(self, name: str) -> None:
        """Turns to the stage `name` of `stages`; compile the model anew before it is trained on. The weights stay.

        A saved model remembers its stage. Raises ValueError for a stage that the family does not have.
        """
        if not self.stages:
            raise ValueError(f"{self.family} has no stages: it is trained in one go")
        if name not in self.stages:
            raise ValueError(f"{self.family} has no stage {name!r}; it has {', '.join(self.stages)}")

    def compile_for(self, learning_rate: float, total_steps: int) -> None:
        """Compiles with the recipe's optimizer at the peak `learning_rate`, scheduled over `total_steps`."""
        self.compile(self.default_optimizer(learning_rate, total_steps))

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Restores the optimizer of a saved model (Keras does it only for classes that keep its `compile`)."""
        config = keras.saving.deserialize_keras_object(config)
        self.compile(optimizer=config["optimizer"])

    def get_compile_config(self) -> dict[str, Any] | None:
        if self.optimizer is None:
            return None
        return {"optimizer": keras.saving.serialize_keras_object(self.optimizer)}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self.term_metrics)

    def train_step(self, data: Any) -> dict[str, Any]:
        batch = self._as_batch(data)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape() as tape:
            terms = self.terms(batch, training=True)
            # The sum over the *global* batch, whose parts are equal (drop the remainder under a strategy): Keras adds
            # the gradients of all replicas.
            loss = tf.reduce_mean(terms["loss"]) / replicas
            scaled = self.optimizer.scale_loss(loss)
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        self._update_ema()
        return self._report(terms)

    def test_step(self, data: Any) -> dict[str, Any]:
        return self._report(self.terms(self._as_batch(data), training=False))

    def _report(self, terms: Mapping[str, Any]) -> dict[str, Any]:
        for metric in self.term_metrics:
            metric.update_state(terms[metric.name])
        return {metric.name: metric.result() for metric in self.term_metrics}

    def _as_batch(self, data: Any) -> dict[str, Any]:
        """Accepts `zoo.data` dicts, (image, label) pairs and bare images."""
        if not isinstance(data, Mapping):
            parts = data if isinstance(data, tuple) else (data,)
            if len(parts) > 2 and parts[2] is not None:
                raise ValueError("sample_weight is not supported: every item has the weight 1; leave it out")
            data = {"image": parts[0]}
            if len(parts) > 1 and parts[1] is not None:
                data["label"] = parts[1]
        image = tf.convert_to_tensor(data["image"])
        if image.dtype != tf.uint8:
            raise TypeError(
                f"images must be uint8 with levels 0..255, got {image.dtype.name}: scale and round them first"
            )
        if tuple(image.shape[1:]) != self.image_shape:
            raise ValueError(f"images must have the shape {self.image_shape}, got {tuple(image.shape[1:])}")
        n = tf.shape(image)[0]
        label = self._as_labels(data["label"]) if "label" in data else self._labels_of_unlabelled(n)
        seed = tf.cast(data["seed"], tf.int64) if "seed" in data else self._fresh_seeds(n)
        batch = {"image": image, "label": label, "seed": seed}
        if "target" in data:  # of a source with two domains
            batch["target"] = tf.convert_to_tensor(data["target"])
        return batch

    def _labels_of_unlabelled(self, n: Any) -> Any:
        """The labels of `n` images that come without: -1, no class."""
        return tf.fill([n], -1)

    def _as_labels(self, label: Any) -> Any:
        """Class numbers int32 [n]; a column [n, 1] will do, one-hot rows will not."""
        label = tf.convert_to_tensor(label)
        if label.shape.rank == 2 and label.shape[1] == 1:
            label = label[:, 0]
        if label.shape.rank != 1 or not label.dtype.is_integer:
            raise ValueError(
                f"labels must be class numbers, integers of the shape (n,); got {label.dtype.name} {label.shape}"
            )
        return tf.cast(label, tf.int32)

    def _fresh_seeds(self, n: Any) -> Any:
        """Consecutive seeds for data without their own: different in each step, in each pass, on each replica."""
        context = tf.distribute.get_replica_context()
        replica = tf.cast(0 if context is None else context.replica_id_in_sync_group, tf.int64)
        step = tf.cast(self.optimizer.iterations.value if self.optimizer else 0, tf.int64)
        # The metrics count the items of this pass; evaluation takes no steps of the optimizer.
        seen = tf.cast(self.term_metrics[0].count.value, tf.int64)
        return replica * 2**56 + step * 2**24 + seen + tf.range(tf.cast(n, tf.int64))

    def _update_ema(self) -> None:
        step = tf.cast(self.optimizer.iterations.value, tf.float32)
        decay = tf.minimum(self.ema_decay, (1.0 + step) / (10.0 + step))
        for average, weight in self._averages():
            average.assign(decay * average.value + (1.0 - decay) * tf.cast(weight.value, average.dtype))

    def _copy_to_ema(self) -> None:
        for average, weight in self._averages():
            average.assign(weight)

    def _averages(self) -> Iterator[tuple[keras.Variable, keras.Variable]]:
        """Each averaged weight beside the trained one."""
        for network, twin in self.twins:
            yield from zip(twin.weights, network.weights, strict=True)

    @property
    def twins(self) -> tuple[tuple[keras.Model, keras.Model], ...]:
        """Each trained network beside the twin that holds its average."""
        return ((self.network, self.ema_network),)

    @property
    def served_networks(self) -> tuple[keras.Model, ...]:
        """The networks whose weights an exported model carries."""
        return tuple(twin for _, twin in self.twins)

    @property
    def notes(self) -> str:
        """What the card of an exported model should say of it beside the preset's description."""
        return ""

    # --- what a trained model answers -------------------------------------------------------------------------

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The names of what this model answers: of `sample`, `translate`, `score`, `encode`, `decode`."""
        return tuple(self._capabilities())

    def _capabilities(self) -> dict[str, contract.Capability]:
        if self._answers is None:
            self._answers = {capability.name: capability for capability in self.contract_capabilities()}
        return self._answers

    def capability(self, name: str) -> contract.Capability:
        """The capability `name`; ValueError if the model lacks it."""
        known = self._capabilities()
        if name not in known:
            raise ValueError(f"{self.family} has no capability {name!r}; it has {', '.join(known)}")
        return known[name]

    def ask(self, capability: str, inputs: Mapping[str, Any], **options: Any) -> dict[str, np.ndarray]:
        """Runs one capability to its end, as the server would: `inputs` have a leading item axis."""
        bucket = self.buckets[0] if len(self.buckets) == 1 else None
        return self.capability(capability).run(inputs, options, bucket)

    def sample(self, n: int = 1, *, seed: int = 0, label: Any = None, **options: Any) -> np.ndarray:
        """Returns `n` images, uint8 [n, h, w, c]. Image i has the seed `seed` + i.

        Args:
            n: number of images, at least 1.
            seed: seed of the first image, 0 .. 2^63-1.
            label: one class for all or a sequence of n; None means no class (-1).
            **options: the family's sampling options by name (see `capability("sample").options`).
        """
        inputs = {"seed": seeds_from(seed, n)}
        if self.num_classes:
            inputs["label"] = self._labels(label, n)
        elif label is not None:
            raise ValueError(
                f"label: this {self.family} was built without classes (num_classes=0); leave label out"
            )
        return self.ask("sample", inputs, **options)["image"]

    def score(self, image: Any, label: Any = None, *, seed: int = 0, **options: Any) -> dict[str, np.ndarray]:
        """Returns named scores, float32 [n] each, of `image` uint8 [n, h, w, c]; the card says kind and unit."""
        image = np.asarray(image)
        n = len(image)
        inputs = {"image": image, "label": self._labels(label, n), "seed": seeds_from(seed, n)}
        return self.ask("score", inputs, **options)

    def translate(self, image: Any, label: Any = None, *, seed: int = 0, **options: Any) -> np.ndarray:
        """Returns what becomes of each of `image` uint8 [n, h, w, c], uint8 [n, h', w', c'].

        Label, seed and options are what the family's `translate` takes (see `capability("translate")`).
        """
        image = np.asarray(image)
        n = len(image)
        inputs = {"image": image, "label": self._labels(label, n), "seed": seeds_from(seed, n)}
        return self.ask("translate", inputs, **options)["image"]

    def before_and_after(
        self, batch: Mapping[str, np.ndarray], *, seed: int = 0, **options: Any
    ) -> tuple[np.ndarray, ...]:
        """What the sheets of a model that only translates show of each item of `batch`: pictures of one size."""
        return batch["image"], self.translate(batch["image"], seed=seed, **options)

    def encode(self, image: Any) -> np.ndarray:
        """Returns the latents of `image` uint8 [n, h, w, c]."""
        return self.ask("encode", {"image": np.asarray(image)})["latent"]

    def decode(self, latent: Any) -> np.ndarray:
        """Returns the images, uint8 [n, h, w, c], of `latent`."""
        return self.ask("decode", {"latent": np.asarray(latent)})["image"]

    def _labels(self, label: Any, n: int) -> np.ndarray:
        if n < 1:
            raise ValueError("there are no images: give at least one")
        given = np.asarray(-1 if label is None else label)
        if not np.issubdtype(given.dtype, np.integer):
            raise ValueError(f"label must be a class number or several; got {label!r}")
        if given.shape not in ((), (1,), (n,)):
            raise ValueError(f"label: give one class for all or {n}, one for each item; got {given.shape}")
        labels = np.broadcast_to(given, (n,)).astype(np.int32)
        if self.label_required and labels.min() < 0:
            raise ValueError(
                f"label: {self.family} needs a class for each image, 0 .. {self.num_classes - 1}; got {label!r}"
            )
        if labels.min() < -1 or labels.max() >= max(self.num_classes, 0):
            raise ValueError(f"label must lie in -1 .. {self.num_classes - 1} (-1 = no class); got {label!r}")
        return labels

    def export(self, path: Any, *, card: Any = None) -> None:
        """Writes the SavedModel of the contract to `path`, which is .../<model>/<version>."""
        contract.write(self, path, card=card)

    # --- serialisation ----------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        return {
            "image_shape": self.image_shape,
            "num_classes": self.num_classes,
            "ema_decay": self.ema_decay,
            "learning_rate": self.learning_rate,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GenerativeModel:
        config = dict(config)
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = keras.saving.deserialize_keras_object(config["dtype"])
        return cls(**config)


def seeds_from(seed: int, n: int) -> np.ndarray:
    """The seeds of `n` items, int64: `seed`, `seed` + 1, ... wrapping at 2^63."""
    if int(seed) != seed or not 0 <= seed < 2**63:
        raise ValueError(f"seed must be a whole number in 0 .. 2^63-1; got {seed}")
    if n < 1:
        raise ValueError(f"n must be at least 1; got {n}")
    return np.array([(int(seed) + i) % 2**63 for i in range(n)], np.int64)
