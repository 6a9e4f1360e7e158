"""ListModels and GetModel."""

import json

from google.protobuf import json_format

from pixelzoo.v1 import card_pb2
from pixelzoo.v1.catalog_service_pb2 import MODEL_STATE_AVAILABLE, GetModelRequest, ListModelsRequest
from pixelzoo.v1.model_pb2 import ModelSelector

ALL = ["blobs", "mirror", "ripples", "slow", "tiles", "trap"]


def test_all_models_by_name(api):
    response = api.catalog.ListModels(ListModelsRequest())
    assert [model.name for model in response.models] == ALL
    assert not response.next_page_token


def test_pages(api):
    names, token = [], ""
    for size in (2, 2, 2):
        response = api.catalog.ListModels(ListModelsRequest(page_size=size, page_token=token))
        names += [model.name for model in response.models]
        token = response.next_page_token
    assert names == ALL
    assert not token


def test_a_large_page_is_cut_not_refused(api):
    assert len(api.catalog.ListModels(ListModelsRequest(page_size=10**6)).models) == len(ALL)


def test_get_model_gives_the_card_as_it_stands_in_the_folder(api, models):
    model = api.catalog.GetModel(GetModelRequest(model=ModelSelector(name="ripples"))).model
    text = (models / "ripples/1/assets.extra/card.json").read_text()
    assert model.card == json_format.Parse(text, card_pb2.ModelCard())
    assert (model.name, model.version) == ("ripples", 1)
    [status] = model.versions
    assert (status.version, status.state, status.message) == (1, MODEL_STATE_AVAILABLE, "")
    assert status.digest == model.digest


def test_the_digest_can_be_worked_out_from_the_card(api, models):
    import hashlib

    card = json.loads((models / "blobs/1/assets.extra/card.json").read_text())
    lines = "".join(
        f"{file['path']}\0{file['sha256']}\n" for file in sorted(card["files"], key=lambda f: f["path"])
    )
    model = api.catalog.GetModel(GetModelRequest(model=ModelSelector(name="blobs"))).model
    assert model.digest == hashlib.sha256(lines.encode()).hexdigest()
