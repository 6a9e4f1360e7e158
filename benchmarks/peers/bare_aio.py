"""The same service by grpc.aio alone: no checks, no recipes, no fairness. What a first server usually looks like.

    python benchmarks/peers/bare_aio.py MODEL_VERSION_FOLDER [LARGEST_BATCH]

With a largest batch, whatever waits when the network is free is run together, in batches of the powers of two; the
others are padded.
"""

import os

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import tensorflow as tf

from pixelzoo.v1 import sampling_service_pb2 as messages
from pixelzoo.v1 import sampling_service_pb2_grpc


class Network:
    """The SavedModel, called by one thread with as many of the waiting seeds as `largest_batch` allows."""

    def __init__(self, path: str, largest_batch: int) -> None:
        self._loaded = tf.saved_model.load(path)
        self._sample = self._loaded.signatures["sample"]
        self._largest_batch = largest_batch
        self._thread = ThreadPoolExecutor(1)
        self._waiting: asyncio.Queue[tuple[int, asyncio.Future[Any]]] = asyncio.Queue()

    async def draw(self, seed: int) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((seed, future))
        return await future

    async def run(self) -> None:
        while True:
            group = [await self._waiting.get()]
            while len(group) < self._largest_batch and not self._waiting.empty():
                group.append(self._waiting.get_nowait())
            seeds = [seed for seed, _ in group]
            images = await asyncio.get_running_loop().run_in_executor(self._thread, self._call, seeds)
            for (_, future), image in zip(group, images, strict=False):  # The others are padding.
                if not future.cancelled():
                    future.set_result(image)

    def _call(self, seeds: list[int]) -> Any:
        size = 1 << (len(seeds) - 1).bit_length()
        padded = seeds + seeds[-1:] * (size - len(seeds))
        return self._sample(seed=tf.constant(padded, tf.int64))["image"].numpy()


class Sampling(sampling_service_pb2_grpc.SamplingServiceServicer):
    """Sample, and nothing else."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def Sample(self, request: messages.SampleRequest, context: Any) -> messages.SampleResponse:
        pixels = await self._network.draw(request.seed)
        response = messages.SampleResponse()
        raw = response.images.add().image.raw
        raw.data = pixels.tobytes()
        raw.shape.extend(pixels.shape)
        return response


async def main(path: str, largest_batch: int) -> None:
    network = Network(path, largest_batch)
    server = grpc.aio.server()
    sampling_service_pb2_grpc.add_SamplingServiceServicer_to_server(Sampling(network), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"serving on 127.0.0.1:{port}", flush=True)
    await network.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1))
