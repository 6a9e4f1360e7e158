"""A client that speaks just enough HTTP/2 to do what gRPC's own would not."""

import socket
import struct

DATA, HEADERS, SETTINGS, PING = 0, 1, 4, 6
ACK, END_STREAM, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4


class Connection:
    """Gives the frames that come, and acknowledges settings and pings while it looks for one."""

    def __init__(self, address, window=65535):
        """`window` is how many bytes of an answer may come before they are asked for."""
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.send(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, window))

    def send(self, kind, flags, stream, payload):
        header = struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream)
        self._socket.sendall(header + payload)

    def watch_health(self):
        headers = {
            b":method": b"POST",
            b":scheme": b"http",
            b":path": b"/grpc.health.v1.Health/Watch",
            b":authority": b"zoo",
            b"te": b"trailers",
            b"content-type": b"application/grpc",
        }
        literals = [
            bytes([0, len(name)]) + name + bytes([len(value)]) + value for name, value in headers.items()
        ]
        self.send(HEADERS, END_HEADERS, 1, b"".join(literals))
        self.send(DATA, END_STREAM, 1, bytes(5))  # An empty message.

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            assert part, "the server has hung up"
            data += part
        return data

    def next(self, kind):
        """The payload of the next frame of that kind that is no acknowledgement."""
        while True:
            header = self._read(9)
            payload = self._read(int.from_bytes(header[:3], "big"))
            found, acknowledges = header[3], header[4] & ACK
            if found in (SETTINGS, PING) and not acknowledges:
                self.send(found, ACK, 0, payload if found == PING else b"")
            if found == kind and not acknowledges:
                return payload

    def close(self):
        self._socket.close()
