"""Parts of an HTML page that needs nothing else: no script, no font, no network.

Arguments are plain text, which is escaped here; what is called markup is put in as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

_STYLE = Path(__file__).with_name("page.css")
_POWER = re.compile(r"\b\d[\d.]*e-\d+")


def page(title: str, headline: str, subtitle: str, parts: Iterable[str], style: str) -> str:
    """A whole page.

    Args:
        title: its name.
        headline: the conclusion.
        subtitle: what data it is about.
        parts: markup of the rest.
        style: CSS of these parts, beside that of the parts made here.
    """
    css = f"{_STYLE.read_text(encoding='utf-8')}{style}"
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta http-equiv="Content-Security-Policy"',
            " content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{escaped(title)}</title><style>{css}</style></head><body>",
            f"<header><h1>{escaped(title)}</h1>",
            f'<p class="headline">{_prose(headline)}</p>',
            f"{paragraph(subtitle)}</header><main>",
            *parts,
            "</main></body></html>\n",
        )
    )


def escaped(text: str) -> str:
    """Markup of plain text; a per cent sign stays on the line of its number."""
    return escape(text).replace(" %", "\u00a0%")


def heading(text: str) -> str:
    """The heading of a part of the page."""
    return f"<h2>{escaped(text)}</h2>"


def paragraph(text: str) -> str:
    """An explanation, set back against the figures."""
    return f'<p class="dim">{_prose(text)}</p>'


def badges(statements: Iterable[tuple[str, str]]) -> str:
    """A list of statements: words for its kind, which are its class as well, and the text."""
    items = (
        f'<li><span class="badge {kind.replace(" ", "-")}">{kind}</span><p>{_prose(text)}</p></li>'
        for kind, text in statements
    )
    return f'<ul class="badges">{"".join(items)}</ul>'


def figure(title: str, chart: str, words: Mapping[str, str]) -> str:
    """A chart, as markup, with its title and legend; nothing where there is no chart."""
    if not chart:
        return ""
    return f"<figure>{heading(title)}{legend(words)}{chart}</figure>"


def legend(words: Mapping[str, str]) -> str:
    """The meaning of colours: words by class."""
    swatches = (
        f'<li><svg viewBox="0 0 12 12" class="swatch" aria-hidden="true">'
        f'<rect width="12" height="12" class="{kind}"/></svg>{escape(word)}</li>'
        for kind, word in words.items()
    )
    return f'<ul class="legend">{"".join(swatches)}</ul>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls by itself where it is too wide; the first cell of a row names it.

    On a telephone each row is a list instead, so that no column is out of sight. Without a mouse it
    is scrolled by keys.
    """
    top = "".join(f'<th scope="col">{escaped(name)}</th>' for name in head)
    body = "".join(f"<tr>{_cells(head, row)}</tr>" for row in rows)
    markup = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{markup}</div>'


def _prose(text: str) -> str:
    """Markup of text that wraps: a browser would break ``1e-5`` behind its hyphen."""
    return _POWER.sub(r'<span class="whole">\g<0></span>', escaped(text))


def _cells(head: Sequence[str], row: Sequence[str]) -> str:
    name, *values = map(_prose, row)
    cells = zip(map(escaped, head[1:]), values, strict=True)
    named = "".join(f'<td data-of="{column}">{value}</td>' for column, value in cells)
    return f'<th scope="row">{name}</th>{named}'
