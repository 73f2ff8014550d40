"""Decisions looked up in the journal, and what people make of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from anyio.to_thread import run_sync
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from facegate.errors import InvalidRequest
from facegate.gateway.native.endpoint import Action, Incoming
from facegate.gateway.native.settings import ApiSettings
from facegate.gateway.native.wire import Message, message
from facegate.journal.lookup import Detail, Filter, NotRecorded, Page
from facegate.journal.rows import (
    Act,
    AttemptRow,
    Case,
    Found,
    LabelRow,
    RequestRow,
    ReviewRow,
    ReviewState,
    Verdict,
)
from facegate.model import Decision, Operation
from facegate.runtime.flow import HttpReply

if TYPE_CHECKING:
    from facegate.journal.journal import Journal

SUBJECT = "x-facegate-subject"
_HIGHEST = 2**53 - 1
"""Number of a record: more than there will be, and whole in every language's JSON."""


def _moment(value: object) -> object:
    """A text as the moment that it is in ISO 8601; pydantic would take a number of seconds too."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("a moment in ISO 8601, such as 2027-01-01T00:00:00Z") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class DecisionsQuery(BaseModel):
    """Decisions that are looked for. Each member narrows them down."""

    model_config = ConfigDict(extra="forbid")

    after: int | None = Field(
        default=None, ge=0, le=_HIGHEST, description="Only later ones, oldest first."
    )
    before: int | None = Field(default=None, ge=1, le=_HIGHEST, description="Only earlier ones.")
    limit: int = Field(default=50, ge=1, le=500)
    decision: Decision | None = None
    operation: Operation | None = None
    route: str | None = None
    provider: str | None = None
    caller: str | None = Field(default=None, description="The id of a key.")
    error: str | None = Field(default=None, description="The code of a failure.")
    since: Moment | None = Field(default=None, description="The earliest beginning.")
    until: Moment | None = Field(default=None, description="The moment before which it began.")
    reference: str | None = Field(default=None, description="The consent's reference.")


class LabelMessage(Message):
    """The truth about a request, as somebody found it out; null for not known."""

    genuine: bool | None = Field(default=None, description="The claimed person, or an impostor.")
    spoof: bool | None = Field(default=None, description="A presentation attack, or none.")


class ReviewMessage(Message):
    """A reviewer's verdict."""

    verdict: Verdict
    reason: str = Field(min_length=1, max_length=1000)
    found: Found | None = Field(
        default=None, description="What turned out to be true; only that becomes a label."
    )


class DetailView(BaseModel):
    """A decision with all that is recorded of it.

    Attributes:
        decision: the request as the caller saw it end.
        shadows: what candidates made of it in the background.
        attempts: every provider that was asked, oldest first.
        labels: what was found out later, oldest first.
        reviews: what reviewers did, oldest first.
        repeats: ids of other requests that were given the same id.
        case_url: the person's case in the operator's own system; null where none is configured.
    """

    decision: RequestRow
    shadows: list[RequestRow]
    attempts: list[AttemptRow]
    labels: list[LabelRow]
    reviews: list[ReviewRow]
    repeats: list[str]
    case_url: str | None


class CaseView(BaseModel):
    """A decision that a person has to look at.

    Attributes:
        request_id: of the request.
        at: when the request began.
        route: that was asked.
        decision: the request.
        claimed_by: the reviewer who looks at it; null where nobody does.
        claimed_until: the end of that claim, which another may take it after.
        verdict: the latest that stands, whether it counts yet or not.
        verdict_by: whose it is.
        verdict_until: until when they may undo it.
        reason: theirs.
        confirmations_left: how many more reviewers must say the same; 0 once it counts, null while
            there is no verdict.
        case_url: the person's case in the operator's own system; null where none is configured.
    """

    request_id: str
    at: datetime
    route: str
    decision: RequestRow
    claimed_by: str | None
    claimed_until: datetime | None
    verdict: Verdict | None
    verdict_by: str | None
    verdict_until: datetime | None
    reason: str | None
    confirmations_left: int | None
    case_url: str | None


