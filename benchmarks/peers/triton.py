"""Triton Inference Server with its dynamic batching, by way of pytriton, in a virtual environment of its own.

    VENV/bin/python benchmarks/peers/triton.py MODEL_VERSION_FOLDER MODEL LARGEST_BATCH

VENV has `nvidia-pytriton` and `tensorflow-cpu` (the version that pixelzoo's lock has).
"""

import os

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import socket
import sys
from typing import Any

import numpy as np
import tensorflow as tf
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def main(path: str, model: str, largest_batch: int) -> None:
    loaded = tf.saved_model.load(path)
    sample = loaded.signatures["sample"]

    @batch
    def draw(seed: Any) -> dict[str, Any]:
        return {"image": sample(seed=tf.constant(seed[:, 0], tf.int64))["image"].numpy()}

    for size in range(1, largest_batch + 1):
        sample(seed=tf.zeros([size], tf.int64))
    port = free_port()
    config = TritonConfig(grpc_port=port, http_port=free_port(), metrics_port=free_port(), log_verbose=0)
    with Triton(config=config) as triton:
        triton.bind(
            model_name=model,
            infer_func=draw,
            inputs=[Tensor(name="seed", dtype=np.int64, shape=(1,))],
            outputs=[Tensor(name="image", dtype=np.uint8, shape=(-1, -1, -1))],
            config=ModelConfig(max_batch_size=largest_batch, batcher=DynamicBatcher()),
            strict=False,
        )
        triton.run()
        print(f"serving on 127.0.0.1:{port}", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
