"""Nodes, of which a route is made, and one request on its way through them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from facegate.consent import Consent
from facegate.errors import ConsentRefused, FacegateError
from facegate.events import Event, Tried
from facegate.images.image import Image
from facegate.images.intake import Intake
from facegate.model import Attempt, Operation, VerificationResult
from facegate.policy import Terms
from facegate.preparing import Prepared
from facegate.providers.provider import Provider
from facegate.question import Options, Question
from facegate.runtime.deadline import Deadline
from facegate.runtime.flow import Flow
from facegate.thresholds import Wanted

TermsByProvider = Mapping[str, Terms | FacegateError]
"""Terms of a question by provider name, or the error of one that it cannot be put to."""

UnderWay = tuple[int, Callable[[FacegateError], Attempt]]
"""How many attempts had ended as one began, and what makes it one that ended in an error."""


@dataclass
class Run:
    """One request on its way through a route: what it owns as a whole.

    Attributes:
        question: the question that was asked.
        wanted: the thresholds that the question and the route ask for.
        terms: the question's terms with each provider of the route.
        probe: the probe, loaded.
        gallery: the gallery, loaded.
        intake: how pictures are prepared for a provider.
        budget: attempts left, however nodes are nested.
        notify: tells observers of an event.
        attempts: every provider asked so far, oldest first.
        warnings: sentences that a careful reader of the result should know.
        arm: the arm of the outermost split; None where there is none.
        prepared: the pictures as providers got them, by the provider's name.
    """

    question: Question
    wanted: Wanted
    terms: TermsByProvider
    probe: Image = field(repr=False)
    gallery: tuple[Image, ...] = field(repr=False)
    intake: Intake
    budget: int
    notify: Callable[[Event], None]
    attempts: list[Attempt] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    arm: str | None = None
    prepared: dict[str, Prepared] = field(default_factory=dict, repr=False)
    _under_way: UnderWay | None = field(default=None, repr=False)

    def asking(self, ended: Callable[[FacegateError], Attempt]) -> None:
        """Note that a provider is about to be asked.

        Args:
            ended: makes the attempt of it, should it never end but in this error.
        """
        self._under_way = len(self.attempts), ended

    def given_up(self, error: FacegateError) -> tuple[Attempt, ...]:
        """Every attempt; one that is under way as one that ended in ``error``."""
        attempts = tuple(self.attempts)
        if self._under_way is None or self._under_way[0] < len(attempts):
            return attempts
        return (*attempts, self._under_way[1](error))

    def tried(self, attempts: Sequence[Attempt]) -> None:
        """Note the attempts that asking one provider took, and tell observers."""
        self.attempts += attempts
        for attempt in attempts:
            self.notify(Tried(self.question.id, self.question.operation, attempt))


@dataclass(frozen=True, slots=True)
class Share:
    """A node's share of a request's time.

    Attributes:
        deadline: the moment when it ends.
        fair_s: seconds this node would have had, had its siblings kept to their shares; the breaker
            judges a timeout by it.
        final: whether nobody comes after this node, in its failover or in one around that.
        last: whether nobody is left to step in for others that failed, so that no breaker may
            refuse.
    """

    deadline: Deadline
    fair_s: float
    final: bool = True
    last: bool = False

    @classmethod
    def whole(cls, deadline: Deadline) -> Share:
        """All of a request's time."""
        return cls(deadline, deadline.seconds)

    def part(self, left: int, of: int) -> Share:
        """An even share of the time that remains.

        Args:
            left: number of nodes that still share it, the one that gets this share included.
            of: number of nodes that shared it at the start.
        """
        seconds = self.deadline.left() / left
        final = self.final and left == 1
        last = final and (self.last or of > 1)
        return Share(Deadline(seconds, self.deadline), self.fair_s / of, final=final, last=last)


class Resource(Protocol):
    """A provider, or a limiter: closed once, after the last request that may use it.

    Attributes:
        name: for the log.
    """

    name: str

    def close(self) -> None:
        """Let go of connections and the like."""


class Node(ABC):
    """A part of a route: one provider, or others in some arrangement.

    Attributes:
        name: as configured.
    """

    name: str

    @abstractmethod
    def ask(self, run: Run, share: Share) -> Flow[VerificationResult]:
        """Put the question.

        The result does not yet say what only the whole request knows: attempts, warnings, ids.

        Args:
            run: the request.
            share: the time that this node may take.

        Raises:
            FacegateError: there is no answer.
        """

    @abstractmethod
    def children(self) -> Sequence[Node]:
        """The nodes that this one is made of, in order."""

    def resources(self) -> Sequence[Resource]:
        """What this node itself holds, to be closed when no route has the node any more."""
        return ()

    def providers(self) -> Iterator[Provider]:
        """The providers that may be asked, in order; one may come twice."""
        for child in self.children():
            yield from child.providers()

    def permits(self, consent: Consent | None) -> bool:
        """Whether a consent lets any of its providers see the pictures."""
        return any(permits(consent, provider) for provider in self.providers())

    def not_permitted(self) -> ConsentRefused:
        """The error where a consent permits none of its providers."""
        seen = sorted({provider.info.handling.recipient for provider in self.providers()})
        return ConsentRefused(f"the consent covers nobody who could answer: {', '.join(seen)}")

    def terms(
        self, operation: Operation, wanted: Wanted, options: Options | None, gallery: int = 1
    ) -> TermsByProvider:
        """The terms of a question with each of its providers, by name; see :meth:`Terms.of`."""
        return {
            provider.name: _terms(provider, operation, wanted, options, gallery)
            for provider in self.providers()
        }

    @property
    def capabilities(self) -> frozenset[Operation]:
        """The operations that at least one of its providers offers."""
        offered: frozenset[Operation] = frozenset()
        return offered.union(*(provider.capabilities for provider in self.providers()))


def permits(consent: Consent | None, provider: Provider) -> bool:
    """Whether a consent lets one provider see the pictures; no consent forbids nothing."""
    info = provider.info
    return consent is None or consent.covers(info.handling, in_process=info.embedded)


def _terms(
    provider: Provider,
    operation: Operation,
    wanted: Wanted,
    options: Options | None,
    gallery: int,
) -> Terms | FacegateError:
    own = (options or {}).get(provider.info.plugin)
    try:
        return Terms.of(provider, operation, wanted, own, gallery)
    except FacegateError as error:
        return error
