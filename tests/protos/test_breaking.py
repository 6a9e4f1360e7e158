"""What worked with the last release goes on to work: buf compares the protos with those that it had."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

RELEASED = "released.binpb"


def breaking(protos: Path, against: Path) -> subprocess.CompletedProcess[str]:
    executable = Path(sys.executable).with_name("buf")
    command = [executable, "breaking", protos, "--against", against]
    return subprocess.run(command, capture_output=True, text=True)


def changed(folder: Path, target: Path, file: str, old: str, new: str) -> Path:
    """A copy of the protos in which one line is another."""
    copy = shutil.copytree(folder, target / "protos")
    path = copy / "pixelzoo/v1" / file
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return copy


def test_the_protos_break_nothing_that_was_released(folder):
    found = breaking(folder, folder / RELEASED)
    assert (found.returncode, found.stdout) == (0, ""), found.stderr


def test_the_image_has_all_services_and_no_comments(folder, protos):
    # An image of buf is a FileDescriptorSet, with more fields that this does not know.
    image = FileDescriptorSet.FromString((folder / RELEASED).read_bytes())
    services = {service.name for file in image.file for service in file.service}
    assert {"CatalogService", "SamplingService", "TranslationService", "ScoringService"} <= services
    assert not any(file.HasField("source_code_info") for file in image.file)


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("sampling_service.proto", "uint32 count = 2;", "uint32 count = 12;", '"2" with name "count"'),
        ("sampling_service.proto", "uint32 count = 2;", "uint32 number = 2;", '"count" to "number"'),
        ("sampling_service.proto", "uint32 count = 2;", "uint64 count = 2;", '"uint32" to "uint64"'),
        (
            "image.proto",
            "IMAGE_ENCODING_RAW = 3;",
            "IMAGE_ENCODING_RAW = 4;",
            'value "3" on enum "ImageEncoding"',
        ),
        ("catalog_service.proto", "rpc GetModel(", "rpc FindModel(", 'RPC "GetModel"'),
        ("model.proto", 'java_package = "com.pixelzoo.v1"', 'java_package = "org.v1"', '"java_package"'),
    ],
    ids=["renumbered", "renamed", "retyped", "enum value", "rpc", "package"],
)
def test_a_change_that_breaks_callers_is_reported(folder, tmp_path, file, old, new, complaint):
    found = breaking(changed(folder, tmp_path, file, old, new), folder / RELEASED)
    assert found.returncode != 0
    assert file in found.stdout
    assert complaint in found.stdout


def test_so_is_an_rpc_that_is_no_longer_safe_to_send_again(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "protos")
    path = copy / "pixelzoo/v1/scoring_service.proto"
    path.write_text(path.read_text().replace("NO_SIDE_EFFECTS", "IDEMPOTENCY_UNKNOWN"))
    found = breaking(copy, folder / RELEASED)
    assert found.returncode != 0
    assert '"idempotency_level"' in found.stdout


def test_a_new_field_is_welcome(folder, tmp_path):
    old = "uint32 preview_interval = 2;\n}\n\n// One piece of news"
    new = old.replace("2;\n}", "2;\n  // OPTIONAL. New.\n  bool new = 3;\n}")
    found = breaking(changed(folder, tmp_path, "sampling_service.proto", old, new), folder / RELEASED)
    assert (found.returncode, found.stdout) == (0, ""), found.stderr


def test_lint_compares_with_the_release(folder):
    planned = subprocess.run(
        ["make", "-C", folder.parent, "--dry-run", "lint"], capture_output=True, text=True
    )
    assert "buf breaking protos --against protos/released.binpb\n" in planned.stdout
