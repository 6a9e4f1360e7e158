"""Who calls, what they may call, and how much of it: by tokens, or else by addresses. Health checks are open to all."""

import ipaddress
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from typing import Any

import grpc

from zoo_server.errors import permission_denied, unauthenticated
from zoo_server.interceptors.handlers import Context, wrap
from zoo_server.interceptors.layers import Layer
from zoo_server.interceptors.peers import kind_and_host
from zoo_server.interceptors.requested_model import requested_model
from zoo_server.interceptors.side_services import HEALTH, SIDE_SERVICES
from zoo_server.quota import Meter, Quota
from zoo_server.tokens import Token, Tokens

_HEADER, _SCHEME = "authorization", "bearer "
_IPV6_PREFIX = 64
"""One client has as many IPv6 addresses as it likes, but they share this many bits."""

_holds: ContextVar[Token] = ContextVar("token")
"""The token of the call being answered; `admit` has found it."""


class CallersLayer(Layer):
    """Put it within the one that sends errors. `tokens` None stands for a server that everyone may call."""

    def __init__(self, tokens: Tokens | None, peer_quota: Quota) -> None:
        self._tokens = tokens
        self._peer_quota = peer_quota
        self._meter = Meter()

    def admit(self, details: grpc.HandlerCallDetails) -> None:
        method = str(details.method)
        if self._tokens is not None and not method.startswith(HEALTH):
            token = _token_of(self._tokens, details.invocation_metadata)
            _check_service(token, method)
            _holds.set(token)

    def around(self, handler: Any, method: str) -> Any:
        # Balancers and supervisors ask for health without a token; it tells no more than what serves, by its name.
        if method.startswith(HEALTH):
            return handler
        if self._tokens is not None:
            return wrap(handler, self._as_holder)
        return wrap(handler, self._as_peer) if self._peer_quota != Quota() else handler

    async def _as_holder(self, request: Any, context: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
        token = _holds.get()
        _check_model(token, request)
        with self._meter.call(f"token:{token.name}", token.quota):
            return await proceed()

    async def _as_peer(self, request: Any, context: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
        with self._meter.call(f"peer:{address_of(context.peer())}", self._peer_quota):
            return await proceed()


def _token_of(tokens: Tokens, metadata: Iterable[tuple[str, str | bytes]]) -> Token:
    values = [value for key, value in metadata or () if key == _HEADER]
    if len(values) != 1 or not isinstance(values[0], str) or not values[0].lower().startswith(_SCHEME):
        raise unauthenticated(
            "this server asks for a token: send it as metadata `authorization: Bearer TOKEN`"
        )
    token = tokens.find(values[0][len(_SCHEME) :].strip())
    if token is None:
        raise unauthenticated("this token is none of this server's: ask its operator for one")
    return token


def _check_service(token: Token, method: str) -> None:
    if token.services is None or method.startswith(SIDE_SERVICES):
        return
    name = method.removeprefix("/").partition("/")[0].rpartition(".")[2]
    if name not in token.services:
        raise permission_denied(token.name, f"service:{name}")


def _check_model(token: Token, request: Any) -> None:
    if token.models is None:
        return
    # A request without a model lists them, or is about to be refused as invalid.
    model = requested_model(request)
    if model and model not in token.models:
        raise permission_denied(token.name, f"model:{model[:128]}")


def address_of(peer: str) -> str:
    """The address in what gRPC says of a peer, such as "ipv4:10.0.0.7:41234", without its port."""
    _, host = kind_and_host(peer)
    if host is None:
        return peer
    host = host.partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
