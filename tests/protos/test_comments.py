"""Every field tells a programmer of any language what it takes: whether it must be set, its range, default and unit."""

import re
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

# The grammar of a field's comment (CONTRIBUTING.md shows it with an example).
COMMENT = re.compile(
    r"(?P<behaviour>REQUIRED|OPTIONAL|OUTPUT_ONLY)\. "
    r"(?P<text>[A-Z\"].*\.) "
    r"Range: (?P<range>[^;]+); default: (?P<default>[^;]+); unit: (?P<unit>[^;.]+)\."
)
NUMBERS = {
    Field.TYPE_INT32,
    Field.TYPE_INT64,
    Field.TYPE_UINT32,
    Field.TYPE_UINT64,
    Field.TYPE_FLOAT,
    Field.TYPE_DOUBLE,
}


def test_every_field_states_range_default_and_unit(protos):
    wrong = [field.name for field in protos.fields() if not COMMENT.fullmatch(field.comment)]
    assert not wrong
    assert sum(1 for _ in protos.fields()) > 150  # the walk really found them


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "Seed of the first item.",
        "OPTIONAL. Seed. Range: 0 to 9; default: 0.",
        "OPTIONAL. Seed. Range: 0 to 9; unit: none; default: 0.",
        "OPTIONAL. Range: 0 to 9; default: 0; unit: none.",
        "OPTIONAL. Seed. Range: ; default: 0; unit: none.",
        "SOMETIMES. Seed. Range: 0 to 9; default: 0; unit: none.",
    ],
)
def test_the_grammar_refuses_a_comment_that_leaves_something_out(comment):
    assert not COMMENT.fullmatch(comment)


def test_fields_of_requests_are_required_or_optional_and_all_others_output_only(protos):
    messages = dict(protos.messages())
    asked = set(_reachable(messages, [name for name in messages if name.endswith("Request")]))
    for field in protos.fields():
        output_only = COMMENT.fullmatch(field.comment)["behaviour"] == "OUTPUT_ONLY"
        assert output_only == (field.name.split(".")[0] not in asked), field.name


def test_a_number_of_a_request_that_does_not_default_to_zero_can_be_left_unset(protos):
    # Otherwise a client could not ask for 0, or would ask for it by not asking.
    messages = dict(protos.messages())
    asked = set(_reachable(messages, [name for name in messages if name.endswith("Request")]))
    seen = 0
    for field in protos.fields():
        single = field.proto.type in NUMBERS and field.proto.label != Field.LABEL_REPEATED
        if field.name.split(".")[0] in asked and single and not field.proto.HasField("oneof_index"):
            seen += 1
            assert re.match(r"0\b", COMMENT.fullmatch(field.comment)["default"]), field.name
    assert seen


def _reachable(messages: dict, roots: list[str]) -> Iterator[str]:
    """Names of the messages that those in `roots` contain, at any depth, themselves included."""
    found, waiting = set(), list(roots)
    while waiting:
        name = waiting.pop()
        if name in messages and name not in found:
            found.add(name)
            waiting += [field.type_name.rpartition(".")[2] for field in messages[name].field]
    yield from found
