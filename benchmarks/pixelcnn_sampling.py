"""What incremental sampling saves: CPU seconds of 16 images by the naive sampler and by the row sampler.

    python benchmarks/pixelcnn_sampling.py
    python benchmarks/pixelcnn_sampling.py --set model.blocks=4
    python benchmarks/pixelcnn_sampling.py --equal 4

The network is that of the preset `pixelcnn_fashion_mnist`, in float32 for both, with fresh weights: the work does not
depend on them. The naive sampler runs the whole network once for each pixel; all these runs cost the same, so some of
them are timed. XLA's compiling is not counted, and printed beside it. `--equal N` draws N images of the network
with random weights both ways, pixel by pixel, which takes minutes, and counts those that differ.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

import zoo  # noqa: F401  (before TensorFlow: it sets oneDNN)

import tensorflow as tf  # isort: skip

from zoo.autoregressive import RowSampler, sample_naively
from zoo.layers.gated_pixelcnn import GatedPixelCNN
from zoo.training import load_preset

ITEMS = 16
SHAPE = (28, 28, 1)


def cpu_seconds(call: Callable[[], object], times: int) -> float:
    """The median CPU time of a call, user and system, over all threads."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def first_state(sampler: RowSampler, items: int) -> dict[str, tf.Tensor]:
    seed = tf.range(items, dtype=tf.int64)
    return sampler.initial(seed, tf.cast(seed % 10, tf.int32), tf.ones([items]))


def measure_naive(network: GatedPixelCNN, times: int) -> float:
    """CPU seconds of one whole sampling: as many runs of the network as there are pixels."""
    label = tf.zeros([ITEMS], tf.int32)
    levels = tf.random.stateless_uniform((ITEMS, *SHAPE), (0, 0), 0, 256, tf.int32)
    run = tf.function(lambda x: network.features_of(network.embed(x), label), autograph=False)
    run(levels)
    return SHAPE[0] * SHAPE[1] * cpu_seconds(lambda: run(levels), times)


def measure_rows(network: GatedPixelCNN, xla: bool, times: int) -> tuple[float, float]:
    """CPU seconds of one whole sampling, and of the first row, in which everything is traced and compiled."""
    sampler = RowSampler(network, xla=xla)
    advance = tf.function(sampler.advance, autograph=False)
    start = time.process_time()
    state = advance(**first_state(sampler, ITEMS))
    first = time.process_time() - start

    def sample() -> None:
        state = first_state(sampler, ITEMS)
        for _ in range(SHAPE[0]):
            state = advance(**state)

    del state
    return cpu_seconds(sample, times), first


def count_differing(network: GatedPixelCNN, items: int) -> int:
    """Images that the two samplers draw differently in float32, from random weights."""
    rng = np.random.default_rng(0)
    network.set_weights(
        [rng.normal(0.0, weight.numpy().std() + 0.02, weight.shape) for weight in network.weights]
    )
    sampler = RowSampler(network)
    state = first_state(sampler, items)
    asked = {name: state[name] for name in ("seed", "label", "temperature", "levels", "given_rows")}
    for _ in range(SHAPE[0]):
        state = sampler.advance(**state)
    naive = sample_naively(network, **asked)
    return int(tf.reduce_sum(tf.cast(tf.reduce_any(naive != state["levels"], axis=(1, 2, 3)), tf.int32)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="model.KEY=VALUE")
    parser.add_argument("--times", type=int, default=5, help="runs of each kind; the median counts")
    parser.add_argument(
        "--equal", type=int, default=0, metavar="N", help="also compare N images pixel by pixel"
    )
    arguments = parser.parse_args()
    settings = dict(load_preset("pixelcnn_fashion_mnist", arguments.overrides).model)
    for training_only in ("label_dropout", "ema_decay", "dtype"):
        settings.pop(training_only, None)
    network = GatedPixelCNN(image_shape=SHAPE, **settings)

    naive = measure_naive(network, arguments.times)
    print(f"{ITEMS} images of {SHAPE[0]}x{SHAPE[1]}, {network.count_params():,} parameters, CPU seconds")
    print(f"{'naive (784 whole runs)':28}{naive:10.2f}")
    for xla in (False, True):
        taken, first = measure_rows(network, xla, arguments.times)
        name = f"incremental, {'XLA' if xla else 'no XLA'}"
        print(f"{name:28}{taken:10.3f}   {naive / taken:6.0f} times less (first row {first:.1f})")
    if arguments.equal:
        differing = count_differing(network, arguments.equal)
        print(f"{differing} of {arguments.equal} images differ between the naive and the incremental sampler")


if __name__ == "__main__":
    main()
