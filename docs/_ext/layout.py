"""Lists of the core's modules, written into the pages that say how the code is laid out.

    python3 docs/_ext/layout.py            write them anew
    python3 docs/_ext/layout.py --check    only say which page is not what the code is

A list stands between ``<!-- modules: NAME -->`` and ``<!-- end of modules -->``, and says of each
module what the first sentence of its docstring does.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "facegate"
PAGES = (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "explanation" / "architecture.md")
BLOCK = re.compile(
    r"(?P<begin><!-- modules: (?P<name>\w+) -->\n).*?(?P<end><!-- end of modules -->)", re.DOTALL
)


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
    first = " ".join(docstring.partition("\n\n")[0].split())
    sentence = re.split(r"(?<=\.)\s", first)[0].rstrip(".:")
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", sentence).replace("``", "`").replace("|", r"\|")


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


def written(text: str) -> str:
    """A page with its lists as the code is now."""
    return BLOCK.sub(
        lambda block: "\n".join((block["begin"], *LISTS[block["name"]](), "", block["end"])), text
    )


def main(*, check: bool) -> str | None:
    """Write every page that is stale, or say which are."""
    stale = [page for page in PAGES if written(text := page.read_text("utf-8")) != text]
    if check and stale:
        names = ", ".join(page.relative_to(ROOT).as_posix() for page in stale)
        return f"The code is no longer laid out as {names} says: run python3 docs/_ext/layout.py"
    for page in stale:
        page.write_text(written(page.read_text("utf-8")), "utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
