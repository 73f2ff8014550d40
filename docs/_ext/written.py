"""Parts of pages that are made from the code and the measurements.

    .venv/bin/python docs/_ext/written.py            write them anew
    .venv/bin/python docs/_ext/written.py --check    only say what is not as the code is

A part stands between ``<!-- made: NAME ARGUMENTS -->`` and ``<!-- end -->``, in the page itself, so
that it is there wherever the page is read. Figures are files of their own.
"""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

import actions
import click
import curve
import intervals
import layout
import mapping
from objects import objects
from tables import TABLES

from facegate.cli import main as cli

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
BLOCK = re.compile(
    r"(?P<begin>^<!-- made: (?P<name>\w+) ?(?P<arguments>[^\n]*?) -->\n).*?(?P<end>^<!-- end -->$)",
    re.DOTALL | re.MULTILINE,
)
_HELP_WIDTH = 88
_LANGUAGES = {
    ".cs": "csharp",
    ".go": "go",
    ".java": "java",
    ".mjs": "javascript",
    ".py": "python",
    ".toml": "toml",
}


def table(name: str, *arguments: str) -> str:
    """A table, by the name of its rows."""
    head, *rows = TABLES[name](*arguments)
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def listing(path: str, start: str = "") -> str:
    """A file, from the line on that begins with a text."""
    file = ROOT / path
    text = file.read_text("utf-8").strip("\n")
    begin = re.search(rf"^{re.escape(start)}", text, re.MULTILINE)
    if begin is None:
        sys.exit(f"no line of {path} begins with {start!r}")
    language = _LANGUAGES.get(file.suffix, "text")
    return f"```{language}\n{text[begin.start() :]}\n```"


def docstring(path: str) -> str:
    """What a class says of itself, up to its arguments."""
    module, _, name = path.partition(":")
    text = inspect.getdoc(getattr(import_module(module), name)) or ""
    return layout.markdown(
        re.split(r"^(?:Args|Attributes|Raises):$", text, flags=re.MULTILINE)[0].strip()
    )


def commands() -> str:
    """Every command's help."""
    return "\n\n".join(_help("facegate", cli.root, None))


def _help(name: str, command: click.Command, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        max_content_width=_HELP_WIDTH,
        terminal_width=_HELP_WIDTH,
    )
    yield f"### `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            inner = command.get_command(context, each)
            if inner is not None and not inner.hidden:
                yield from _help(each, inner, context)


PARTS: dict[str, Callable[..., str]] = {
    "commands": commands,
    "docstring": docstring,
    "listing": listing,
    "modules": layout.modules_of,
    "objects": objects,
    "types": actions.types,
}
FIGURES: dict[str, Callable[[], str]] = {
    "explanation/intervals.svg": intervals.svg,
    "explanation/rates.svg": lambda: curve.svg(curve.measured()["rates"]),
    "how-to/mapping.svg": lambda: mapping.svg("local", "verifik"),
}


def part(name: str, arguments: Sequence[str]) -> str:
    """A part, by its name."""
    return PARTS[name](*arguments) if name in PARTS else table(name, *arguments)


def written(text: str) -> str:
    """A page with its parts as the code is now."""
    return BLOCK.sub(
        lambda block: (
            f"{block['begin']}\n{part(block['name'], shlex.split(block['arguments']))}\n\n"
            f"{block['end']}"
        ),
        text,
    )


def files() -> Iterator[tuple[Path, str]]:
    """Every file with something made in it, and what it should be."""
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))):
        text = page.read_text("utf-8")
        if "<!-- made: " in text:
            yield page, written(text)
    for name, draw in FIGURES.items():
        yield DOCS / name, draw() + "\n"


def main(*, check: bool) -> str | None:
    """Write every file that is stale, or say which are."""
    stale = []
    for file, text in files():
        if not file.exists() or file.read_text("utf-8") != text:
            stale.append(file.relative_to(ROOT).as_posix())
            if not check:
                file.write_text(text, "utf-8")
    if check and stale:
        return f"not as the code is: {', '.join(stale)}; run python docs/_ext/written.py"
    return None


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
