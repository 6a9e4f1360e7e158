"""How the client connects, seen from a server that counts and measures its calls."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import grpc
import pytest

from pixelzoo.v1 import card_pb2, catalog_service_pb2, catalog_service_pb2_grpc
from zoo_client import Client, aio, channel, errors


class Catalog(catalog_service_pb2_grpc.CatalogServiceServicer):
    """Refuses the first `refusals` calls with `code`, and then gives pages of one model with a long description."""

    def __init__(self) -> None:
        self.calls = 0
        self.refusals = 0
        self.code = grpc.StatusCode.UNAVAILABLE
        self.authorizations: list[str | bytes | None] = []
        self.begun, self.may_end = threading.Event(), threading.Event()

    def GetModel(self, request, context):
        self.begun.set()
        self.may_end.wait(60)
        return catalog_service_pb2.GetModelResponse()

    def ListModels(self, request, context):
        self.calls += 1
        self.authorizations.append(dict(context.invocation_metadata()).get("authorization"))
        if self.calls <= self.refusals:
            context.abort(self.code, "not now")
        page = int(request.page_token or 0)
        card = card_pb2.ModelCard(contract_version=1, description="x" * (6 << 20))
        return catalog_service_pb2.ListModelsResponse(
            models=[catalog_service_pb2.Model(name=f"model_{page}", card=card)],
            next_page_token=str(page + 1) if page < 2 else "",
        )


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def address(catalog: Catalog) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(4))
    catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(catalog, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    catalog.may_end.set()
    server.stop(None)


@pytest.fixture
def zoo(address: str) -> Iterator[Client]:
    with Client(address) as client:
        yield client


def test_every_page_is_read_and_messages_may_be_larger_than_grpcs_own_limit(
    zoo: Client, catalog: Catalog
) -> None:
    assert [model.name for model in zoo.models()] == ["model_0", "model_1", "model_2"]
    assert catalog.calls == 3


def test_a_server_that_is_not_available_is_asked_again(zoo: Client, catalog: Catalog) -> None:
    catalog.refusals = 2
    assert len(zoo.models()) == 3
    assert catalog.calls == 5


def test_a_server_that_fails_many_calls_at_once_is_asked_again_by_all(zoo: Client, catalog: Catalog) -> None:
    catalog.refusals = 16
    with ThreadPoolExecutor(8) as callers:
        assert [len(models) for models in callers.map(lambda _: zoo.models(), range(8))] == [3] * 8
    assert catalog.calls == 16 + 3 * 8


def test_but_not_for_ever(zoo: Client, catalog: Catalog) -> None:
    catalog.refusals = 100
    with pytest.raises(errors.ServerUnreachable, match="not now"):
        zoo.models()
    assert catalog.calls == 4


def test_other_refusals_are_final(zoo: Client, catalog: Catalog) -> None:
    catalog.refusals, catalog.code = 1, grpc.StatusCode.RESOURCE_EXHAUSTED
    with pytest.raises(errors.ZooError, match="answered RESOURCE_EXHAUSTED: not now"):
        zoo.models()
    assert catalog.calls == 1


def test_it_does_not_ping_more_often_than_servers_allow() -> None:
    assert dict(channel.CHANNEL_OPTIONS)["grpc.keepalive_time_ms"] >= 60_000


def test_a_token_goes_with_every_call(address: str, catalog: Catalog) -> None:
    with Client(address, token="pxz_secret") as client:
        client.models()

    async def from_a_loop() -> None:
        async with aio.Client(address, token="pxz_secret") as client:
            await client.models()

    asyncio.run(from_a_loop())
    with Client(address) as client:
        client.models()
    assert catalog.authorizations == ["Bearer pxz_secret"] * 6 + [None] * 3


@pytest.mark.parametrize(
    "target",
    [
        "zoo.example:50051",
        "192.168.1.2:1",
        "dns:///zoo.example:1",
        "localhost.evil:1",
        "127.0.0.1:1,10.0.0.1:1",
    ],
)
def test_a_token_never_goes_in_the_clear_to_another_machine(target: str) -> None:
    for kind in (Client, aio.Client):
        with pytest.raises(errors.InsecureToken, match="unencrypted: use TLS") as caught:
            kind(target, token="pxz_secret")
        assert "pxz_secret" not in str(caught.value)
        assert (caught.value.code, caught.value.reason) == ("UNAUTHENTICATED", "INSECURE_TOKEN")
    credentials = grpc.ssl_channel_credentials()
    Client(target, token="pxz_secret", credentials=credentials, server_name="zoo.example").close()
    Client(target).close()


@pytest.mark.parametrize(
    "target",
    [
        "localhost:1",
        "127.0.0.1:1",
        "127.8.8.8:1",
        "[::1]:1",
        "dns:///localhost:1",
        "unix:/x",
        "[::1]:1,[::1]:2",
    ],
)
def test_on_this_machine_it_may(target: str) -> None:
    assert channel.authorization("pxz_secret", target, encrypted=False)


def test_a_call_to_this_machine_takes_no_way_over_a_proxy(
    address: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0.2)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("no_grpc_proxy", raising=False)
        with Client(address, token="secret", timeout=10) as zoo:
            zoo.models()
        with pytest.raises(TimeoutError):
            proxy.accept()


@pytest.mark.parametrize("token", ["two\nlines", "schl\u00fcssel", "tab\t"])
def test_what_no_token_can_be_is_named(token: str) -> None:
    with pytest.raises(errors.InvalidSetting, match="token"):
        Client("localhost:1", token=token)


@pytest.mark.parametrize("timeout", [float("inf"), float("nan"), -1.0])
def test_what_is_no_time_is_named(zoo: Client, timeout: float) -> None:
    with pytest.raises(errors.InvalidSetting, match="timeout"):
        zoo.models(timeout=timeout)


@pytest.mark.parametrize("timeout", [1e10, 1e300, 10**30])
def test_a_timeout_may_be_however_large(zoo: Client, timeout: float) -> None:
    assert len(zoo.models(timeout=timeout)) == 3


CALLS: list[Callable[[Any], Any]] = [
    lambda zoo: zoo.models(),
    lambda zoo: zoo.sample("m"),
    lambda zoo: list(zoo.stream_sample("m")),
]


@pytest.mark.parametrize("call", CALLS, ids=["models", "sample", "stream"])
def test_a_closed_client_says_so(address: str, catalog: Catalog, call: Callable[[Any], Any]) -> None:
    client = Client(address)
    catalog.may_end.set()
    client.model("m")  # Now it calls at once what is asked for.
    client.close()
    client.close()
    with pytest.raises(errors.ClientClosed, match="the client is closed") as caught:
        call(client)
    assert isinstance(caught.value, errors.ZooError)
    assert catalog.calls == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_closed_client_of_asyncio_says_so(address: str, catalog: Catalog, stream: bool) -> None:
    async def calls() -> None:
        client = aio.Client(address)
        catalog.may_end.set()
        await client.model("m")
        await client.close()
        await client.close()
        with pytest.raises(errors.ClientClosed, match="the client is closed"):
            await (anext(client.stream_sample("m")) if stream else client.sample("m"))

    asyncio.run(calls())


def test_closing_ends_a_call_in_its_midst(address: str, catalog: Catalog) -> None:
    client = Client(address)
    with ThreadPoolExecutor(1) as callers:
        call = callers.submit(client.model, "m")
        assert catalog.begun.wait(60)
        client.close()
        with pytest.raises(errors.ClientClosed):
            call.result(60)


async def once_cancelled(call: Awaitable[Any]) -> Any:
    """Awaits the call after a cancellation that it survives."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    return await call


def test_closing_ends_a_task_in_its_midst_and_does_not_look_like_its_cancellation(
    address: str, catalog: Catalog
) -> None:
    async def calls() -> None:
        client = aio.Client(address)
        task = asyncio.create_task(client.model("m"))
        assert await asyncio.to_thread(catalog.begun.wait, 60)
        await client.close()
        with pytest.raises(errors.ClientClosed):
            await task

        catalog.begun.clear()
        client = aio.Client(address)
        task = asyncio.create_task(once_cancelled(client.model("m")))
        await asyncio.sleep(0)
        task.cancel()
        assert await asyncio.to_thread(catalog.begun.wait, 60)
        await client.close()
        with pytest.raises(errors.ClientClosed):
            await task

        catalog.begun.clear()
        async with aio.Client(address) as other:
            cancelled = asyncio.create_task(other.model("m"))
            assert await asyncio.to_thread(catalog.begun.wait, 60)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled

    asyncio.run(calls())
