"""The commands ``facegate keys ...``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import click
from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from facegate.cli.options import config_option, json_option, print_json
from facegate.cli.terminal import console
from facegate.cli.values import Span
from facegate.config import Config
from facegate.errors import ConfigurationError
from facegate.gateway.grants import SCOPES, Grant
from facegate.gateway.keys import Keys, NewKey, StoredKey, new_key
from facegate.gateway.listing import KeyView
from facegate.gateway.native.settings import ApiSettings
from facegate.gateway.settings import ServeSettings
from facegate.model import Operation
from facegate.opening import recorder

if TYPE_CHECKING:
    from facegate.gateway.stored import StoredKeys
    from facegate.journal.journal import Journal


class _Expiry(click.ParamType[date]):
    """The last day, or how long from now on: ``2027-01-01``, ``90d``."""

    name = "expiry"

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            return datetime.now(UTC) + Span().convert(value, param, ctx)


@click.group()
def keys() -> None:
    """Keys for facegate's own API and its console: make, list, rotate, revoke.

    They are kept in the database that [journal] of the configuration names, and every process that
    serves knows within a second.
    """


@keys.command()
@click.argument("name", required=False)
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it is for.")
@click.option("--route", "routes", multiple=True, metavar="NAME", help="A route that it may ask.")
@click.option(
    "--operation",
    "operations",
    multiple=True,
    type=click.Choice([each.value for each in Operation]),
)
@click.option("--expires", type=_Expiry(), help="The last day, or how long: 2027-01-01, 90d.")
@click.option("--rate", help="Most questions in any such time: 20/second.")
@click.option("--at-once", type=int, help="Most questions at once.")
@click.option("--budget", help="Most money in a day or month in UTC: 200/day.")
@click.option("--soft-budget", help="Money after which replies and the log say so.")
@click.option("--hash", "hashed", is_flag=True, help="Only print a key, and its hash for the file.")
@config_option
@json_option
def create(
    name: str | None, config: str | None, *, hashed: bool, as_json: bool, **granted: Any
) -> None:
    """Make a key called NAME, and print it: nobody can tell it again.

    With --hash, nothing is kept: the key is for its user, the hash for [serve.api.keys.NAME] of the
    configuration, where scopes and limits are written too.
    """
    if hashed:
        made = new_key()
        if as_json:
            print_json({"key": made.text, "hash": made.hash})
        else:
            click.echo(f'{made.text}\nhash = "{made.hash}"')
        return
    if name is None:
        raise click.UsageError("give the key a NAME, such as the team's")
    grant = _grant(granted)
    grant.refuse_past()
    with _stored(config) as stored:
        key, made = stored.create(name, grant, None)
    _show(key, made, as_json=as_json)


@keys.command("list")
@config_option
@json_option
def list_(config: str | None, *, as_json: bool) -> None:
    """List keys, without their secrets: those of the configuration, then the newest first."""
    serving = ServeSettings.of(Config.load(config)).api or ApiSettings()
    with _stored(config) as stored:
        known = [*Keys(serving.keys).in_file.values(), *stored.all()]
    if as_json:
        print_json({"keys": [_plain(each) for each in known]})
    else:
        console().print(_table(known))


@keys.command()
@click.argument("key_id", metavar="ID")
@config_option
def revoke(key_id: str, config: str | None) -> None:
    """Make the key ID void, for good."""
    with _stored(config) as stored:
        stored.revoke(key_id, None)


@keys.command()
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap",
    type=Span(),
    default="24h",
    show_default=True,
    help="How long the old secret holds on; 0h after a leak.",
)
@config_option
@json_option
def rotate(key_id: str, overlap: timedelta, config: str | None, *, as_json: bool) -> None:
    """Give the key ID another secret, and print it; id, scopes and limits stay."""
    with _stored(config) as stored:
        key, made = stored.rotate(key_id, overlap, None)
    _show(key, made, as_json=as_json)


@contextmanager
def _stored(config: str | None) -> Iterator[StoredKeys]:
    loaded = Config.load(config)
    journal = cast("Journal | None", recorder(loaded))
    if journal is None:
        raise ConfigurationError(
            f"{loaded.source}: keys are kept in the journal's database, and there is no [journal];"
            " add that table, or write a hash into the file (facegate keys create --hash)"
        )
    from facegate.gateway.stored import StoredKeys

    try:
        yield StoredKeys(journal.store)
    finally:
        journal.close()


def _grant(granted: dict[str, Any]) -> Grant:
    values = {name: value for name, value in granted.items() if value not in (None, ())}
    try:
        return Grant.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:  # it is of several together
            raise click.UsageError(first["msg"]) from None
        name = str(first["loc"][0])
        option = {"scopes": "scope", "routes": "route", "operations": "operation"}.get(name, name)
        hint = f"--{option.replace('_', '-')}"
        raise click.BadParameter(first["msg"], param_hint=hint) from None


def _show(key: StoredKey, made: NewKey, *, as_json: bool) -> None:
    if as_json:
        print_json({**_plain(key), "key": made.text})
    else:
        click.echo(made.text)
        click.echo(f"{key.id} for {key.name}: keep it now, it is not shown again", err=True)


def _plain(key: StoredKey) -> dict[str, Any]:
    return KeyView.of(key).model_dump(mode="json")


def _table(known: Sequence[StoredKey]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "name", "state", "scopes", "routes", "limits"):
        table.add_column(column)
    for key in known:
        grant = key.grant
        most = {"rate": grant.rate, "at once": grant.at_once, "budget": grant.budget}
        limits = ", ".join(f"{name} {value}" for name, value in most.items() if value)
        routes = ", ".join(grant.routes) if grant.routes else "all"
        cells = (key.id, key.name, _state(key), ", ".join(grant.scopes), routes, limits)
        table.add_row(*map(Text, cells))
    return table


def _state(key: StoredKey) -> str:
    now, until = datetime.now(UTC), key.grant.until
    if key.revoked:
        return f"revoked {key.revoked:%Y-%m-%d}"
    if until is not None and until < now:
        return f"void since {until:%Y-%m-%d}"
    if key.in_file:
        return "in the file"
    if key.old_until and key.old_until > now:
        return f"old secret until {key.old_until:%Y-%m-%d %H:%M}"
    return f"until {until:%Y-%m-%d}" if until else "good"
