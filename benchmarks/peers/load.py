"""A load generator: one-image requests to a server, in a process of its own, so that its CPU time is not the server's.

    python benchmarks/load.py --target 127.0.0.1:50051 --model NAME --callers 32 --requests 2000
    python benchmarks/load.py --target 127.0.0.1:50051 --model NAME --rate 200 --requests 2000

Closed loop: each of the callers sends its next request when it has its answer. Open loop (`--rate`): the times of
sending are fixed in advance (a Poisson process), and a latency counts from the time at which the request should have
been sent, so that a server cannot hide a pause by holding up the sender. It says `ready` when it has warmed up, waits
for a line on its standard input, and then prints its figures as one line of JSON.

It runs with pixelzoo's own environment, and for `--protocol triton` with any that has tritonclient.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

Ask = Callable[[int], Awaitable[None]]
"""Asks for the picture of a seed, and checks that one of the right size has come."""


def pixelzoo(channel: Any, model: str, pixels: int, steps: int) -> Ask:
    from pixelzoo.v1 import sampling_service_pb2 as messages
    from pixelzoo.v1 import sampling_service_pb2_grpc
    from pixelzoo.v1.image_pb2 import IMAGE_ENCODING_RAW
    from pixelzoo.v1.options_pb2 import SAMPLER_DDIM

    stub = sampling_service_pb2_grpc.SamplingServiceStub(channel)

    async def ask(seed: int) -> None:
        request = messages.SampleRequest(seed=seed, encoding=IMAGE_ENCODING_RAW)
        request.model.name = model
        if steps:
            request.options.diffusion.sampler = SAMPLER_DDIM
            request.options.diffusion.steps = steps
        response = await stub.Sample(request)
        assert len(response.images[0].image.raw.data) == pixels

    return ask


def triton(client: Any, model: str, pixels: int) -> Ask:
    import numpy as np
    from tritonclient.grpc import InferInput

    async def ask(seed: int) -> None:
        tensor = InferInput("seed", [1, 1], "INT64")
        tensor.set_data_from_numpy(np.array([[seed]], np.int64))
        result = await client.infer(model, [tensor])
        assert result.as_numpy("image").nbytes == pixels

    return ask


async def closed_loop(ask: Ask, callers: int, requests: int, first_seed: int) -> list[float]:
    """The latencies, in seconds, of `requests` requests, `callers` of them in flight."""
    seeds = iter(range(first_seed, first_seed + requests))
    latencies: list[float] = []

    async def caller() -> None:
        for seed in seeds:
            start = time.perf_counter()
            await ask(seed)
            latencies.append(time.perf_counter() - start)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return latencies


async def open_loop(ask: Ask, rate: float, requests: int, first_seed: int) -> list[float]:
    """The latencies, in seconds from the time planned, of `requests` requests sent at `rate` a second on average."""
    dice = random.Random(first_seed)
    planned, at = [], 0.0
    for _ in range(requests):
        at += dice.expovariate(rate)
        planned.append(at)
    begin = time.perf_counter()

    async def one(seed: int, due: float) -> float:
        await asyncio.sleep(max(0.0, begin + due - time.perf_counter()))
        await ask(seed)
        return time.perf_counter() - begin - due

    return list(await asyncio.gather(*(one(first_seed + i, due) for i, due in enumerate(planned))))


async def run(arguments: argparse.Namespace) -> None:
    if arguments.protocol == "triton":
        import tritonclient.grpc.aio

        opened = tritonclient.grpc.aio.InferenceServerClient(arguments.target)
        ask = triton(opened, arguments.model, arguments.pixels)
    else:
        import grpc

        opened = grpc.aio.insecure_channel(arguments.target)
        ask = pixelzoo(opened, arguments.model, arguments.pixels, arguments.steps)
    callers = arguments.callers or 32
    await closed_loop(ask, callers, arguments.warm_up, 10**9)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    start = time.perf_counter()
    if arguments.rate:
        latencies = await open_loop(ask, arguments.rate, arguments.requests, arguments.first_seed)
    else:
        latencies = await closed_loop(ask, callers, arguments.requests, arguments.first_seed)
    seconds = time.perf_counter() - start
    latencies.sort()
    figures: dict[str, float] = {"requests": len(latencies), "seconds": seconds}
    for percent in (50, 95, 99):
        figures[f"p{percent}_ms"] = 1000 * latencies[min(len(latencies) - 1, len(latencies) * percent // 100)]
    print(json.dumps(figures), flush=True)
    await opened.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", required=True, help="host:port of the server")
    parser.add_argument("--protocol", choices=("pixelzoo", "triton"), default="pixelzoo")
    parser.add_argument("--model", required=True)
    parser.add_argument("--pixels", type=int, default=784, help="bytes that the raw picture must have")
    parser.add_argument(
        "--steps", type=int, default=0, help="ask a diffusion model for DDIM with that many steps"
    )
    parser.add_argument("--callers", type=int, default=0, help="requests in flight, in a closed loop")
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second, in an open loop")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--warm-up", type=int, default=200, help="requests before it is ready")
    parser.add_argument("--first-seed", type=int, default=0)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
