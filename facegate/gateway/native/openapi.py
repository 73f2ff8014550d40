"""The API's document, OpenAPI 3.1, made of the actions that are served and of their types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import TypeAdapter

from facegate.gateway.native.endpoint import Action
from facegate.gateway.native.problems import TYPE, Problem

_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
_EVERYWHERE = (400, 401, 403, 408, 413, 415, 429, 500, 503)
"""Statuses of problems that any action may answer with."""

Json = dict[str, Any]


def document(actions: Sequence[Action], version: str) -> Json:
    """The document of some actions.

    Args:
        actions: as they are served.
        version: facegate's.
    """
    schemas = _Schemas(actions)
    paths: dict[str, Json] = {}
    for action in actions:
        place = _PARAMETER.sub(r"{\1}", action.path)
        paths.setdefault(place, {})[action.method.lower()] = _operation(action, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "facegate",
            "version": version,
            "description": "Is this selfie the person on this document, and is it a living person?"
            " Whoever is configured to answers; every answer has one shape, and every failure is a"
            " problem (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "security": [{"bearer": []}, {"header": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
            "responses": {
                "Problem": {
                    "description": "A failure; `code` says which.",
                    "content": {TYPE: {"schema": schemas.of(Problem)}},
                }
            },
        },
    }


class _Schemas:
    """JSON schemas of all types, each once."""

    def __init__(self, actions: Sequence[Action]) -> None:
        self._places: dict[Any, int] = {}
        inputs: list[tuple[Any, Any, TypeAdapter[Any]]] = []
        for kind, mode in [*_kinds(actions), (Problem, "serialization")]:
            key = (kind, mode)
            if key not in self._places:
                self._places[key] = len(self._places)
                inputs.append((self._places[key], mode, TypeAdapter(kind)))
        self._found, shared = TypeAdapter.json_schemas(inputs, ref_template=_REF)
        self.definitions: Json = shared.get("$defs", {})

    def of(self, kind: Any, mode: Any = "serialization") -> Json:
        """The schema of a type, which others are referred to from."""
        return self._found[self._places[kind, mode], mode]

    def resolved(self, schema: Json) -> Json:
        """What a schema refers to."""
        return self.definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _kinds(actions: Sequence[Action]) -> Iterator[tuple[Any, str]]:
    for action in actions:
        if action.answer is not None:
            yield action.answer, "serialization"
        for kind in (action.body, action.query):
            if kind is not None:
                yield kind, "validation"


def _operation(action: Action, schemas: _Schemas) -> Json:
    needs = f" Takes a key with the scope `{action.scope}`." if action.scope else ""
    described: Json = {
        "operationId": action.name,
        "summary": action.summary,
        "description": f"{action.summary}{'' if action.summary.endswith('?') else '.'}{needs}",
        "tags": [action.path.removeprefix("/v1").split("/")[1]],
        "responses": dict(_responses(action, schemas)),
    }
    if parameters := [*_parameters(action, schemas)]:
        described["parameters"] = parameters
    if action.body is not None:
        schema = schemas.of(action.body, "validation")
        required = bool(schemas.resolved(schema).get("required"))
        content: Json = {"application/json": {"schema": schema}}
        if action.operation is not None:
            content["multipart/form-data"] = {"schema": _as_form(schema, schemas)}
        described["requestBody"] = {"required": required, "content": content}
    return described


def _responses(action: Action, schemas: _Schemas) -> Iterator[tuple[str, Json]]:
    answer: Json = {"description": "The answer."}
    if action.answer is not None:
        answer["content"] = {action.answer_type: {"schema": schemas.of(action.answer)}}
    yield str(action.status), answer
    for status in sorted({*_EVERYWHERE, *action.problems}):
        yield str(status), {"$ref": "#/components/responses/Problem"}


def _parameters(action: Action, schemas: _Schemas) -> Iterator[Json]:
    for name in _PARAMETER.findall(action.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    if action.query is not None:
        schema = schemas.of(action.query, "validation")
        properties = schemas.resolved(schema)["properties"]
        for name, about in properties.items():
            parameter = {"name": name, "in": "query", "required": False, "schema": about}
            yield parameter
    for name, meaning in action.headers.items():
        yield {"name": name, "in": "header", "description": meaning, "schema": {"type": "string"}}


def _as_form(schema: Json, schemas: _Schemas) -> Json:
    """The same message in parts: pictures are files, and what is no text is JSON."""
    whole = schemas.resolved(schema)
    file = {"type": "string", "format": "binary"}
    pictures = {"probe": file, "gallery": {"type": "array", "items": file, "minItems": 1}}
    properties = {name: pictures.get(name, about) for name, about in whole["properties"].items()}
    return {
        "type": "object",
        "required": whole["required"],
        "properties": properties,
        "additionalProperties": False,
    }
