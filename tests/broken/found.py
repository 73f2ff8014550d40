"""Which broken plugin is found out by which checks."""

from __future__ import annotations

from typing import Any

FOUND_BY: dict[type, tuple[str, ...]] = {}
"""Each broken plugin, and the tests that fail for it."""

DATA: dict[type, dict[str, Any]] = {}
"""What is special about the contract's data for a broken plugin."""


def found_by(*tests: str, **data: Any) -> Any:
    """Marks a broken plugin with the tests that fail for it, and with data of its own."""

    def mark(broken: type) -> type:
        FOUND_BY[broken], DATA[broken] = tests, data
        return broken

    return mark
