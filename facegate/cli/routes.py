"""The command ``facegate routes``."""

from __future__ import annotations

import click

from facegate.cli import terminal
from facegate.cli.options import config_option, json_option, print_json
from facegate.config import Config
from facegate.providers.registry import Registry


@click.command()
@click.argument("name", required=False)
@config_option
@json_option
def routes(name: str | None, config: str | None, *, as_json: bool) -> None:
    """Draw the routes, or the one called NAME: who is asked, and in which order."""
    loaded = Config.load(config)
    if name is not None:
        loaded.refuse_unknown_route(name)
    names = list(loaded.routes) if name is None else [name]
    plan = loaded.plan(Registry())
    descriptions = {
        each: {
            **plan.described(each),
            "digest": plan.route(each).digest,
            "warnings": list(plan.findings(each)),
        }
        for each in names
    }
    if as_json:
        print_json(descriptions)
        return
    out = terminal.console()
    for each in descriptions.values():
        out.print(terminal.route_tree(each))
    if not descriptions:
        out.print("No routes are configured.")
