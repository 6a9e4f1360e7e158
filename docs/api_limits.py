"""The numbers of the API guide that are no part of the protos, from the code that has them."""

from api_markdown import table

from zoo_client import channel
from zoo_server.config import KEEPALIVE_TIMEOUT_MS, PING_INTERVAL_MS, ServerConfig

MEBIBYTE = 2**20
CATALOG_SECONDS = 10
"""They compute nothing, so that a server which takes longer is not well."""


def limits() -> str:
    """Deadlines, message sizes, keepalive and retries, in Markdown."""
    return "\n".join([_deadlines(), _sizes(), _keepalive(), _retries()])


def _deadlines() -> str:
    rows = [
        ("ListModels, GetModel", f"{CATALOG_SECONDS} s: they compute nothing"),
        (
            "all others",
            f"{channel.DEFAULT_TIMEOUT:g} s, as the clients here take if they are told nothing; Go's has its context's",
        ),
    ]
    return f"""\
### Deadlines

Set one on every call: without it, a call may wait for ever. The server works with it: a request that cannot be done in
time, by what it measures and by what waits before it, is refused at once with `DEADLINE_TOO_SHORT`, which says how many
seconds it takes; and work stops within a step when the deadline passes or the caller goes away.

{table(("call", "recommended deadline"), rows)}
Where people wait, take the streaming twins: progress comes as soon as the request is accepted.
"""


def _sizes() -> str:
    server = ServerConfig()
    rows = [
        ("a request", _mebibytes(server.max_message_bytes), "`--max-message-bytes`"),
        (
            "a picture in a request, unless its model's card says less",
            f"{server.max_pixels_per_image} pixels",
            "`--max-pixels-per-image`",
        ),
        (
            "the pictures of a response that is no stream, in bytes of pixels before they are encoded",
            _mebibytes(server.max_response_bytes),
            "`--max-response-bytes`",
        ),
        (
            "a message that the clients of this repository receive",
            _mebibytes(channel.MAX_RECEIVE_BYTES),
            "",
        ),
        ("a message that any other gRPC client receives unless it is told otherwise", "4 MiB", ""),
    ]
    return f"""\
### Message sizes

{table(("what", "at most", "setting of the server"), rows)}
4 MiB are one raw picture of 1024 x 1024 pixels in RGB and a bit. Raise `grpc.max_receive_message_length` (in Go
`MaxCallRecvMsgSize`, in Java `maxInboundMessageSize`), or take a stream, which sends each picture by itself.
"""


def _keepalive() -> str:
    server = ServerConfig()
    options = dict(channel.CHANNEL_OPTIONS)
    rows = [
        (
            "a client asks whether the server is still there, but not without calls (`grpc.keepalive_time_ms`)",
            f"every {_seconds(options['grpc.keepalive_time_ms'])} s",
        ),
        (
            "it gives the server up without a sign (`grpc.keepalive_timeout_ms`)",
            f"after {_seconds(options['grpc.keepalive_timeout_ms'])} s",
        ),
        (
            "the server cuts off clients that ask on a quiet connection more often than",
            f"every {_seconds(PING_INTERVAL_MS)} s",
        ),
        (
            "the server asks, on a quiet connection with calls (`--keepalive-seconds`)",
            f"every {server.keepalive_seconds:g} s",
        ),
        ("it gives a client up without a sign", f"after {_seconds(KEEPALIVE_TIMEOUT_MS)} s"),
        (
            "it closes a connection without calls, which the next call opens again (`--max-idle-seconds`)",
            f"after {server.max_idle_seconds:g} s",
        ),
    ]
    return f"""\
### Keepalive

The clients of this repository are set so, and others had better be:

{table(("what", "how"), rows)}"""


def _retries() -> str:
    [policy] = channel.SERVICE_CONFIG["methodConfig"]
    retry = policy["retryPolicy"]
    codes = " and ".join(f"`{code}`" for code in retry["retryableStatusCodes"])
    return f"""\
### Retries

Every RPC may be sent again; give a seed if the same pictures are to come. The clients of this repository send a call
again by themselves for {codes}, and a stream only if nothing of it has come: {retry["maxAttempts"]} attempts,
with waits of {retry["initialBackoff"]} and more, up to {retry["maxBackoff"]}, between them.
That of Python also goes on with a stream where it broke off, and after any other error that has a RetryInfo waits as
long as it says and asks again (`retries=`); with the other clients that is for the caller to do.
"""


def _mebibytes(size: int) -> str:
    count, rest = divmod(size, MEBIBYTE)
    if rest:
        raise ValueError(f"{size} bytes are no whole MiB")
    return f"{count} MiB"


def _seconds(milliseconds: int | str) -> str:
    return f"{int(milliseconds) / 1000:g}"
