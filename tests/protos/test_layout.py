"""The protos obey buf and the Google AIPs, stay within what older generators read, and import nothing foreign."""

import pytest
from google.protobuf.descriptor_pb2 import MethodOptions

SERVICES = {
    "CatalogService": ["ListModels", "GetModel"],
    "SamplingService": ["Sample", "StreamSample"],
    "TranslationService": ["Translate", "StreamTranslate"],
    "ScoringService": ["Score", "StreamScore"],
    "LatentService": ["Encode", "Decode", "Interpolate"],
}


@pytest.mark.parametrize("command", [["lint"], ["format", "--diff", "--exit-code"]], ids=["lint", "format"])
def test_buf_finds_nothing(buf, command):
    found = buf(*command)
    assert (found.returncode, found.stdout.decode()) == (0, ""), found.stderr.decode()


def test_buf_lints_by_all_rules_without_exception(folder):
    rules = (folder / "buf.yaml").read_text()
    settings = [line.strip() for line in rules.splitlines() if not line.startswith("#")]
    lint = settings[settings.index("lint:") : settings.index("breaking:")]
    assert lint == ["lint:", "use:", "- STANDARD", "- COMMENTS"]
    assert not [path.name for path in folder.rglob("*.proto") if "buf:lint:ignore" in path.read_text()]


def test_files_lie_in_their_package_and_import_only_google_protobuf(protos):
    for file in protos.files:
        assert file.package == "pixelzoo.v1"
        assert file.name.startswith("pixelzoo/v1/")
        assert all(name.startswith(("google/protobuf/", "pixelzoo/v1/")) for name in file.dependency), (
            file.name
        )
        assert file.syntax == "proto3"  # Debian's protoc is 3.21 and knows no editions
        assert not [message.name for message in file.message_type if message.nested_type or message.enum_type]
        for option in ("go_package", "java_package", "csharp_namespace"):
            assert file.options.HasField(option), (file.name, option)
        assert file.options.java_multiple_files


def test_each_service_has_its_file_and_its_rpcs(protos):
    services = {service.name: (file.name, service) for file in protos.files for service in file.service}
    assert {name: [rpc.name for rpc in service.method] for name, (_, service) in services.items()} == SERVICES
    for name, (file, _) in services.items():
        assert file == f"pixelzoo/v1/{name.removesuffix('Service').lower()}_service.proto"


def test_every_rpc_states_its_idempotency_and_only_stream_rpcs_stream(protos):
    for rpc in protos.rpcs():
        assert rpc.proto.options.idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN, rpc.name
        assert rpc.proto.server_streaming == rpc.proto.name.startswith("Stream"), rpc.name
        assert not rpc.proto.client_streaming, rpc.name


def test_requests_name_their_model_first(protos):
    for name, message in protos.messages():
        if name.endswith("Request") and name != "ListModelsRequest":
            first = message.field[0]
            # A streaming request wraps the plain one.
            assert first.name == "model" or name == f"Stream{first.type_name.rpartition('.')[2]}", name


def test_no_field_is_a_bag_of_anything(protos):
    bags = (".google.protobuf.Struct", ".google.protobuf.Any", ".google.protobuf.Value")
    for field in protos.fields():
        assert field.proto.type_name not in bags, field.name
        assert not field.proto.type_name.endswith("Entry"), f"{field.name} is a map"
