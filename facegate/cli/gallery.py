"""Galleries as typed on the command line: files, folders and patterns."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

import click

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


def expanded(arguments: Sequence[str]) -> list[str]:
    """Paths of the pictures: those in folders, and those that match globs no shell expanded.

    Raises:
        click.BadParameter: a folder without pictures, or a glob that nothing matches.
    """
    pictures: list[str] = []
    for argument in arguments:
        if Path(argument).is_dir():
            inside = sorted(
                str(path) for path in Path(argument).iterdir() if path.suffix.lower() in _PICTURES
            )
            if not inside:
                raise click.BadParameter(f"no pictures in {argument}", param_hint="GALLERY")
            pictures += inside
        elif "://" not in argument and glob.has_magic(argument) and not Path(argument).exists():
            matching = sorted(glob.glob(argument))  # noqa: PTH207  Path.glob wants a relative one
            if not matching:
                raise click.BadParameter(f"nothing matches {argument}", param_hint="GALLERY")
            pictures += matching
        else:
            pictures.append(argument)
    return pictures
