"""How the client connects, seen from a server that counts and measures its calls."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from pixelzoo.v1 import card_pb2, catalog_service_pb2, catalog_service_pb2_grpc
from zoo_client import Client, channel, errors


class Catalog(catalog_service_pb2_grpc.CatalogServiceServicer):
    """Refuses the first `refusals` calls with `code`, and then gives pages of one model with a long description."""

    def __init__(self) -> None:
        self.calls = 0
        self.refusals = 0
        self.code = grpc.StatusCode.UNAVAILABLE

    def ListModels(self, request, context):
        self.calls += 1
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
def zoo(catalog: Catalog) -> Iterator[Client]:
    server = grpc.server(ThreadPoolExecutor(2))
    catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(catalog, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Client(f"127.0.0.1:{port}") as client:
        yield client
    server.stop(None)


def test_every_page_is_read_and_messages_may_be_larger_than_grpcs_own_limit(
    zoo: Client, catalog: Catalog
) -> None:
    assert [model.name for model in zoo.models()] == ["model_0", "model_1", "model_2"]
    assert catalog.calls == 3


def test_a_server_that_is_not_available_is_asked_again(zoo: Client, catalog: Catalog) -> None:
    catalog.refusals = 2
    assert len(zoo.models()) == 3
    assert catalog.calls == 5


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


def test_the_target_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXELZOO_TARGET", "example.test:1")
    assert channel.default_target() == "example.test:1"
    monkeypatch.delenv("PIXELZOO_TARGET")
    assert channel.default_target() == "localhost:50051"
