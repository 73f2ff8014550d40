"""The watch over models: how each watched provider stands, and going on with one that changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from anyio.from_thread import check_cancelled
from anyio.from_thread import run as in_loop
from anyio.to_thread import run_sync
from pydantic import BaseModel, Field, TypeAdapter

from facegate.errors import FacegateError, InvalidRequest
from facegate.gateway.native.decisions import answered
from facegate.gateway.native.endpoint import Action, Incoming, Stream, Write
from facegate.gateway.native.operating import READING
from facegate.gateway.native.wire import Message, message
from facegate.runtime.flow import HttpReply
from facegate.sentinel.materiality import Materiality

if TYPE_CHECKING:
    from facegate.sentinel.sentinel import Sentinel

_LISTED = 100
"""Rounds of a period that the list of all providers has."""


class NotWatched(InvalidRequest):
    """A provider that nobody watches."""

    http_status = 404


class NothingToAccept(InvalidRequest):
    """A provider whose model is not known to have changed."""

    http_status = 409


class RoundView(BaseModel):
    """A round: all canaries asked once.

    Attributes:
        at: when it was recorded.
        part: ``watch``, or ``repeat`` where it was asked at once because the one before differed.
        answered: number of canaries of which something was said.
        failed: those of which nothing was said, each with the class of the error.
        engines: number of answers by the version or model that gave them, where it is named.
        changes: sentences on what shows that the model changed.
        doubts: sentences on what differs, and has to be seen once more to count.
        p: p-value of the round among all, 0 to 1; null where rounds are not ranked.
        evidence: evidence of a change up to here; null likewise.
        materiality: how much the difference matters; null where there is none.
        seconds: seconds of an answer, the median; null where there was none.
        cost: in the operator's currency; null where none is configured.
    """

    at: datetime
    part: str
    answered: int
    failed: dict[str, str]
    engines: dict[str, int]
    changes: list[str]
    doubts: list[str]
    p: float | None
    evidence: float | None
    materiality: Materiality | None
    seconds: float | None
    cost: float | None


class PeriodView(BaseModel):
    """A time in which a provider is held to one baseline.

    Attributes:
        began: when its baseline was taken.
        reason: why it begins, in words.
        exact: whether answers are alike in every round, to the last digit, as far as was seen.
        baseline_rounds: number of rounds of the baseline.
        changed: the moment by which the model is known to have changed; null where it is not.
        evidence: evidence of a change, where rounds are ranked; null where the provider is exact.
        watched: number of rounds since the baseline.
        alarm: the round that began the alarm; null where there is none.
        rounds: the rounds since the baseline, the oldest first: all of them where one provider is
            asked for, the newest hundred in the list of all.
    """

    began: datetime
    reason: str
    exact: bool
    baseline_rounds: int
    changed: datetime | None
    evidence: float | None
    watched: int
    alarm: RoundView | None
    rounds: list[RoundView]


class StandingView(BaseModel):
    """The standing of a watched provider.

    Attributes:
        provider: its configured name.
        changed: the moment by which its model is known to have changed; null where it is not.
        due: when the next round is due; null where there was none yet.
        enough: the evidence that is an alarm, where rounds are ranked.
        cost: what all of its rounds cost, or may have, in the operator's currency.
        periods: the times in which it was held to one baseline, the oldest first; none where there
            is no baseline yet.
    """

    provider: str
    changed: datetime | None
    due: datetime | None
    enough: float
    cost: float
    periods: list[PeriodView]


class Standings(BaseModel):
    """The watched providers."""

    providers: list[StandingView]


class AcceptanceMessage(Message):
    """An acceptance of a model that changed."""

    reason: str = Field(min_length=1, max_length=500, description="Why it may be used as it is.")


class Acceptance(BaseModel):
    """An acceptance as far as it has come; the last line says how it ended.

    Attributes:
        state: ``running``, ``done``, or ``failed``: then nothing has changed.
        done: canaries that were asked.
        of: canaries that are to be asked.
        problem: why it failed; null where it did not.
        standing: how the provider stands now; null before that.
    """

    state: Literal["running", "done", "failed"] = "running"
    done: int = 0
    of: int = 0
    problem: str | None = None
    standing: StandingView | None = None


@dataclass(frozen=True)
class Watching:
    """The handlers of watched providers.

    Attributes:
        sentinel: knows how they stand; None where nobody watches.
    """

    sentinel: Sentinel | None

    def actions(self) -> Iterator[Action]:
        """The actions on watched providers."""
        reading = partial(Action, method="GET", scope=READING)
        yield reading(
            name="listStandings",
            path="/v1/sentinel",
            handler=self.listed,
            summary="Watched providers, and whether their models changed",
            answer=Standings,
        )
        yield reading(
            name="showStanding",
            path="/v1/sentinel/{provider}",
            handler=self.shown,
            summary="A watched provider, with all rounds of its canaries",
            answer=StandingView,
            problems=(404,),
        )
        yield Action(
            name="acceptModel",
            method="POST",
            path="/v1/sentinel/{provider}/acceptance",
            handler=self.accepted,
            scope="admin",
            summary="The use of a model as it is now: a new baseline, told in lines of JSON",
            answer=Acceptance,
            answer_type="application/x-ndjson",
            body=AcceptanceMessage,
            problems=(404, 409),
        )

    async def listed(self, incoming: Incoming) -> HttpReply:
        names, sentinel = self._names(incoming), self.sentinel
        views = [await run_sync(_view, sentinel, name, _LISTED) for name in names]
        return answered(Standings(providers=views), _LIST)

    async def shown(self, incoming: Incoming) -> HttpReply:
        return answered(await run_sync(_view, *self._named(incoming)), _STANDING)

    async def accepted(self, incoming: Incoming) -> Stream:
        asked = message(AcceptanceMessage, incoming.request)
        sentinel, name = self._named(incoming)
        if (await run_sync(sentinel.standing, name)).changed is None:
            raise NothingToAccept(f"{name} is not known to have changed")
        work = partial(_accept, sentinel, name, asked.reason, incoming.caller.id)
        return Stream("application/x-ndjson", work)

    def _named(self, incoming: Incoming) -> tuple[Sentinel, str]:
        """The sentinel, and the name of the provider that the path has.

        Raises:
            NotWatched: it is none that the caller may see.
        """
        name = incoming.path["provider"]
        if self.sentinel is None or name not in self._names(incoming):
            raise NotWatched("no such provider is watched")
        return self.sentinel, name

    def _names(self, incoming: Incoming) -> Collection[str]:
        """The watched providers that are the caller's business."""
        watched = self.sentinel.settings.providers if self.sentinel else ()
        if incoming.caller.routes is None:
            return watched
        routes = [each.route for each in incoming.visible.values()]
        theirs = {provider.name for route in routes for provider in route.providers}
        return [name for name in watched if name in theirs]


