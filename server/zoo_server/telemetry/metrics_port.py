"""The HTTP port where Prometheus reads the metrics."""

import asyncio

from prometheus_client import CollectorRegistry, start_http_server


class MetricsPort:
    """Serves what is in a registry, in threads of its own, until it is closed."""

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        """Raises OSError if the port is taken."""
        self._server, self._thread = start_http_server(port, host, registry)

    async def close(self) -> None:
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()
        self._thread.join()
