"""The command ``facegate new-plugin``: the tutorial's example, under the name of a vendor."""

from __future__ import annotations

import keyword
import re
import shlex
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

import facegate
from facegate.providers.registry import Registry

_CORE: Final = Path(facegate.__file__).parent
_FILES: Final = ("*.md", "*.toml", "LICENSE", "*/*.py", "*/py.typed")
_OPENING: Final = """\
> Every fact in here is still one about an invented vendor. Begin with `wire.py`, write your
> vendor's documentation down in `tests/test_contract.py`, and let the tests tell what is left.
"""


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--to",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where to make it; facegate-NAME by default.",
)
def new_plugin(name: str, folder: Path | None) -> None:
    """Make a plugin for the vendor NAME: the tutorial's example under its name, tests and all."""
    files = _example()
    _refuse_taken(name, files)
    folder = folder or Path(_distribution(name))
    try:
        folder.mkdir(parents=True)
        _write(folder, _renamed(files, name))
    except OSError as error:
        problem = f"cannot make {folder}: {error.strerror}"
        raise click.BadParameter(problem, param_hint="--to") from None
    here = shlex.quote(str(folder.resolve()))
    click.echo(f"Made {folder}. To see it pass its tests:\n")
    click.echo(f"    pip install -e {here}'[test]'\n    python -m pytest {here}")


def _example() -> Mapping[str, str]:
    """The example's files: as they were installed, or those of a clone."""
    shipped = _CORE / "_template"
    root = shipped if shipped.is_dir() else _CORE.parent / "docs" / "example-plugin"
    paths = [path for pattern in _FILES for path in sorted(root.glob(pattern))]
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in paths}


def _refuse_taken(name: str, files: Mapping[str, str]) -> None:
    """Refuse a name that Python, facegate or the example would take for another thing."""
    if not re.fullmatch(r"(?=.{2,30}$)[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        reason = "is not 2 to 30 small letters, digits and single underscores, a letter first"
    elif keyword.iskeyword(name):
        reason = "is a word of Python's"
    elif name in Registry().names() or find_spec(f"facegate_{name}"):
        reason = "is the name of a plugin that is installed"
    elif re.search(rf"\b({name}|{_class(name)})\b", _code(files)):
        reason = "stands for something else in the example; add a word, as in acme_faces"
    else:
        return
    raise click.BadParameter(f"{name!r} {reason}", param_hint="NAME")


def _code(files: Mapping[str, str]) -> str:
    return "\n".join(text for path, text in files.items() if path.endswith(".py"))


def _renamed(files: Mapping[str, str], name: str) -> Mapping[str, str]:
    """The example's files, about another vendor."""
    (old,) = tomllib.loads(files["pyproject.toml"])["project"]["entry-points"]["facegate"]
    words = {
        _distribution(old): _distribution(name),
        f"{old}.example": f"{name}.example".replace("_", "-"),
        _class(old): _class(name),
        old: name,
    }

    def renamed(text: str) -> str:
        return re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], text)

    opening = re.sub(r"(?m)^(> .*\n)+", _OPENING, files["README.md"])
    return {renamed(path): renamed(text) for path, text in {**files, "README.md": opening}.items()}


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")


def _distribution(name: str) -> str:
    return f"facegate-{name}".replace("_", "-")


def _class(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
