"""Tables ``[routes.NAME]``, ``[breaker]`` and ``[sentinel]`` as written, and checks of names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from facegate.document import Name, Span, Table, near
from facegate.model import Operation
from facegate.routing.breaker import BreakerSettings
from facegate.thresholds import Policy, Thresholds


class RetryTable(Table):
    """Retries of the same provider, where that cannot do harm."""

    attempts: int = Field(default=2, ge=1, description="Most times that one provider is asked.")
    first_s: float = Field(
        default=0.1, ge=0, description="Longest pause in seconds before the second time."
    )
    most_s: float = Field(
        default=2.0, ge=0, description="Seconds that the longest pause doubles up to."
    )
    retry_unknown: bool = Field(
        default=False, description="Repeat what the vendor may already have charged for."
    )


class ShadowTable(Table):
    """A candidate that gets a copy of some requests and never answers."""

    to: Name = Field(description="The provider or route on trial.")
    sample: float = Field(ge=0, le=1, description="Share of the requests that it gets.")
    most: int = Field(default=16, ge=1, description="Copies at once; one more is left out.")
    deadline_s: float = Field(default=30.0, gt=0, description="Seconds for one copy, at most.")


class RouteTable(Table):
    """A route. Exactly one of ``to``, ``failover`` and ``split`` says who is asked."""

    to: Name | None = Field(default=None, description="One provider or route.")
    failover: tuple[Name, ...] = Field(
        default=(),
        description="Providers or routes, asked in this order until one of them answers.",
    )
    split: dict[Name, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="Providers or routes, each with its weight among the subjects.",
    )
    shadow: ShadowTable | None = Field(
        default=None, description="The candidate on trial beside them."
    )
    retry: RetryTable | None = Field(
        default=None, description="For the providers that the route itself names."
    )
    deadline_s: float = Field(
        default=30.0, gt=0, description="Seconds for one request, everything included."
    )
    max_attempts: int | None = Field(
        default=None,
        ge=1,
        description="Most times that providers are asked for one request; each once, and as often"
        " as `retry` says, if absent.",
    )
    require_consent: bool = Field(
        default=False, description="Refuse requests that carry no consent."
    )
    policy: dict[Operation, Policy] = Field(
        default_factory=dict, description="Thresholds by operation; they win over the providers'."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if sum(bool(way) for way in (self.to, self.failover, self.split)) != 1:
            raise ValueError('give one of: to = "a", failover = ["a", "b"], split = {a = 9, b = 1}')
        if len(set(self.failover)) < len(self.failover):
            raise ValueError("failover names one twice")
        if self.split and not sum(self.split.values()):
            raise ValueError("split gives nobody any weight")
        for operation, policy in self.policy.items():
            idle = {Operation.COMPARE: {"liveness_threshold"}, Operation.COMPARE_LIVE: set()}
            for name in idle.get(operation, {"threshold", "review_from"}) & policy.model_fields_set:
                raise ValueError(f"policy.{operation}.{name} would never be used")
        return self

    @property
    def way(self) -> str:
        """The key that says who is asked."""
        return "to" if self.to else "failover" if self.failover else "split"

    @property
    def members(self) -> Sequence[str]:
        """Names of the providers and routes that may answer, in order."""
        return (self.to,) if self.to else self.failover or tuple(self.split)

    def references(self) -> Iterator[tuple[str, str]]:
        """Every name that the table mentions, after the key it stands at."""
        yield from ((self.way, name) for name in self.members)
        if self.shadow:
            yield "shadow.to", self.shadow.to


class SentinelTable(Table):
    """``[sentinel]``: pictures that are asked again and again, to notice a model that changed."""

    canaries: Path = Field(description="CSV file of the canaries.")
    providers: tuple[Name, ...] = Field(min_length=1, description="The providers to watch.")
    every: Span = Field(default=timedelta(days=1), description="Time from one round to the next.")
    false_alarm_every: Span = Field(
        default=timedelta(days=3 * 365),
        description="Time from one false alarm to the next, on average and at least, where a"
        " provider's scores are noisy. Where they are exact, there is none by chance.",
    )
    on_alarm: Literal["tell", "review", "leave"] = Field(
        default="tell",
        description="What becomes of a provider that changed: `tell` and go on, have people"
        " `review` whom it would accept, or `leave` it to others.",
    )
    threshold: Thresholds | None = Field(
        default=None,
        description="The similarity that canaries are held to: as the routes do. The providers' own"
        " if absent.",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.every:
            raise ValueError("every: must be more than nothing")
        if self.false_alarm_every < 10 * self.every:
            raise ValueError("false_alarm_every: must be ten rounds or more")
        return self

    @property
    def rounds(self) -> float:
        """Rounds from one false alarm to the next, on average and at least."""
        return self.false_alarm_every / self.every


class BreakerTable(BreakerSettings):
    """``[breaker]``: for every provider; a table in it, ``[breaker.main]``, is for one."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, BreakerSettings]

    @model_validator(mode="before")
    @classmethod
    def _known(cls, data: Any) -> Any:
        for key, value in data.items() if isinstance(data, Mapping) else ():
            if key not in cls.model_fields and not isinstance(value, Mapping):
                raise ValueError(f"no such key: {key}{near(key, cls.model_fields)}")
        return data

    @property
    def own(self) -> dict[str, BreakerSettings]:
        """Settings of single providers, by name."""
        return self.__pydantic_extra__

    def of(self, provider: str) -> BreakerSettings:
        """The settings that hold for one provider."""
        own = self.own.get(provider, BreakerSettings())
        general = {name: getattr(self, name) for name in BreakerSettings.model_fields}
        return BreakerSettings(**general | own.model_dump(exclude_unset=True))


def check(routes: Mapping[str, RouteTable], providers: Collection[str]) -> None:
    """Refuse names that lead nowhere or in a circle, and keys that hold nothing where they stand.

    Raises:
        ValueError: naming the key.
    """
    inner = {}
    for name, table in routes.items():
        if name in providers:
            raise ValueError(f"routes.{name}: a provider is called {name!r} as well")
        for key, member in table.references():
            if member not in routes and member not in providers:
                hint = near(member, [*routes, *providers])
                raise ValueError(
                    f"routes.{name}.{key}: no provider or route is called {member!r}{hint}"
                )
            inner[member] = name
    for name in routes:
        _refuse_circle(routes, [name])
    for name, table in routes.items():
        for key in ("shadow", "policy"):
            if name in inner and getattr(table, key):
                raise ValueError(
                    f"routes.{name}.{key}: {name} is a part of {inner[name]}; what holds for a"
                    f" request is said where it comes in, in routes.{inner[name]}"
                )


def _refuse_circle(routes: Mapping[str, RouteTable], path: list[str]) -> None:
    table = routes.get(path[-1])
    for _, member in table.references() if table else ():
        if member in path:
            circle = " -> ".join([*path[path.index(member) :], member])
            raise ValueError(f"routes.{path[0]} goes in a circle: {circle}")
        _refuse_circle(routes, [*path, member])
