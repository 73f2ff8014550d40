"""The API's document as a page to read, which needs no script and no other host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from facegate.figures.html import escaped, heading, page, paragraph, table

Json = dict[str, Any]
_STYLE = "pre{overflow-x:auto;padding:.75rem;border:1px solid;border-radius:4px}"


def reference(document: Json) -> str:
    """The page of an OpenAPI document."""
    info = document["info"]
    return page(
        f"{info['title']} API",
        info["description"],
        "Every failure is a problem (RFC 9457) with a code. A key goes into Authorization: Bearer,"
        " or X-Api-Key. Generators of clients read openapi.json.",
        _parts(document),
        _STYLE,
    )


def _parts(document: Json) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield heading(f"{method.upper()} {path}")
            yield paragraph(operation["description"])
            yield from _tables(operation)
    yield heading("Types")
    for name, schema in document["components"]["schemas"].items():
        yield f'<h3 id="{escaped(name)}">{escaped(name)}</h3>'
        yield paragraph(_prose(schema.get("description", "")))
        if fields := schema.get("properties"):
            needed = schema.get("required", ())
            yield table(("Field", "Type", "Meaning"), _fields(fields, needed))
        elif values := schema.get("enum"):
            yield paragraph(f"One of: {', '.join(map(str, values))}")


def _tables(operation: Json) -> Iterator[str]:
    rows = [
        (each["name"], each["in"], _type(each["schema"]), _about(each))
        for each in operation.get("parameters", ())
    ]
    if rows:
        yield table(("Parameter", "In", "Type", "Meaning"), rows)
    sent = operation.get("requestBody", {}).get("content", {})
    bodies = [("asks", kind, _type(each["schema"])) for kind, each in sent.items()]
    bodies += [
        (f"answers {status}", kind, _type(each["schema"]))
        for status, response in operation["responses"].items()
        for kind, each in response.get("content", {}).items()
    ]
    if bodies:
        yield table(("", "Media type", "Type"), bodies)


def _fields(fields: Json, needed: Any) -> Iterator[tuple[str, str, str]]:
    for name, schema in fields.items():
        must = "Required. " if name in needed else ""
        yield name, _type(schema), f"{must}{_about(schema)}"


def _about(schema: Json) -> str:
    default = schema.get("default")
    after = "" if default is None else f" Default: {json.dumps(default)}."
    return f"{_prose(schema.get('description', ''))}{after}".strip()


def _prose(text: str) -> str:
    """A docstring's first paragraph."""
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())


def _type(schema: Json) -> str:
    """A schema's type in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(map(_type, several)))
    if "enum" in schema:
        return " or ".join(json.dumps(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else "list"
    if isinstance(inner := schema.get("additionalProperties"), dict):
        return f"object of {_type(inner)}"
    return str(schema.get("format") or schema.get("type") or "anything")
