"""Values of options that have parts."""

from __future__ import annotations

from datetime import timedelta

import click

from facegate.document import span

_COSTS = ("false_match", "false_non_match", "prior", "review")


class Span(click.ParamType[timedelta]):
    """A length of time: ``24h``."""

    name = "span"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        try:
            return span(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Names(click.ParamType[list[str]]):
    """Names of columns: ``sex,age``."""

    name = "names"

    def convert(
        self, value: str | list[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        if not isinstance(value, str):
            return value
        names = [part.strip().removeprefix("group_") for part in value.split(",")]
        if not all(names):
            self.fail("names are separated by commas", param, ctx)
        return names


class Costs(click.ParamType[dict[str, float]]):
    """Prices: ``false_match=500,false_non_match=8,review=2,prior=0.01``."""

    name = "costs"

    def convert(
        self,
        value: str | dict[str, float],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> dict[str, float]:
        if not isinstance(value, str):
            return value
        costs = {}
        for part in value.split(","):
            name, _, amount = part.partition("=")
            if name.strip() not in _COSTS:
                self.fail(f"{name.strip()!r} is none of {', '.join(_COSTS)}", param, ctx)
            try:
                costs[name.strip()] = float(amount)
            except ValueError:
                self.fail(f"{part!r} is not NAME=NUMBER", param, ctx)
        if missing := [name for name in _COSTS[:3] if name not in costs]:
            self.fail(f"{missing[0]} is missing", param, ctx)
        if not all(0 <= cost < float("inf") for cost in costs.values()):
            self.fail("costs are numbers from 0 on", param, ctx)
        if not 0 < costs["prior"] < 1:
            self.fail("prior is a share of people, above 0 and below 1", param, ctx)
        return costs


class Split(click.ParamType[float]):
    """The share of people to choose thresholds on: ``person:0.5``."""

    name = "split"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if not isinstance(value, str):
            return value
        kind, _, text = value.partition(":")
        try:
            share = float(text)
        except ValueError:
            share = 0.0
        if kind != "person" or not 0 < share < 1:
            self.fail(f"{value!r} is not person:SHARE, with a share such as 0.5", param, ctx)
        return share
