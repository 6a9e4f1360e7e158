"""Compares the files of a version with the digests on its card."""

import hashlib
from pathlib import Path, PurePosixPath

from pixelzoo.v1 import card_pb2
from zoo_server.repository.contract import CARD_PATH, ContractError


def verify_files(folder: Path, card: card_pb2.ModelCard) -> str:
    """The digest of the version, once each file in `folder` but the card is as its card says; else ContractError.

    The digest is the SHA-256 of the lines "path NUL sha256 newline", sorted by path: equal digests, equal weights.
    """
    expected = {file.path: file for file in card.files}
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() or path.is_symlink()
    } - {CARD_PATH}
    for path in sorted(expected.keys() - found):
        # What a card names is only ever compared with what is there, so a path like "../x" ends here as well.
        raise ContractError(f"file {path!r} of the card is missing from the folder")
    for path in sorted(found - expected.keys()):
        raise ContractError(f"file {path!r} is in the folder but not on the card: remove it, or export again")
    lines = []
    for path in sorted(expected):
        file = folder / PurePosixPath(path)
        size = file.stat().st_size
        if size != expected[path].size_bytes:
            raise ContractError(
                f"file {path!r} has {size} bytes and the card says {expected[path].size_bytes}: it is damaged"
            )
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        if sha256 != expected[path].sha256:
            raise ContractError(
                f"file {path!r} has another SHA-256 than the card says: it is damaged or changed"
            )
        lines.append(f"{path}\0{sha256}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()
