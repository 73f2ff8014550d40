"""Versions of the contract: a check that is new warns a plugin that was written before it.

A new check is marked with :func:`since` and the next version. One minor release later the mark
goes, and the check holds for everybody.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

VERSION = 1
"""The newest version of the contract."""


class NewCheckWarning(UserWarning):
    """A check that is newer than the plugin's ``contract_version`` has failed."""


class Versioned:
    """A contract with versions.

    Attributes:
        contract_version: the version that a plugin was written for.
    """

    contract_version: ClassVar[int]

    def test_the_version_of_the_contract_is_stated(self) -> None:
        stated = getattr(self, "contract_version", None)
        assert stated is not None, (
            f"{type(self).__name__} has to state the contract's version that it was written for:"
            f" contract_version = {VERSION}"
        )
        assert stated in range(1, VERSION + 1), (
            f"contract_version is {stated!r}, and facegate has versions 1 to {VERSION}"
        )


def since(version: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a check as new in a version; with an older ``contract_version`` it only warns."""

    def mark(check: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(check)
        def run(self: Versioned, *arguments: Any, **named: Any) -> None:
            try:
                check(self, *arguments, **named)
            except (Exception, pytest.fail.Exception) as error:
                if getattr(self, "contract_version", version) >= version:
                    raise
                warnings.warn(
                    f"{check.__name__} is new in version {version} of the contract and fails:"
                    f" {error}. From the next minor release on that is a failure",
                    NewCheckWarning,
                    stacklevel=1,
                )

        return run

    return mark
