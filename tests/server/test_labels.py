"""Labels: names of versions that move, from a small file beside them."""

import json
import shutil

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from pixelzoo.v1.catalog_service_pb2 import GetModelRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from zoo_server.repository.labels import read_labels
from zoo_server.repository.model import FailedModel, LoadedModel, LoadingModel, UnloadedModel
from zoo_server.repository.repository import Repository
from zoo_server.repository.shelf import Shelf


class TestShelf:
    """Which versions are kept, and where labels point, without a file or a model."""

    @pytest.fixture
    def shelf(self):
        """Versions 1 to 4 loaded, of which 2 are to be kept."""
        shelf = Shelf(kept=2)
        for number in (1, 2, 3, 4):
            shelf.put(loaded(number))
        return shelf

    def test_the_highest_are_kept(self, shelf):
        assert shelf.surplus() == [1, 2]
        assert shelf.missing() == []

    def test_what_has_a_label_is_kept_first_and_in_any_number(self, shelf):
        shelf.set_labels({"stable": 1})
        assert shelf.surplus() == [2, 3]
        shelf.set_labels({"stable": 1, "canary": 2, "old": 3})
        assert shelf.surplus() == []

    def test_what_is_to_be_loaded_drives_out_nothing_yet(self, shelf):
        shelf.remove(1)
        shelf.remove(2)
        shelf.put(LoadingModel("m", 5))
        assert (shelf.missing(), shelf.surplus()) == ([5], [])
        shelf.put(loaded(5))
        assert (shelf.missing(), shelf.surplus()) == ([], [3])

    def test_in_the_place_of_what_failed_comes_the_next_highest(self):
        shelf = Shelf(kept=1)
        for number in (1, 2):
            shelf.put(UnloadedModel("m", number))
        assert shelf.missing() == [2]
        shelf.put(FailedModel("m", 2, "why"))
        assert shelf.missing() == [1]

    def test_the_default_is_the_highest_that_can_be_called_else_the_one_that_soon_can_be(self):
        shelf = Shelf(kept=2)
        shelf.put(FailedModel("m", 3, "why"))
        assert shelf.default.number == 3
        shelf.put(LoadingModel("m", 2))
        assert shelf.default.number == 2
        shelf.put(loaded(1))
        assert shelf.default.number == 1

    def test_a_label_stays_until_the_version_that_it_moves_to_is_there(self, shelf):
        shelf.set_labels({"stable": 4})
        shelf.set_labels({"stable": 5})
        assert shelf.labels == {"stable": 4}
        shelf.put(LoadingModel("m", 5))
        assert shelf.labels == {"stable": 4}
        shelf.put(loaded(5))
        assert shelf.labels == {"stable": 5}
        shelf.set_labels({})
        assert shelf.labels == {}


def loaded(number):
    from pixelzoo.v1.model_pb2 import ModelVersion

    return LoadedModel(ModelVersion(name="m", version=number), None, {}, {}, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read as JSON"),
        ("[3]", "must be an object"),
        ('{"Stable": 3}', "label 'Stable' must be 1 to 128 characters"),
        ('{"stable": "3"}', "must stand for a version"),
        ('{"stable": true}', "must stand for a version"),
        ('{"stable": 0}', "must stand for a version"),
        (json.dumps({f"l{n}": 1 for n in range(17)}), "at most 16 labels"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path, text, says):
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(ValueError, match=says):
        read_labels(tmp_path)


def test_no_file_is_no_labels(tmp_path):
    assert read_labels(tmp_path) == {}


def test_a_request_chooses_by_label(models, tmp_path, start_server, connect, caplog):
    folder = tmp_path / "blobs"
    for version in ("1", "2"):
        shutil.copytree(models / "blobs" / "1", folder / version)
    labels = folder / "labels.json"
    labels.write_text('{"stable": 1, "canary": 2}')
    live = start_server(Repository.load(tmp_path), model_poll_seconds=0)
    api = connect(live.address)

    def answers(label):
        selector = ModelSelector(name="blobs", version_label=label)
        return api.sampling.Sample(SampleRequest(model=selector)).images[0].recipe.version

    def refused(label):
        with pytest.raises(grpc.RpcError) as caught:
            answers(label)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        info = error_details_pb2.ErrorInfo()
        assert rpc_status.from_call(caught.value).details[0].Unpack(info)
        assert info.reason == "VERSION_NOT_FOUND"
        return caught.value.details()

    assert (answers("stable"), answers("canary")) == (1, 2)
    model = api.catalog.GetModel(GetModelRequest(model=ModelSelector(name="blobs"))).model
    assert [(one.version, list(one.labels)) for one in model.versions] == [(2, ["canary"]), (1, ["stable"])]
    assert "has the label 'beta'; its labels are: canary, stable" in refused("beta")

    labels.write_text('{"stable": 2')
    for _ in range(2):
        live.run(live.app.lifecycle.poll())
    assert answers("stable") == 1
    assert caplog.text.count("labels.json of model blobs is wrong, and the labels stay") == 1

    labels.write_text('{"stable": 2, "next": 7}')
    live.run(live.app.lifecycle.poll())
    assert answers("stable") == 2
    assert "has no version 7; it has: 2, 1" in refused("next")
    assert "its labels are: next, stable" in refused("canary")