def _view(sentinel: Sentinel | None, name: str, most: int | None = None) -> StandingView:
    """The standing of a provider, with so many of each period's rounds, the newest, or with all."""
    from facegate.sentinel.words import as_data

    assert sentinel is not None  # noqa: S101  without one, nobody is watched
    standing = sentinel.standing(name)
    data = as_data(standing)
    for period in data["periods"]:
        rounds = period["rounds"]
        period["watched"] = len(rounds)
        period["alarm"] = next((each for each in rounds if each["changes"]), None)
        period["rounds"] = rounds[-(most or len(rounds)) :]
    spent = [each.cost or 0.0 for period in standing.periods for each in period.rounds]
    return StandingView(**data, enough=sentinel.settings.rounds, cost=sum(spent))


async def _accept(
    sentinel: Sentinel, name: str, reason: str, caller: str | None, write: Write
) -> None:
    """Take a new baseline, and write a line for each canary that was asked."""

    async def tell(line: Acceptance) -> None:
        await write(line.model_dump_json().encode() + b"\n")

    def told(done: int, of: int) -> None:
        check_cancelled()  # raises in here where nobody listens any more
        in_loop(tell, Acceptance(done=done, of=of))

    def accepted() -> StandingView:
        sentinel.accept(name, reason, caller=caller, progress=told)
        return _view(sentinel, name, _LISTED)

    try:
        standing = await run_sync(accepted)
    except FacegateError as error:
        await tell(Acceptance(state="failed", problem=error.message))
    else:
        await tell(Acceptance(state="done", standing=standing))


_LIST: TypeAdapter[Any] = TypeAdapter(Standings)
_STANDING: TypeAdapter[Any] = TypeAdapter(StandingView)
