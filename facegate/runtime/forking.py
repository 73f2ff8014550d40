"""Forks: the state that a child may not take over from its parent.

A fork copies the memory of all threads and the life of one. The child would find locks that nobody
will ever open, requests under way that will never end, and connections that its parent goes on
using; each of these is begun anew, or let go, before anything else runs in the child.

Forking while another thread imports a module stays impossible: Python itself cannot do it. The
first request imports some, so ask one, or fork, before there are threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import MethodType
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

# A WeakMethod would complain on standard error where Python ends before its object does.
_methods: WeakKeyDictionary[object, list[Callable[[Any], None]]] = WeakKeyDictionary()


def in_child(method: Callable[[], None]) -> None:
    """Call a bound method first thing in every forked child, as long as its object lives.

    No other thread runs there yet, and none that held a lock will: it may not wait for one.
    """
    assert isinstance(method, MethodType)  # noqa: S101  it dies with its object
    _methods.setdefault(method.__self__, []).append(method.__func__)


class PerProcess(Generic[T]):
    """A value that holds for one process alone, such as a lock: made anew in every forked child."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self.value = make()
        in_child(self._renew)

    def _renew(self) -> None:
        self.value = self._make()


def _call_all() -> None:
    # All are held until the last was called: one may let go of what another has to close.
    for owner, methods in list(_methods.items()):
        for method in methods:
            method(owner)


if hasattr(os, "register_at_fork"):  # absent where there is no fork
    os.register_at_fork(after_in_child=_call_all)
