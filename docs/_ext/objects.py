"""Public names with the first sentence of each, from the page of their signatures.

The page is reStructuredText, which only the built site shows with everything in it.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from layout import first_sentence

PAGE = Path(__file__).resolve().parents[1] / "reference" / "objects.rst"
_ENTRY = re.compile(
    r"^(?P<heading>\S.*)\n-{3,}$"
    r"|^\.\. (?P<kind>auto\w+|py:\w+):: (?P<name>[\w.]+).*(?P<body>(?:\n(?: .*)?)*)",
    re.MULTILINE,
)


def objects() -> str:
    """A table under each heading of the page."""
    lines: list[str] = []
    for entry in _ENTRY.finditer(PAGE.read_text("utf-8")):
        if heading := entry["heading"]:
            lines += ["", f"## {heading}", "", "| name | what it is |", "|---|---|"]
        elif entry["kind"] not in ("py:module", "automethod"):
            lines.append(f"| `{entry['name']}` | {_said(entry)} |")
    return "\n".join(lines).strip()


def _said(entry: re.Match[str]) -> str:
    if entry["kind"].startswith("py:"):
        prose = (line.strip() for line in entry["body"].splitlines())
        return first_sentence("\n".join(prose).strip())
    return first_sentence(inspect.getdoc(_named(entry["name"])) or "")


def _named(path: str) -> Any:
    """The object of a dotted name."""
    parts = path.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            found: Any = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            found = getattr(found, part)
        return found
    raise LookupError(path)
