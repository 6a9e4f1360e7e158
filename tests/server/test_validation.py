"""The validation table is complete, and says what the comments of the protos say."""

import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor

from pixelzoo.v1 import (
    capability_pb2,
    catalog_service_pb2,
    image_pb2,
    latent_service_pb2,
    model_pb2,
    options_pb2,
    sampling_service_pb2,
    scoring_service_pb2,
    translation_service_pb2,
)
from zoo_server import validation
from zoo_server.call_error import CallError
from zoo_server.options import OptionRules

PROTOS = Path(__file__).parents[2] / "protos"
SERVICES = [
    catalog_service_pb2,
    latent_service_pb2,
    sampling_service_pb2,
    scoring_service_pb2,
    translation_service_pb2,
]
FILES = [*SERVICES, image_pb2, model_pb2, options_pb2]
MESSAGES = {
    message.name: message for file in FILES for message in file.DESCRIPTOR.message_types_by_name.values()
}
REQUESTS = {name: message for name, message in MESSAGES.items() if name.endswith("Request")}


def comment(field):
    """The lines above a field in its proto file."""
    text = (PROTOS / field.file.name).read_text()
    body = re.search(rf"^message {field.containing_type.name} {{\n(.*?)^}}", text, re.DOTALL | re.MULTILINE)[
        1
    ]
    lines = []
    for line in body.splitlines():
        if re.search(rf"\b{field.name} = {field.number}\b", line):
            return " ".join(lines)
        lines = [*lines, line.strip().removeprefix("//").strip()] if line.strip().startswith("//") else []
    raise AssertionError(field.full_name)


@pytest.mark.parametrize("key", validation.TABLE)
def test_every_row_is_of_a_field(key):
    message, name = key.split(".")
    assert name in MESSAGES[message].fields_by_name


@pytest.mark.parametrize("name", REQUESTS)
def test_every_required_field_of_a_request_is_in_the_table(name):
    for field in REQUESTS[name].fields:
        required = comment(field).startswith("REQUIRED")
        rows = validation.TABLE.get(f"{name}.{field.name}", ())
        assert required == any(isinstance(rule, validation.Required) for rule in rows), field.full_name


@pytest.mark.parametrize("name", REQUESTS)
def test_every_plain_field_of_a_request_has_a_row(name):
    free = {"preview_interval", "page_token"}  # Checked against the card, and by being read.
    ruled_by_type = (FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_BOOL)
    for field in REQUESTS[name].fields:
        if field.type in ruled_by_type or field.name in free:
            continue
        assert f"{name}.{field.name}" in validation.TABLE, field.full_name


NUMBERS = [
    (key, rule)
    for key, rules in validation.TABLE.items()
    for rule in rules
    if isinstance(rule, validation.Between)
]


@pytest.mark.parametrize(("key", "rule"), NUMBERS, ids=[key for key, _ in NUMBERS])
def test_the_table_says_what_the_comment_says(key, rule):
    message, name = key.split(".")
    words = comment(MESSAGES[message].fields_by_name[name])
    low = re.search(r"Range: (-?\d+)", words)
    assert low is None or rule.low == int(low[1])
    assert rule.high is None or str(rule.high).replace(str(2**63 - 1), "2^63 - 1") in words


KINDS = {
    "SampleOptions": capability_pb2.CAPABILITY_KIND_SAMPLE,
    "TranslateOptions": capability_pb2.CAPABILITY_KIND_TRANSLATE,
    "ScoreOptions": capability_pb2.CAPABILITY_KIND_SCORE,
}


def option_for(field):
    """A card's option that the field can carry."""
    option = capability_pb2.Option(name=field.name)
    match field.type:
        case FieldDescriptor.TYPE_UINT32:
            option.integer.max = 1
        case FieldDescriptor.TYPE_FLOAT:
            option.real.max = 1
        case FieldDescriptor.TYPE_ENUM:
            option.choice.choices.add(name="one", number=1)
            option.choice.default_number = 1
        case _:
            option.image.shape.CopyFrom(image_pb2.ImageShape(height=1, width=1, channels=1))
    return option


@pytest.mark.parametrize("name", KINDS)
def test_every_family_that_the_protos_name_takes_the_member_that_names_it(name):
    """A member's comment ends with its families, as in "For diffusion models: ddpm."."""
    for member in MESSAGES[name].oneofs_by_name["family"].fields:
        families = re.search(r": ([a-z_, ]+)\.", comment(member).removeprefix("OPTIONAL."))
        options = [option_for(field) for field in member.message_type.fields]
        capability = capability_pb2.Capability(kind=KINDS[name], options=options)
        for family in families[1].split(", ") if families else ():
            message = getattr(options_pb2, name)()
            OptionRules(capability, family)  # Does not raise: some member has the options.
            getattr(message, member.name).SetInParent()
            OptionRules(capability, family).resolve(message)


@pytest.fixture
def visited(monkeypatch):
    """How many numbers and texts were held against a rule, by what the table says of them."""
    seen = []
    for rule in (validation.Between, validation.Text):

        def watched(self, value, broken_by=rule.broken_by):
            seen.append(value)
            return broken_by(self, value)

        monkeypatch.setattr(rule, "broken_by", watched)
    return seen


def refusal(request):
    with pytest.raises(CallError) as caught:
        validation.check(request)
    [bad_request] = caught.value.details
    return bad_request.field_violations


def raw(*shape):
    tensor = image_pb2.RawTensor(data=b"x", shape=shape, data_type=image_pb2.DATA_TYPE_UINT8)
    return image_pb2.Image(raw=tensor)


def score(**fields):
    return scoring_service_pb2.ScoreRequest(model=model_pb2.ModelSelector(name="vae"), **fields)


def test_a_long_shape_is_not_looked_through(visited):
    found = refusal(score(images=[raw(*[0] * 65535)] * 16))
    assert [one.field for one in found] == [f"images[{index}].raw.shape" for index in range(16)]
    assert "at most 8 entries" in found[0].description
    assert visited == ["vae"]


def test_nothing_is_looked_at_past_the_last_violation_that_is_told(visited):
    assert len(refusal(score(images=[raw(1)], labels=[-2] * 65535))) == 16
    assert len(visited) == 18  # The name, the one axis, and the first labels.


def test_what_is_looked_through_of_a_sound_request_is_bounded(visited):
    validation.check(score(images=[raw(1, 1, 1)] * 4096, labels=[0] * 65535))
    visited.clear()
    [found] = refusal(score(images=[raw(1, 1, 1)] * 65535))
    assert "131072 values" in found.description
    assert "split it" in found.description
    assert len(visited) < 2**17
