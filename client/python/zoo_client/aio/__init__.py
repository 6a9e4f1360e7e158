"""The client for asyncio: the surface of `zoo_client`, with `await` and `async for`.

    async with aio.Client() as zoo:
        samples = await zoo.sample("vae_fashion_mnist", 16, seed=7)
        async for event in zoo.stream_sample("ddpm_fashion_mnist", 4, preview_interval=5):
            ...
        again = await aio.Session(zoo).reproduce(samples[0])

What the arguments mean, and what comes back, stands at the methods of `zoo_client.Client` and `zoo_client.Session`.
"""

from zoo_client.aio.client import Client
from zoo_client.aio.session import Session

__all__ = ["Client", "Session"]
