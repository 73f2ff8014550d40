"""The rows of the generated tables, the head first, as Markdown cells."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from importlib import import_module
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import actions
import intervals
import vendors
from curve import measured
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from facegate import errors
from facegate.plugin import CompatibleApiSettings
from facegate.providers.http import HttpSettings
from facegate.providers.settings import ProviderSettings
from facegate_local.manifest import MODELS, PORTRAITS
from facegate_local.scores import KNOTS

Rows = Iterator[Sequence[str]]


def _tree(base: type[errors.FacegateError] = errors.FacegateError) -> Iterator[Any]:
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from _tree(kind)


def _errors() -> Rows:
    yield "class", "what it means", "HTTP", "retry", "fail over", "who can fix it", "billed"
    for kind in _tree():
        means = inspect.cleandoc(kind.__doc__ or "").replace("``", "`")
        flags = ("yes" if flag else "no" for flag in (kind.retryable, kind.fails_over))
        yield f"`{kind.__name__}`", means, str(kind.http_status), *flags, kind.fault, kind.billed


def _settings(path: str) -> Rows:
    """Fields of a pydantic model; those of all providers or APIs are only in their own table."""
    module, _, name = path.partition(":")
    model: type[BaseModel] = getattr(import_module(module), name)
    shared = {
        key
        for base in (ProviderSettings, HttpSettings, CompatibleApiSettings)
        if issubclass(model, base) and model is not base
        for key in base.model_fields
    }
    yield "key", "value", "default", "meaning"
    for key, info in model.model_fields.items():
        if key not in shared or key in model.__annotations__:
            yield f"`{key}`", _kind(info), _default(info), _meaning(info)


_KINDS = {
    "ApiSettings": "table",
    "AttemptSettings": "table",
    "Mapping[str, Path]": "table of paths",
    "Path": "path",
    "SecretStr": "secret",
    "SandboxSettings": "table",
    "bool": "true or false",
    "date": "day",
    "datetime": "moment",
    "dict[str, dict[str, Any]]": "table of tables",
    "dict[str, float]": "table of numbers",
    "dict[str, int]": "table of numbers",
    "dict[str, str]": "table of texts",
    "float": "number",
    "int": "whole number",
    "str": "text",
    "timedelta": "length of time",
    "Mapping[str, float | str]": "table of these",
    "tuple[SecretStr, ...]": "list of secrets",
    "tuple[str, ...]": "list of texts",
}


def _kind(info: FieldInfo) -> str:
    one_of = get_origin(info.annotation) in (Union, UnionType)
    kinds = get_args(info.annotation) if one_of else (info.annotation,)
    return " or ".join(word for kind in kinds if kind is not NoneType for word in _words(kind))


def _words(kind: Any) -> Iterator[str]:
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        yield from (f"`{choice}`" for choice in get_args(kind))
        return
    text = str(kind) if get_args(kind) else kind.__name__
    for prefix in ("collections.abc.", "pathlib._local.", "pathlib.", "pydantic.types.", "typing."):
        text = text.replace(prefix, "")
    yield _KINDS.get(text) or _WHOLE.get(get_origin(kind), text)


_WHOLE = {dict: "table of tables", tuple: "list of texts"}
"""What holds values of other types."""


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, timedelta):
        text = f"{value.days // 365}y" if value.days % 365 == 0 else f"{value.days}d"
    return "none" if value is None else "empty" if value in ((), {}) else f"`{text}`"


def _meaning(info: FieldInfo) -> str:
    extra = info.json_schema_extra
    per_call = isinstance(extra, dict) and extra.get("per_call")
    return (info.description or "") + " *Also per request.*" * bool(per_call)


def _provider(plugin: str) -> Rows:
    kind = vendors.provider(plugin)
    info = kind.info
    yield "fact", "value"
    withheld = kind.withheld(kind.settings_type.model_construct())
    offered = [f"`{operation}`" for operation in sorted(kind.capabilities - withheld)]
    offered += [f"`{operation}` if it is set" for operation in sorted(withheld)]
    yield "operations", ", ".join(offered)
    yield "picture types", ", ".join(sorted(info.formats))
    yield "lineage", f"`{info.lineage}`"
    for name, spec in (("`threshold`", info.match), ("`liveness_threshold`", info.liveness)):
        if spec:
            low, high = spec.bounds
            yield name, f"{low:g} to {high:g}, by default {spec.threshold:g}"
    most = info.max_gallery
    yield "gallery pictures", "any number" if most is None else f"up to {most}"
    yield "billed", str(info.billed)
    yield "who sees the picture", info.handling.recipient
    yield "keeps", str(info.handling.keeps)
    for word in ("enrols", "searches", "trains"):
        fact = getattr(info.handling, word)
        yield word, "not stated" if fact is None else "yes" if fact else "no"


def _notes(plugin: str) -> Rows:
    yield ("what it says about itself",)
    yield from ((note,) for note in vendors.provider(plugin).info.notes)


def _presets(plugin: str) -> Rows:
    rates = vendors.rates(vendors.provider(plugin).info)
    yield "preset", "threshold", "strangers accepted"
    for rate, threshold in rates.presets.items() if rates else ():
        yield f"`fmr:1e{round(math.log10(rate))}`", f"{threshold:g}", f"1 pair in {1 / rate:,.0f}"


def _models() -> Rows:
    yield "name", "what for", "size", "licence", "taken out of", "SHA-256"
    for model in MODELS:
        size = f"{model.bytes / 1e6:.1f} MB"
        source = f"{model.archive.client} `{model.archive.spec}`"
        yield (
            f"`{model.name}`",
            model.purpose,
            size,
            model.licence,
            source,
            f"`{model.sha256[:12]}...`",
        )


def _portraits() -> Rows:
    yield "file", "who", "by", "licence"
    for asset in PORTRAITS:
        person, author = (asset.credit.person, asset.credit.author) if asset.credit else ("", "")
        yield f"`{asset.file}`", person, author, f"[{asset.licence}]({asset.origin})"


def _rates() -> Rows:
    yield "score", "cosine", "FMR", "FMR, 1 photo each", "FNMR", "FNMR, per person"
    for row in measured()["rates"]:
        yield (
            f"{row['score']:.3f}",
            f"{row['cosine']:.3f}",
            f"{row['fmr']['rate']:.1e}",
            f"{row['fmr_first']['rate']:.1e}",
            f"{row['fnmr']['rate']:.2%}",
            f"{row['fnmr_person']:.2%}",
        )


def _groups() -> Rows:
    groups = measured()["groups"]
    yield "score", *(f"{what} among {name}" for what in ("FMR", "FNMR") for name in groups)
    scores = (score for _, score in KNOTS[2:])
    for rate, score in zip(next(iter(groups.values()))["rates"], scores, strict=False):
        at = [group["rates"][rate] for group in groups.values()]
        fmrs = (_bracketed(each["fmr"], "{:.1e}") for each in at)
        fnmrs = (_bracketed(each["fnmr"], "{:.1%}") for each in at)
        yield f"{score:.2f}", *fmrs, *fnmrs


def _bracketed(rate: dict[str, float], how: str) -> str:
    rates = (how.format(rate[name]) for name in ("rate", "low", "high"))
    return "{} ({} to {})".format(*rates)


TABLES: Final[dict[str, Callable[..., Rows]]] = {
    "errors": _errors,
    "groups": _groups,
    "models": _models,
    "notes": _notes,
    "portraits": _portraits,
    "presets": _presets,
    "provider": _provider,
    "rates": _rates,
    "settings": _settings,
    **actions.TABLES,
    **intervals.TABLES,
    **vendors.TABLES,
}
