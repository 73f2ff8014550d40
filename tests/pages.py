"""The documentation's pages, the blocks in them, and pictures for these to work on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from portraits import portraits as named

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): path for path in sorted(DOCS.rglob("*.md"))}
PAGES["README.md"] = DOCS.parent / "README.md"
SIGNATURES = (DOCS / "reference" / "objects.rst").read_text(encoding="utf-8")
_FENCE = re.compile(
    r"^(?:<!-- (?P<run>run(?: models)?) -->\n+)?```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def read(page: str) -> str:
    return PAGES[page].read_text(encoding="utf-8")


def blocks(page: str, kind: str) -> Iterator[tuple[str, str]]:
    """Fenced blocks: how they are to be run, if at all, and their text."""
    for found in _FENCE.finditer(read(page)):
        if found["kind"] == kind:
            yield found["run"] or "", found["text"]


def pages_with(kind: str, run: str | None = None) -> list[str]:
    return [page for page in PAGES if any(run in (None, r) for r, _ in blocks(page, kind))]


def portraits(folder: Path) -> None:
    """Put the portraits there, some of them under the names that pages use."""
    store: Any = import_module("facegate_local.store").PortraitStore()
    named(folder)
    for asset in store.assets:
        (folder / Path(asset.file).name).symlink_to(store.path(asset.name))
