"""The examples of the API guide: the marked parts of the tour programs, which tests run against a server."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from api_markdown import link

CLIENTS = Path(__file__).resolve().parent.parent / "client"

_PART = re.compile(r"^[ \t]*(?://|#) \[(\w+)\]\n(.*?)^[ \t]*(?://|#) \[/\1\]$", re.MULTILINE | re.DOTALL)
_IMPORTS = re.compile(r"^import (?:\(\n.*?^\)|[^\n]*;)$", re.MULTILINE | re.DOTALL)
"""As Go and Java have them before the program."""


@dataclass(frozen=True)
class Tour:
    """The program of one language that calls every RPC once. `fence` is what Markdown calls the language.

    `names` are what a part makes for those after it, by the part; `place` says where the parts stand
    in the program.
    """

    language: str
    fence: str
    path: Path
    names: Mapping[str, Sequence[str]]
    place: str

    def part(self, name: str) -> str:
        """One of its parts. Raises ValueError where there is none."""
        parts = self.parts()
        if name not in parts:
            raise ValueError(f"{self.path} has no part [{name}] ... [/{name}]: add one that calls it")
        return parts[name]

    def parts(self) -> dict[str, str]:
        """The marked parts of the program by their names: those of the RPCs, and Connect."""
        found = _PART.findall(self.path.read_text())
        return {name: textwrap.dedent(text).strip("\n") + "\n" for name, text in found}

    def imports(self) -> str:
        """Those that stand before the parts; where Connect has them, none."""
        found = _IMPORTS.findall(_PART.sub("", self.path.read_text()))
        return "".join(f"{line}\n" for line in found)

    def sources(self) -> str:
        """In words, where every name comes from. Raises ValueError for one that its part does not make."""
        for part, names in self.names.items():
            for name in names:
                if not re.search(rf"\b{name}\b", self.part(part)):
                    raise ValueError(
                        f"{self.path} has no {name!r} in its part [{part}]: say where it comes from"
                    )
        return "; ".join(
            f"{', '.join(f'`{name}`' for name in names)} from {link(part)}"
            for part, names in self.names.items()
        )


_PICTURES = {"Sample": ["sneaker"], "Translate": ["boot"]}
_MODULE = "at the top level of an ES module (`.mjs`)"

TOURS = (
    Tour(
        "Python",
        "python",
        CLIENTS / "python/examples/tour.py",
        {**_PICTURES, "Encode": ["latents"]},
        "at the top level of the program",
    ),
    Tour(
        "Go",
        "go",
        CLIENTS / "go/cmd/tour/main.go",
        {**_PICTURES, "StreamScore": ["shoe"], "Encode": ["vae", "encoded"]},
        "in `main` of a `package main`, and `check(err)` is `if err != nil { log.Fatal(err) }`",
    ),
    Tour(
        "Node",
        "js",
        CLIENTS / "node/examples/tour.js",
        {**_PICTURES, "Encode": ["vae", "images", "latents"]},
        _MODULE,
    ),
    Tour(
        "Java",
        "java",
        CLIENTS / "java/src/examples/java/com/pixelzoo/examples/Tour.java",
        {**_PICTURES, "Encode": ["vae", "encoded"]},
        "in the method `tour`, which is static, takes `zoo` and throws IOException",
    ),
    Tour(
        "C++",
        "cpp",
        CLIENTS / "cpp/examples/tour.cc",
        {"GetModel": ["model"], **_PICTURES, "Encode": ["encoded"]},
        "in `main`, which closes after the last of them",
    ),
    Tour(
        "Web (JavaScript)",
        "js",
        CLIENTS / "web/examples/tour.js",
        {**_PICTURES, "Encode": ["vae", "latents"]},
        _MODULE,
    ),
)


def samples(name: str) -> str:
    """The part `name` of every tour in Markdown, each folded up. Raises ValueError for a tour that has none."""
    return "".join(_folded(tour, tour.part(name)) for tour in TOURS)


def beginning() -> str:
    """What the parts of every tour stand on, as `samples`: the imports, the connection, and names of other parts."""
    return "".join(
        _folded(
            tour,
            "\n".join(filter(None, [tour.imports(), tour.part("Connect")])),
            f"The examples stand {tour.place}. They use of one another: {tour.sources()}.\n\n",
        )
        for tour in TOURS
    )


def _folded(tour: Tour, code: str, words: str = "") -> str:
    return f"<details><summary>{tour.language}</summary>\n\n```{tour.fence}\n{code}```\n\n{words}</details>\n"
