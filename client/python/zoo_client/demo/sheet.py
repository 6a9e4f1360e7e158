"""The contact sheet: sections of captioned panels on one page, laid out from left to right and top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from zoo_client.grid import INK, font, printable

PAPER, RULE, GREY, ACCENT = (255, 255, 255), (222, 222, 226), (112, 112, 122), (176, 58, 46)
PAGE_WIDTH, MARGIN = 1912, 60
TITLE, HEADING, CAPTION, SMALL = font(64), font(36), font(21), font(17)
PANEL_GAP, CAPTION_GAP, SECTION_GAP = 40, 12, 56
LINE = 1.35  # Height of a line of text, in sizes of its type.


@dataclass(frozen=True)
class Panel:
    """A picture with a line above it, and a smaller one of its details."""

    picture: Image.Image
    title: str
    details: str = ""


@dataclass(frozen=True)
class Section:
    """Panels under a heading with a line of text."""

    heading: str
    text: str
    panels: Sequence[Panel]


def contact_sheet(title: str, text: str, sections: Sequence[Section]) -> Image.Image:
    """The whole page, as high as it needs to be."""
    width = max([PAGE_WIDTH, *(p.picture.width + 2 * MARGIN for s in sections for p in s.panels)])
    blocks = [_section(section, width - 2 * MARGIN) for section in sections]
    top = MARGIN + round(TITLE.size * LINE) + 40
    height = top + sum(block.height + SECTION_GAP for block in blocks) + MARGIN // 2

    page = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(page)
    baseline = MARGIN + round(TITLE.size)
    draw.text((MARGIN, baseline), printable(title), INK, TITLE, anchor="ls")
    draw.text((width - MARGIN, baseline), printable(text), GREY, CAPTION, anchor="rs")
    draw.line((MARGIN, baseline + 24, width - MARGIN, baseline + 24), ACCENT, 4)
    for number, block in enumerate(blocks):
        if number:
            draw.line((MARGIN, top - SECTION_GAP // 2, width - MARGIN, top - SECTION_GAP // 2), RULE, 2)
        page.paste(block, (MARGIN, top))
        top += block.height + SECTION_GAP
    return page


def text_table(rows: Sequence[Sequence[str]]) -> Image.Image:
    """A table as a picture; the first row is its heading, and columns of numbers are flush right."""
    columns = list(zip(*rows, strict=True))
    flush_right = [any(column[1:]) and all(map(_is_number, column[1:])) for column in columns]
    widths = [max(round(CAPTION.getlength(printable(cell))) for cell in column) + 36 for column in columns]
    pitch = round(CAPTION.size * 1.75)
    picture = Image.new("RGB", (sum(widths), pitch * len(rows) + 8), PAPER)
    draw = ImageDraw.Draw(picture)
    for number, row in enumerate(rows):
        y = number * pitch + pitch / 2
        left = 0
        for cell, width, right in zip(row, widths, flush_right, strict=True):
            place, anchor = ((left + width - 36, y), "rm") if right else ((left, y), "lm")
            draw.text(place, printable(cell), GREY if number == 0 else INK, CAPTION, anchor=anchor)
            left += width
        draw.line((0, (number + 1) * pitch, picture.width, (number + 1) * pitch), RULE, 1)
    return picture


def _is_number(text: str) -> bool:
    """Whether it may stand in a column of numbers, which an empty cell may."""
    return not text or text.lstrip("-").replace(".", "", 1).isdigit()


def _section(section: Section, width: int) -> Image.Image:
    """The heading, and the panels in as many rows as their widths need."""
    rows: list[list[Image.Image]] = [[]]
    for block in map(_panel, section.panels):
        taken = sum(placed.width + PANEL_GAP for placed in rows[-1])
        if rows[-1] and taken + block.width > width:
            rows.append([])
        rows[-1].append(block)
    heights = [max((block.height for block in row), default=0) for row in rows]
    lines = wrapped(section.text, width)
    top = round(HEADING.size * LINE) + len(lines) * round(CAPTION.size * LINE) + 18

    picture = Image.new("RGB", (width, top + sum(heights) + PANEL_GAP * (len(rows) - 1)), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((0, HEADING.size), printable(section.heading), INK, HEADING, anchor="ls")
    y = round(HEADING.size * LINE + CAPTION.size)
    for line in lines:
        draw.text((0, y), line, GREY, CAPTION, anchor="ls")
        y += round(CAPTION.size * LINE)
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for block in row:
            picture.paste(block, (left, top))
            left += block.width + PANEL_GAP
        top += height + PANEL_GAP
    return picture


def _panel(panel: Panel) -> Image.Image:
    title, details = printable(panel.title), printable(panel.details)
    lines = [(title, CAPTION, INK), *([(details, SMALL, GREY)] if details else [])]
    top = sum(round(typeface.size * LINE) for _, typeface, _ in lines) + CAPTION_GAP
    width = max(panel.picture.width, *(round(typeface.getlength(text)) for text, typeface, _ in lines))
    block = Image.new("RGB", (width, top + panel.picture.height), PAPER)
    draw = ImageDraw.Draw(block)
    y = 0.0
    for text, typeface, colour in lines:
        draw.text((0, y + typeface.size), text, colour, typeface, anchor="ls")
        y += typeface.size * LINE
    block.paste(panel.picture, (0, top))
    return block


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` pixels in the caption's type."""
    lines: list[str] = []
    for word in printable(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and CAPTION.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
