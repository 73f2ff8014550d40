"""Packages that come with an extra of facegate, and are imported when they are first needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from facegate.errors import ConfigurationError


@contextmanager
def extra(name: str, *packages: str, needed_by: str) -> Iterator[None]:
    """The imports that an extra makes possible.

    Args:
        name: the extra's name.
        packages: the packages it brings, by the names that are imported.
        needed_by: the setting or command that needs it, for the message.

    Raises:
        ConfigurationError: one of the packages is missing; says what to install.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in packages:
            raise
        missing = error.name
    else:
        return
    raise ConfigurationError(f'{needed_by} needs {missing}: pip install "facegate[{name}]"')
