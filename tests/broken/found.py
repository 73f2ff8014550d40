"""Which broken plugin is found out by which checks."""

from __future__ import annotations

from typing import Any

FOUND_BY: dict[type, tuple[str, ...]] = {}
"""Each broken plugin, and the tests that fail for it."""


def found_by(*tests: str) -> Any:
    def mark(broken: type) -> type:
        FOUND_BY[broken] = tests
        return broken

    return mark
