"""A TOML file completed by the environment: tables, before anyone knows what their keys mean."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from facegate.errors import ConfigurationError

PREFIX = "FACEGATE_"
"""Beginning of every environment variable that is a setting."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
"""Name of a provider or route: lower case, so that an environment variable can spell it."""


_SPAN = re.compile(r"(\d{1,5})([mhdwy])")
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60, "y": 365 * 24 * 60}


def span(value: str | timedelta) -> timedelta:
    """The length of time that a text names: ``90m``, ``6h``, ``1d``, ``2w``, ``3y``.

    Raises:
        ValueError: it names none.
    """
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        return timedelta(minutes=int(found[1]) * _MINUTES[found[2]])
    if isinstance(value, timedelta):
        return value
    raise ValueError("a number of minutes, hours, days, weeks or years: 90m, 24h, 90d")


Span = Annotated[timedelta, BeforeValidator(span)]
"""A length of time, written as a number and a unit."""


class Table(BaseModel):
    """A table of settings: frozen; refuses unknown keys, NaN and infinity; errors show no input."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """A switch would be taken for 0 or 1: a threshold of 0 accepts everybody."""
        if isinstance(value, bool) and info.field_name is not None:
            kinds = _kinds(cls.model_fields[info.field_name].annotation)
            if bool not in kinds and kinds & {int, float}:
                raise ValueError("must be a number, not true or false")
        return value


def _kinds(annotation: Any) -> set[Any]:
    """A type, or those that it is a choice of."""
    return {annotation}.union(*map(_kinds, get_args(annotation)))


_SINGLE = {"default", "subject_key", "subject_key_file"}
_TABLES = {
    "images": 2,
    "calibration": 2,
    "limits": 3,
    "sentinel": 2,
    **dict.fromkeys(("batch", "breaker", "journal", "serve", "telemetry"), 0),
}
"""Tables at the top of the document, with the length of a setting's path in them; 0 where the table
itself knows."""
_NAMED = {"providers": ("PLUGIN",), "routes": ("TO", "FAILOVER", "SPLIT")}
"""Tables of named tables, and the keys that may bring a new name into being."""


def read(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigurationError: saying where it cannot be read.
    """
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows' editors add a BOM
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # not UTF-8, or not TOML; both say where
        hint = next((each for said, each in _HINTS.items() if said in str(error)), "")
        raise ConfigurationError(f"{path}: {error}{hint}") from None


_HINTS = {
    "Invalid value": "; a text needs quotes",
    "hex value": "; for a path with \\, use '...' or write / instead",
    "Unescaped": "; for a path with \\, use '...' or write / instead",
}
"""What to type instead, by what TOML's parser says is wrong."""


def overlay(
    document: dict[str, Any], environ: Mapping[str, str], others: Collection[str]
) -> tuple[str, ...]:
    """Write the environment's settings into the document; gives the variables that fit nowhere.

    Args:
        document: the tables; changed in place.
        environ: environment variables; those called ``FACEGATE_...`` are settings.
        others: variables called so that are no settings.
    """
    known = {table: _names(document, environ, table) for table in _NAMED}
    unread = []
    for key in sorted(environ):
        if not key.startswith(PREFIX) or key in others:
            continue
        path = key.removeprefix(PREFIX).lower().split("__")
        if not _fits(path, known):
            unread.append(key)
            continue
        table: Any = document
        for part in path[:-1]:
            table = table.setdefault(part, {}) if isinstance(table, dict) else None
        if isinstance(table, dict):  # validation says what is wrong with one that is not
            table[path[-1]] = _value(environ[key])
    return tuple(unread)


def _names(document: dict[str, Any], environ: Mapping[str, str], table: str) -> set[str]:
    named = document.get(table)
    pattern = rf"{PREFIX}{table.upper()}__([A-Z0-9_]+?)__({'|'.join(_NAMED[table])})(__.*)?"
    new = {match[1].lower() for key in environ if (match := re.fullmatch(pattern, key))}
    return new | (set(named) if isinstance(named, dict) else set())


def _fits(path: list[str], known: Mapping[str, set[str]]) -> bool:
    top, length = path[0], len(path)
    if top in _NAMED:
        return length > 2 and path[1] in known[top] and (length == 3 or top == "routes")
    if top in _TABLES:
        return length == _TABLES[top] or (not _TABLES[top] and length > 1)
    return length == 1 and top in _SINGLE


def _value(text: str) -> Any:
    """A variable's value: JSON of a list or table; anything else is left to the setting's type."""
    if text[:1] in ("[", "{"):
        import json

        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def with_secret_files(
    model: type[BaseModel], settings: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """The settings, with a secret read from its file where ``<setting>_file`` is given.

    Args:
        model: the settings' type; its fields of type SecretStr are the secrets.
        settings: the table as it was written.
        where: the beginning of the path that messages name.

    Raises:
        ConfigurationError: naming the key.
    """
    values = dict(settings)
    for field, info in model.model_fields.items():
        key = f"{field}_file"
        if not is_secret(info):
            continue
        if key in values and key not in model.model_fields:
            secret = secret_text(values.pop(key), f"{where}{key}").strip()
            if field in values:
                raise ConfigurationError(f"{where}{key}: {field} is given as well; give one")
            if not secret:
                raise ConfigurationError(f"{where}{key}: the file is empty")
            values[field] = secret
    return values


def is_secret(info: FieldInfo) -> bool:
    """Whether a setting is a secret, which may come from a file."""
    return SecretStr in _kinds(info.annotation)


def secret_text(path: str, where: str) -> str:
    """The text of a file that holds secrets.

    Raises:
        ConfigurationError: it cannot be read. Its path is not shown: it may be the secret itself.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except (ValueError, TypeError):
        reason = "no text in UTF-8, or no path"
    raise ConfigurationError(f"{where}: cannot read the file: {reason}")


def explained(error: ValidationError, where: str, model: type[BaseModel]) -> ConfigurationError:
    """The first problem as an error that names its path; never the value, which may be a secret.

    A key that nobody knows comes first: it may be a misspelling of one that is missing.

    Args:
        error: what pydantic refused.
        where: the beginning of the path.
        model: the type that it was to be, whose keys are suggested for one that is unknown.
    """
    problems = error.errors(include_input=False, include_url=False)
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    path = ".".join(str(part) for part in first["loc"] if part != "[key]")
    text = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        *tables, key = first["loc"]
        known: Mapping[Any, Any] = model.model_fields
        for table in tables:
            known = getattr(getattr(known.get(table), "annotation", None), "model_fields", {})
        text = f"no such key{near(str(key), known)}"
    place = f"{where}{path}".rstrip(".: ")
    return ConfigurationError(f"{place}: {text}" if place else text)


def near(name: str, known: Collection[str]) -> str:
    """A suggestion for a name that nobody knows, for the end of a message; empty without one."""
    from difflib import get_close_matches

    closest = get_close_matches(name, known, n=1)
    return f"; did you mean {closest[0]!r}?" if closest else ""
