"""A candidate that is asked in the background what a route has already answered."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from facegate.providers.provider import Provider
from facegate.question import Question
from facegate.routing.chance import chance
from facegate.routing.node import Node, Run
from facegate.runtime.forking import PerProcess


class Shadow:
    """Who is on trial unseen: its answers are recorded beside the route's, and go nowhere else.

    Args:
        candidate: who is asked, once for each request and without retries.
        sample: share of the requests that it is asked too, 0 to 1. Which ones follows from the
            request's id, so that a larger share has all those of a smaller one.
        most: how many go on at once in this process; further ones are skipped.
        seconds: how long the candidate has for one.
    """

    def __init__(
        self, candidate: Node, sample: float, most: int = 16, seconds: float = 30.0
    ) -> None:
        self.candidate, self.sample, self.most, self.seconds = candidate, sample, most, seconds
        self._places = PerProcess(lambda: threading.Semaphore(most))

    def wants(self, question: Question) -> bool:
        """Whether this one is in the sample, may be shown to the candidate and can be asked."""
        return (
            chance(b"facegate shadow", b"", self.candidate.name, question.id) < self.sample
            and self.candidate.permits(question.consent)
            and question.operation in self.candidate.capabilities
        )

    def acquire(self) -> bool:
        """Take a place, if there is one; it is given back by :meth:`release`."""
        return self._places.value.acquire(blocking=False)

    def release(self) -> None:
        """Give a place back."""
        self._places.value.release()

    def run(self, primary: Run, asked: Sequence[Provider]) -> Run:
        """The candidate's own run of a question that was put to the providers ``asked``."""
        question = primary.question
        candidates = {each.name: each.info for each in self.candidate.providers()}
        wanted = primary.wanted.carried_to(candidates, [each.info for each in asked])
        return Run(
            question,
            wanted,
            self.candidate.terms(question.operation, wanted, question.options),
            primary.probe,
            primary.gallery,
            budget=1,
            notify=primary.notify,
        )
