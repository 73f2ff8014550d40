"""How the code is laid out: modules, with the first sentence of what each says of itself."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "facegate"


def modules_of(what: str) -> str:
    """A table of modules: those at the ``top``, or ``rooms`` and those in them."""
    return "\n".join(LISTS[what]())


def modules(folder: Path) -> list[Path]:
    """A folder's own modules."""
    return sorted(path for path in folder.glob("*.py") if not path.stem.startswith("__"))


def rooms() -> list[Path]:
    """The folders of the core that hold modules, those in them included."""
    return sorted(path.parent for path in CORE.glob("*/**/__init__.py"))


def summary(path: Path) -> str:
    """A module's first sentence, on one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    if not docstring:
        sys.exit(f"{path.relative_to(ROOT)} does not say what it is")
    return first_sentence(docstring)


def first_sentence(docstring: str) -> str:
    """The first sentence, in Markdown, on one line, without its full stop."""
    first = " ".join(docstring.partition("\n\n")[0].split())
    sentence = re.split(r"(?<=\.)\s", first)[0].rstrip(".:")
    return markdown(sentence).replace("|", r"\|")


def markdown(text: str) -> str:
    """A docstring's words in Markdown."""
    text = re.sub(r":\w+:`([^`<]+) <[^`>]+>`", r"`\1`", text)
    text = re.sub(r":\w+:`~(?:\w+\.)*([^`]+)`", r"`\1`", text)
    return re.sub(r":\w+:`([^`]+)`", r"`\1`", text).replace("``", "`")


def top() -> Iterator[str]:
    """Modules that are in no room."""
    yield "| module | what is in it |\n|---|---|"
    for path in modules(CORE):
        yield f"| `{path.name}` | {summary(path)} |"


def inside() -> Iterator[str]:
    """Rooms, and the modules in each."""
    yield "| room | what it is for | its modules |\n|---|---|---|"
    for room in rooms():
        name = room.relative_to(CORE).as_posix()
        names = ", ".join(f"`{path.stem}`" for path in modules(room))
        yield f"| `{name}` | {summary(room / '__init__.py')} | {names} |"


LISTS: dict[str, Callable[[], Iterator[str]]] = {"top": top, "rooms": inside}
