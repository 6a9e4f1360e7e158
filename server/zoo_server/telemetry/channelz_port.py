"""channelz: what gRPC itself knows of its channels and sockets, for debugging, on a loopback port of its own.

Its service shows the addresses of all clients to whoever asks, so it never stands on the port that they use.
"""

import grpc
from grpc_channelz.v1 import channelz

_HOST = "127.0.0.1"


class ChannelzPort:
    """Serves grpc.channelz.v1 for the whole process."""

    def __init__(self) -> None:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        channelz.add_channelz_servicer(self._server)

    async def start(self, port: int) -> None:
        """Raises OSError if the port is taken."""
        try:
            self._server.add_insecure_port(f"{_HOST}:{port}")
        except RuntimeError as error:
            raise OSError(f"cannot listen on {_HOST}:{port}: is the port taken?") from error
        await self._server.start()

    async def close(self) -> None:
        await self._server.stop(None)
