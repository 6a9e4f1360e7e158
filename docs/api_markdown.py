"""Tables and links of the API guide."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def link(heading: str) -> str:
    """A link to a heading of the page."""
    return f"[{heading}](#{heading.lower().replace(' ', '-')})"


def escaped(words: str) -> str:
    """Plain words, such as a comment's, in Markdown and in its tables."""
    return words.replace("<", "&lt;").replace("|", "\\|").replace("*", "\\*")
