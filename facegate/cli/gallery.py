"""Pictures as typed on the command line: files, folders and patterns, and standard input."""

from __future__ import annotations

import glob
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from facegate.errors import ImageRejected
from facegate.images.image import ImageSource
from facegate.images.sniff import HEAD, format_of

STDIN = "-"
_SHOWN = 3
"""Names of files that are listed before the rest is counted."""


def source(argument: str) -> ImageSource:
    """The picture at a path, or the one that comes through standard input."""
    return sys.stdin.buffer if argument == STDIN else argument


def expanded(arguments: Sequence[str]) -> list[str]:
    """Paths of the pictures: those in folders, and those that match globs no shell expanded.

    A folder's pictures are told by what they begin with, whatever their names end in. Hidden files
    are none, such as those that macOS leaves beside others; the rest that is left out is named on
    standard error.

    Raises:
        click.BadParameter: a folder without pictures, or a glob that nothing matches.
    """
    pictures: list[str] = []
    for argument in arguments:
        if Path(argument).is_dir():
            pictures += _inside(Path(argument))
        elif "://" not in argument and glob.has_magic(argument) and not Path(argument).exists():
            matching = sorted(glob.glob(argument))  # noqa: PTH207  Path.glob wants a relative one
            if not matching:
                raise click.BadParameter(f"nothing matches {argument}", param_hint="GALLERY")
            pictures += matching
        else:
            pictures.append(argument)
    return pictures


def _inside(folder: Path) -> list[str]:
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name[0] != "."]
    others = {path: reason for path in files if (reason := _no_picture(path))}
    if len(others) == len(files):
        reasons = f": {next(iter(others.values()))}" if others else ""
        raise click.BadParameter(f"no pictures in {folder}{reasons}", param_hint="GALLERY")
    if others:
        names = ", ".join(path.name for path in list(others)[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        click.echo(f"{folder}: left out {names}{more}, which are no pictures", err=True)
    return [str(path) for path in files if path not in others]


def _no_picture(path: Path) -> str | None:
    """The reason why a file is no picture; None where it seems to be one."""
    try:
        with path.open("rb") as file:
            format_of(file.read(HEAD))
    except OSError as error:
        return f"{path.name}: {error.strerror}"
    except ImageRejected as error:
        return f"{path.name}: {error.message}"
    return None
