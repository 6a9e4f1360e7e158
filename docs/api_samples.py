"""The examples of the API guide: the marked parts of the tour programs, which tests run against a server."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent.parent / "client"

_PART = re.compile(r"^[ \t]*(?://|#) \[(\w+)\]\n(.*?)^[ \t]*(?://|#) \[/\1\]$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Tour:
    """The program of one language that calls every RPC once. `fence` is what Markdown calls the language."""

    language: str
    fence: str
    path: Path

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


TOURS = (
    Tour("Python", "python", CLIENTS / "python/examples/tour.py"),
    Tour("Go", "go", CLIENTS / "go/cmd/tour/main.go"),
    Tour("Node", "js", CLIENTS / "node/examples/tour.js"),
    Tour("Java", "java", CLIENTS / "java/src/examples/java/com/pixelzoo/examples/Tour.java"),
    Tour("C++", "cpp", CLIENTS / "cpp/examples/tour.cc"),
    Tour("Web (JavaScript)", "js", CLIENTS / "web/examples/tour.js"),
)


def samples(name: str) -> str:
    """The part `name` of every tour in Markdown, each folded up. Raises ValueError for a tour that has none."""
    return "".join(
        f"<details><summary>{tour.language}</summary>\n\n"
        f"```{tour.fence}\n{tour.part(name)}```\n\n"
        "</details>\n"
        for tour in TOURS
    )
