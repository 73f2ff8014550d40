"""facegate's own API as its OpenAPI document tells it: actions, and the types they send."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from layout import first_sentence, markdown

from facegate.gateway.budgets import Admission
from facegate.gateway.idempotency import Idempotency
from facegate.gateway.keys import Keys
from facegate.gateway.native.api import NativeApi
from facegate.gateway.native.settings import ApiSettings

Json = dict[str, Any]
Rows = Iterator[Sequence[str]]
_MEMBER = re.compile(r"^    (\w+): (.+(?:\n     .+)*)", re.MULTILINE)


def document() -> Json:
    """The document of a service that has everything; nothing of it is ever asked."""
    nobody: Any = object()
    return NativeApi(
        default="main",
        settings=ApiSettings(),
        keys=Keys(store=nobody),
        admission=Admission(),
        idempotency=Idempotency(),
        journal=nobody,
        metrics=lambda: ("", b""),
    ).document


def actions() -> Rows:
    """Every action, what it takes and what it answers."""
    yield "method and path", "what it is", "scope", "asks", "answers"
    for path, methods in document()["paths"].items():
        for method, action in methods.items():
            scope = re.search(r"scope (`\S+`)", action["description"])
            asked = [f"`?{each['name']}`" for each in _of("query", action)]
            asked += [f"`{each['name']}`" for each in _of("header", action)]
            status = min(action["responses"])
            answered = action["responses"][status].get("content", {})
            yield (
                f"`{method.upper()} {path}`",
                action["summary"],
                scope[1] if scope else "any",
                ", ".join([*_bodies(action.get("requestBody", {}).get("content", {})), *asked]),
                " ".join([status, *_bodies(answered)]),
            )


def _of(place: str, action: Json) -> list[Json]:
    return [each for each in action.get("parameters", ()) if each["in"] == place]


def _bodies(content: Json) -> Iterator[str]:
    """The types of a body, without the form that says the same as the JSON."""
    yield from (_type(each["schema"]) for kind, each in content.items() if "form" not in kind)


def parameters() -> Rows:
    """Every parameter that narrows an action down, once."""
    yield "parameter", "value", "meaning"
    told: dict[str, tuple[str, str]] = {}
    for methods in document()["paths"].values():
        for action in methods.values():
            for each in (*_of("query", action), *_of("header", action)):
                schema = each["schema"]
                about = each.get("description") or schema.get("description", "")
                told.setdefault(each["name"], (_type(schema), about + _default(schema)))
    yield from ((f"`{name}`", *about) for name, about in told.items())


def types() -> str:
    """Every type, with its members."""
    return "\n".join(line for name, schema in _schemas() for line in _described(name, schema))


def _schemas() -> Iterator[tuple[str, Json]]:
    for name, schema in document()["components"]["schemas"].items():
        if not name.endswith("Query"):
            yield name, schema


def _described(name: str, schema: Json) -> Iterator[str]:
    about = inspect.cleandoc(schema.get("description", ""))
    said, _, members = about.partition("Attributes:\n")
    yield f"\n### {name}\n\n{first_sentence(said)}." if said else f"\n### {name}"
    if "enum" in schema:
        yield f"\nOne of {_choices(schema)}."
    if "properties" not in schema:
        return
    told = {each[1]: each[2] for each in _MEMBER.finditer(members)}
    needed = schema.get("required", ())
    yield "\n| member | value | meaning |\n| --- | --- | --- |"
    for member, each in schema["properties"].items():
        meaning = each.get("description") or told.get(member, "")
        must = "" if member in needed else _default(each)
        meaning = re.sub(r"\bNone\b", "null", markdown(" ".join(meaning.split())))
        cells = f"`{member}`", _type(each), meaning + must
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _choices(schema: Json) -> str:
    return ", ".join(f"`{each}`" for each in schema["enum"])


def _default(schema: Json) -> str:
    value = schema.get("default")
    return "" if value in (None, [], {}) else f" By default `{json.dumps(value)}`."


def _type(schema: Json) -> str:
    """A schema's type in a word or two; what may be null says so."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if several := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(map(_type, several)))
    if "enum" in schema:
        return _choices(schema)
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if isinstance(inner := schema.get("additionalProperties"), dict):
        return f"object of {_type(inner)}"
    return _WORDS.get(schema.get("format") or schema.get("type", ""), "anything")


_WORDS = {
    "boolean": "true or false",
    "date": "day",
    "date-time": "moment",
    "integer": "whole number",
    "null": "null",
    "number": "number",
    "object": "object",
    "string": "text",
}
TABLES = {"actions": actions, "parameters": parameters}
