"""The limit: the SavedModel called in process, by whole batches, with nothing around it.

    python benchmarks/peers/in_process.py MODEL_VERSION_FOLDER [DDIM_STEPS]

Each line of standard input is a batch size; it is answered by a line with the CPU time of one image, in milliseconds.
"""

import os

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import sys
import time
from collections.abc import Callable

import tensorflow as tf

SECONDS = 2.0
"""How long one figure is measured for; and a quarter of it before, to warm up."""

DDIM = 2


def one_shot(loaded: tf.Module) -> Callable[[int], object]:
    sample = loaded.signatures["sample"]
    return lambda batch: sample(seed=tf.range(batch, dtype=tf.int64))["image"].numpy()


def stepwise(loaded: tf.Module, steps: int) -> Callable[[int], object]:
    begin, advance, finish = (loaded.signatures[f"sample_{name}"] for name in ("begin", "advance", "finish"))
    fixed = {"sampler": DDIM, "steps": steps, "guidance": 1.0, "eta": 0.0, "strength": 1.0}

    def draw(batch: int) -> object:
        inputs = {"seed": tf.range(batch, dtype=tf.int64), "label": tf.fill([batch], -1)}
        for name, spec in begin.structured_input_signature[1].items():
            if name not in inputs:
                value = tf.cast(fixed.get(name, 0), spec.dtype)
                inputs[name] = tf.fill([batch, *spec.shape[1:]], value)
        state = begin(**inputs)
        for _ in range(steps):
            state = advance(**state)
        return finish(**state)["image"].numpy()

    return draw


def main(path: str, steps: int) -> None:
    loaded = tf.saved_model.load(path)
    draw = stepwise(loaded, steps) if steps else one_shot(loaded)

    def cpu_ms(batch: int, seconds: float) -> float:
        end, images, start = time.perf_counter() + seconds, 0, time.process_time()
        while not images or time.perf_counter() < end:
            draw(batch)
            images += batch
        return 1000 * (time.process_time() - start) / images

    for line in sys.stdin:
        cpu_ms(int(line), SECONDS / 4)
        print(cpu_ms(int(line), SECONDS), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
