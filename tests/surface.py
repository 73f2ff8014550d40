"""What facegate promises: its public modules, and the names that stand in their signatures."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, ForwardRef, TypeVar

from pages import SIGNATURES, read

PUBLIC = tuple(
    re.findall(r"^\| `(facegate[\w.]*)` \|", read("reference/stability.md"), re.MULTILINE)
)
"""The modules that the page lists."""

_CLASSES = re.compile(r"^\.\. autoclass:: (?P<name>\S+)\n(?P<how>(?:   :.+\n)*)", re.MULTILINE)


def modules() -> dict[str, ModuleType]:
    """Those that list names; the pytest plugin is only named."""
    found = {name: import_module(name) for name in PUBLIC}
    return {name: module for name, module in found.items() if hasattr(module, "__all__")}


def names_of(module: ModuleType) -> dict[str, Any]:
    """What a module lists."""
    return {name: getattr(module, name) for name in module.__all__}


def notes(name: str, value: Any) -> Iterator[tuple[str, ModuleType]]:
    """What is annotated in a function, or in what is shown of a class; each with its module."""
    if inspect.isclass(value):
        yield from _of_a_class(value, _shown(name))
    elif inspect.isfunction(value):
        yield from _of_a_function(value)


def _shown(name: str) -> Callable[[str], bool]:
    """Which methods of a class the reference shows."""
    options: dict[str, str] = _entries().get(name, {})
    chosen, hidden = (
        set(options.get(which, "").replace(",", " ").split())
        for which in ("members", "exclude-members")
    )
    everything = options.get("members") == ""

    def shown(member: str) -> bool:
        public = everything and not member.startswith("_")
        return member not in hidden and (member == "__init__" or member in chosen or public)

    return shown


@cache
def _entries() -> dict[str, dict[str, str]]:
    return {
        entry["name"]: dict(re.findall(r":([\w-]+): *(.*)", entry["how"]))
        for entry in _CLASSES.finditer(SIGNATURES)
    }


def _of_a_class(kind: type, shown: Callable[[str], bool]) -> Iterator[tuple[str, ModuleType]]:
    seen: set[str] = set()
    for each in kind.__mro__:
        if each.__module__.partition(".")[0] != "facegate":
            continue
        for name, note in inspect.get_annotations(each).items():
            if not name.startswith("_"):
                yield _text(note), sys.modules[each.__module__]
        for name, member in vars(each).items():
            if name not in seen and shown(name):
                yield from _of_a_function(_inside(member))
        seen |= vars(each).keys()


def _of_a_function(function: Any) -> Iterator[tuple[str, ModuleType]]:
    if inspect.isfunction(function) and function.__module__.startswith("facegate"):
        for name, note in inspect.get_annotations(function).items():
            if not name.startswith("_"):
                yield _text(note), sys.modules[function.__module__]


def _inside(member: Any) -> Any:
    for wrapped in ("fget", "__func__", "_compute"):
        member = getattr(member, wrapped, member)
    return inspect.unwrap(member) if callable(member) else member


def _text(note: Any) -> str:
    if isinstance(note, ForwardRef):  # of a named tuple's field
        return note.__forward_arg__
    return note if isinstance(note, str) else inspect.formatannotation(note)


def named(note: str, module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The names in an annotation and what they mean, but for what is built in."""
    for node in ast.walk(ast.parse(note, mode="eval")):
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
            yield node.id, _meaning(node.id, module)


def _meaning(name: str, module: ModuleType) -> Any:
    """What a name means in a module, also where it is imported for types alone."""
    if hasattr(module, name):
        return getattr(module, name)
    return getattr(import_module(_imports(module)[name]), name)


@cache
def _imports(module: ModuleType) -> dict[str, str]:
    return {
        alias.asname or alias.name: str(node.module)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def is_foreign(value: Any, name: str, module: ModuleType) -> bool:
    """Whether a name is a variable of types, or comes from somebody else's package."""
    if isinstance(value, TypeVar | ModuleType):
        return True
    origin = _imports(module).get(name, module.__name__)
    return origin.partition(".")[0] != "facegate"
