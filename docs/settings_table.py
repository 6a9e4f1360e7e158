"""The table of settings in operations.md, from the schema of the server.

    python docs/settings_table.py

writes it anew between its marks; a test fails while the page and the schema differ.
"""

from pathlib import Path

from zoo_server.config import SETTINGS, Setting

PAGE = Path(__file__).with_name("operations.md")
BEGIN, END = "<!-- settings: python docs/settings_table.py -->\n", "<!-- end of settings -->\n"


def table() -> str:
    """The table in Markdown."""
    rows = ["| flag | variable, TOML key | default | |", "| --- | --- | --- | --- |"]
    rows += [
        f"| `{one.flag}` | `{one.variable}`, `{one.name}` | {_default(one)} | {_escaped(one.words)}{_limits(one)} |"
        for one in SETTINGS
    ]
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    """`page` with the table of today between its marks."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def _escaped(words: str) -> str:
    return words.replace("<", "&lt;")


def _default(setting: Setting) -> str:
    match setting.default:
        case bool():
            return "yes" if setting.default else "no"
        case int() | float():
            return f"{setting.default:g}" if isinstance(setting.default, float) else str(setting.default)
        case str() if setting.default:
            return f"`{setting.default}`"
        case _:
            return ""


def _limits(setting: Setting) -> str:
    if setting.choices:
        return f" One of {', '.join(setting.choices)}."
    if setting.least is None:
        return ""
    return (
        f" At least {setting.least:g}."
        if setting.most is None
        else f" {setting.least:g} to {setting.most:g}."
    )


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