class Cases(BaseModel):
    """The decisions that wait for a person.

    Attributes:
        reviews: the oldest first.
        four_eyes: whether two people must decide alike.
    """

    reviews: list[CaseView]
    four_eyes: bool


@dataclass(frozen=True)
class Decisions:
    """The handlers of decisions and reviews.

    Attributes:
        journal: where they are.
        settings: of the API.
    """

    journal: Journal
    settings: ApiSettings

    def actions(self) -> Iterator[Action]:
        """The actions on decisions and reviews."""
        yield Action(
            name="listDecisions",
            method="GET",
            path="/v1/decisions",
            handler=self.listed,
            scope="decisions:read",
            summary="Decisions, the newest first; those after a given one, the oldest first",
            answer=Page,
            query=DecisionsQuery,
            headers={
                "X-Facegate-Subject": "Only those about this person, as the caller named them."
            },
        )
        yield Action(
            name="showDecision",
            method="GET",
            path="/v1/decisions/{request_id}",
            handler=self.shown,
            scope="decisions:read",
            summary="A decision with its attempts, labels and reviews",
            answer=DetailView,
            problems=(404,),
        )
        yield Action(
            name="labelDecision",
            method="POST",
            path="/v1/decisions/{request_id}/label",
            handler=self.labelled,
            scope="label",
            summary="The truth about a request, noted",
            body=LabelMessage,
            status=201,
            problems=(404,),
        )
        yield Action(
            name="listReviews",
            method="GET",
            path="/v1/reviews",
            handler=self.cases,
            scope="review",
            summary="Decisions that wait for a person, the oldest first",
            answer=Cases,
        )
        one = "/v1/reviews/{request_id}"
        reviewing = partial(Action, scope="review", answer=CaseView, problems=(404, 409))
        yield reviewing(
            name="claimReview",
            method="POST",
            path=f"{one}/claim",
            handler=self.claimed,
            summary="A review, claimed for a while",
        )
        yield reviewing(
            name="releaseReview",
            method="DELETE",
            path=f"{one}/claim",
            handler=self.released,
            summary="A claimed review, given back",
        )
        yield reviewing(
            name="decideReview",
            method="POST",
            path=one,
            handler=self.decided,
            body=ReviewMessage,
            summary="A claimed review, decided",
        )
        yield reviewing(
            name="undoReview",
            method="DELETE",
            path=one,
            handler=self.undone,
            summary="A verdict, taken back while the claim lasts",
        )

    async def listed(self, incoming: Incoming) -> HttpReply:
        query = incoming.queried(DecisionsQuery)
        wanted = query.model_dump(exclude={"after", "before", "limit"})
        if query.route is None:
            wanted["routes"] = incoming.caller.routes
        filters = Filter(subject=_subject(incoming), **wanted)
        find = partial(self.journal.find, filters, after=query.after, before=query.before)
        return answered(await run_sync(partial(find, limit=query.limit)), _PAGE)

    async def shown(self, incoming: Incoming) -> HttpReply:
        found = await self._found(incoming)
        row = found.decision
        parts = {name: getattr(found, name) for name in _PARTS}
        if incoming.caller.routes is not None:
            parts["repeats"] = []  # some may be another's
        if self.settings.four_eyes and row.review is not ReviewState.DONE:
            parts["reviews"] = [
                each
                for each in found.reviews
                if each.act is not Act.VERDICT or each.caller == _who(incoming)
            ]
        return answered(DetailView.model_construct(case_url=self._case_url(row), **parts), _DETAIL)

    async def labelled(self, incoming: Incoming) -> HttpReply:
        label = message(LabelMessage, incoming.request)
        found = await self._found(incoming)
        request_id, caller = found.decision.request_id, incoming.caller.id
        note = partial(self.journal.label, request_id, **label.model_dump(), caller=caller)
        await run_sync(note)
        return HttpReply(201)

    async def cases(self, incoming: Incoming) -> HttpReply:
        four_eyes = self.settings.four_eyes
        wanted = partial(self.journal.cases, four_eyes=four_eyes, routes=incoming.caller.routes)
        views = [self._view(each, _who(incoming)) for each in await run_sync(wanted)]
        return answered(Cases.model_construct(reviews=views, four_eyes=four_eyes), _CASES)

    async def claimed(self, incoming: Incoming) -> HttpReply:
        return await self._act(self.journal.claim, incoming, self.settings.claim_s)

    async def released(self, incoming: Incoming) -> HttpReply:
        return await self._act(self.journal.release, incoming)

    async def decided(self, incoming: Incoming) -> HttpReply:
        review = message(ReviewMessage, incoming.request)
        said = review.verdict, review.reason, review.found
        return await self._act(self.journal.review, incoming, *said)

    async def undone(self, incoming: Incoming) -> HttpReply:
        return await self._act(self.journal.undo, incoming)

    async def _act(
        self, act: Callable[..., Case], incoming: Incoming, *arguments: Any
    ) -> HttpReply:
        found, who = await self._found(incoming), _who(incoming)
        doing = partial(act, found.decision.request_id, who, *arguments)
        case = await run_sync(partial(doing, four_eyes=self.settings.four_eyes))
        return answered(self._view(case, who), _CASE)

    async def _found(self, incoming: Incoming) -> Detail:
        """The request that is named; one of another's route is not there for the caller.

        Of several that were given this id, the caller's own comes before another's.
        """
        caller, request_id = incoming.caller, incoming.path["request_id"]
        nothing = NotRecorded("no such request in the journal")  # its name may be anything
        try:
            found = await run_sync(self.journal.decision, request_id)
        except NotRecorded:
            raise nothing from None
        if found.decision.caller != caller.id:
            for each in reversed(found.repeats):
                other = await run_sync(self.journal.decision, each)
                if other.decision.caller == caller.id:
                    found = other
                    break
        if not caller.may_see(found.decision.route):
            raise nothing
        return found

    def _view(self, case: Case, who: str) -> CaseView:
        """A case as a reviewer may see it: of two, neither knows the other's verdict before."""
        known = {name: getattr(case, name) for name in CaseView.model_fields if name != "case_url"}
        if self.settings.four_eyes and case.confirmations_left and case.verdict_by != who:
            known |= dict.fromkeys(("verdict", "verdict_by", "verdict_until", "reason"))
        return CaseView.model_construct(case_url=self._case_url(case.decision), **known)

    def _case_url(self, row: RequestRow) -> str | None:
        """The case in the operator's own system; None where that cannot be told."""
        url, reference = self.settings.case_url, row.consent_reference
        if url is None or ("{reference}" in url and reference is None):
            return None
        names = {"reference": quote(reference or "", ""), "request_id": quote(row.request_id, "")}
        return url.format_map(names)


def _who(incoming: Incoming) -> str:
    """The caller as the journal names reviewers."""
    return incoming.caller.id or incoming.caller.name


def _subject(incoming: Incoming) -> str | None:
    """The person, whose name a header carries in UTF-8, as browsers send none but Latin letters.

    Raises:
        InvalidRequest: it is not UTF-8.
    """
    sent = incoming.request.headers.get(SUBJECT)
    try:
        return None if sent is None else sent.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"{SUBJECT}: not UTF-8") from None


def answered(value: Any, kind: TypeAdapter[Any], status: int = 200) -> HttpReply:
    """The reply with a value as JSON."""
    headers = {"content-type": "application/json"}
    return HttpReply(status, headers, kind.dump_json(value))


_PARTS = ("decision", "shadows", "attempts", "labels", "reviews", "repeats")
_PAGE: TypeAdapter[Any] = TypeAdapter(Page)
_DETAIL: TypeAdapter[Any] = TypeAdapter(DetailView)
_CASE: TypeAdapter[Any] = TypeAdapter(CaseView)
_CASES: TypeAdapter[Any] = TypeAdapter(Cases)
