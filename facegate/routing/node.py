"""What a route is made of, and one request on its way through it."""

from __future__ import annotations

import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from facegate.consent import Consent
from facegate.errors import (
    BadReply,
    ConsentRefused,
    FacegateError,
    InvalidRequest,
    ProviderError,
    UnmappedError,
)
from facegate.events import Event, Tried
from facegate.images.image import Image
from facegate.model import Attempt, Decision, Liveness, Operation, VerificationResult
from facegate.policy import Terms, for_provider
from facegate.providers.provider import Answer, Provider
from facegate.question import Question
from facegate.runtime.deadline import Deadline
from facegate.runtime.flow import Flow, timeout


@dataclass
class Run:
    """One request on its way through a route.

    Attributes:
        question: what was asked.
        probe: its picture.
        gallery: the claimed person's.
        deadline: of the whole request, whatever is nested, or of the part that is being asked.
        fair_s: what that part has if nothing before it took longer than its own share.
        budget: attempts left, whatever is nested.
        emit: tells observers.
        attempts: every provider asked so far, oldest first.
        warnings: what a careful reader of the result should know.
        arm: the arm of the outermost split.
    """

    question: Question
    probe: Image = field(repr=False)
    gallery: tuple[Image, ...] = field(repr=False)
    deadline: Deadline
    budget: int
    emit: Callable[[Event], None]
    attempts: list[Attempt] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    arm: str | None = None

    def __post_init__(self) -> None:
        self.fair_s = self.deadline.seconds

    @property
    def spent(self) -> bool:
        """Whether nobody may be asked any more."""
        return self.budget <= 0 or not self.deadline.left()

    def tried(self, attempts: Sequence[Attempt]) -> None:
        """Note what asking one provider took."""
        self.attempts += attempts
        for attempt in attempts:
            self.emit(Tried(self.question.id, self.question.operation, attempt))


class Node(ABC):
    """A part of a route: one provider, or others in some arrangement.

    Attributes:
        name: as configured.
    """

    name: str

    @abstractmethod
    def ask(self, run: Run) -> Flow[VerificationResult]:
        """Put the question; raises FacegateError.

        The result does not yet say what only the whole request knows: attempts, warnings, ids.
        """

    @abstractmethod
    def parts(self) -> Sequence[Node]:
        """What it is made of, in order."""

    def leaves(self) -> Iterator[Leaf]:
        """The providers that may be asked, in order; one may come twice."""
        for part in self.parts():
            yield from part.leaves()

    def permits(self, consent: Consent | None) -> bool:
        """Whether any of its providers may see the pictures."""
        return any(leaf.permits(consent) for leaf in self.leaves())

    def not_permitted(self) -> ConsentRefused:
        """What to raise where none of them may."""
        seen = sorted({leaf.provider.info.handling.recipient for leaf in self.leaves()})
        return ConsentRefused(f"the consent covers nobody who could answer: {', '.join(seen)}")

    def check(self, question: Question) -> None:
        """Refuse what none of its providers can be asked, before any I/O.

        Raises:
            UnsupportedOperation, UnsupportedOption, InvalidRequest: what the first of them says.
        """
        refusals = []
        for leaf in self.leaves():
            try:
                leaf.terms(question)
            except FacegateError as error:
                refusals.append(error)
            else:
                return
        raise refusals[0]

    @property
    def capabilities(self) -> frozenset[Operation]:
        """The operations that at least one of its providers offers."""
        offered: frozenset[Operation] = frozenset()
        return offered.union(*(leaf.provider.capabilities for leaf in self.leaves()))


class Leaf(Node):
    """One provider, asked once."""

    def __init__(self, provider: Provider[Any]) -> None:
        self.provider = provider
        self.name = provider.name

    def parts(self) -> Sequence[Node]:
        return ()

    def leaves(self) -> Iterator[Leaf]:
        yield self

    def permits(self, consent: Consent | None) -> bool:
        return consent is None or consent.covers(
            self.provider.info.handling, in_process=self.provider.info.embedded
        )

    def ask(self, run: Run) -> Flow[VerificationResult]:
        provider, question = self.provider, run.question
        if not self.permits(question.consent):
            raise ConsentRefused(
                f"the consent does not cover {provider.info.handling.recipient}, or what it does"
                " with a picture",
                provider=provider.name,
            )
        terms = self.terms(question)
        bound = terms.bind(provider, run.probe, run.gallery)
        most = provider.info.max_gallery
        if most is not None and len(run.gallery) > most:
            raise InvalidRequest(
                f"more than the {most} images that the provider takes", image=f"gallery[{most}]"
            )
        run.budget -= 1
        started = time.perf_counter()
        try:
            seconds = min(provider.settings.deadline_s, run.deadline.left())
            answer = yield from timeout(provider.answer(bound), seconds)
            result = self._result(question.operation, answer, terms.decide(answer))
        except Exception as caught:  # noqa: BLE001  whatever a plugin raises ends in the one tree
            error = caught if isinstance(caught, FacegateError) else _bug(provider, caught)
        else:
            run.tried(answer.attempts or (provider.attempt(started, operation=question.operation),))
            return result
        # Raised out here, so that it does not carry along what a plugin's own error may hold.
        if isinstance(error, ProviderError):
            error.provider = provider.name
        run.tried(
            error.attempts or (provider.attempt(started, error, operation=question.operation),)
        )
        raise error from None

    def _result(
        self, operation: Operation, answer: Answer, decision: Decision
    ) -> VerificationResult:
        """Without what only the whole request knows."""
        liveness = answer.liveness
        if liveness is None and operation is Operation.LIVENESS:
            liveness = Liveness(passed=False, reason="not answered")
        return VerificationResult(
            operation=operation,
            decision=decision,
            match=answer.match,
            liveness=liveness,
            provider=self.provider.name,
            plugin=self.provider.info.plugin,
            lineage=self.provider.info.lineage,
            engine=answer.engine,
            vendor_reference=answer.vendor_reference,
            vendor_signature=answer.vendor_signature,
            elapsed=0,
            warnings=answer.warnings,
        )

    def terms(self, question: Question) -> Terms[Any]:
        """What the question means to this provider; see :meth:`Terms.of` for what it raises."""
        return Terms.of(
            self.provider,
            question.operation,
            for_provider(question.threshold, self.name),
            for_provider(question.liveness_threshold, self.name),
            (question.options or {}).get(self.provider.info.plugin),
            review_from=for_provider(question.review_from, self.name),
        )


def _bug(provider: Provider[Any], error: Exception) -> ProviderError:
    """A plugin's own mistake. Its text may hold anything, so only its type and place are kept."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return BadReply(f"an answer that cannot be: {first['msg']}")
    frames = traceback.extract_tb(error.__traceback__)
    failure = UnmappedError(
        f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}, a bug in"
        f" plugin {provider.info.plugin!r}"
    )
    # Places alone: a line of code may hold a literal, a value may hold anything.
    failure.add_note(
        "\n".join(f"  {each.filename}:{each.lineno} in {each.name}" for each in frames)
    )
    return failure
