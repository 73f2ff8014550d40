"""The shadow: a candidate that is asked in the background what a route has already answered."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from facegate.providers.provider import Provider
from facegate.question import Question
from facegate.routing.chance import chance
from facegate.routing.node import Node, Run
from facegate.runtime.forking import PerProcess


class Shadow:
    """A candidate on trial unseen: its answers are recorded beside the route's, and go nowhere.

    Args:
        candidate: the node that is asked, once for each request and without retries.
        sample: share of the requests that it is asked too, 0 to 1. A request's id says whether it
            is one, so that a larger share has all those of a smaller one.
        most: requests at once in this process, 1 or more; further ones are skipped.
        seconds: time that the candidate has for one, above 0.
    """

    def __init__(
        self, candidate: Node, sample: float, most: int = 16, seconds: float = 30.0
    ) -> None:
        self.candidate, self.sample, self.most, self.seconds = candidate, sample, most, seconds
        self._places = PerProcess(lambda: threading.Semaphore(most))

    def wants(self, question: Question) -> bool:
        """Whether a question is in the sample, and the candidate may see and can answer it."""
        return (
            chance(b"facegate shadow", b"", self.candidate.name, question.id) < self.sample
            and self.candidate.permits(question.consent)
            and question.operation in self.candidate.capabilities
        )

    def acquire(self) -> bool:
        """Take a place, to be given back by :meth:`release`; False if there is none."""
        return self._places.value.acquire(blocking=False)

    def release(self) -> None:
        """Give a place back."""
        self._places.value.release()

    def run(self, primary: Run, asked: Sequence[Provider]) -> Run:
        """The candidate's own run of a question that was put to the providers ``asked``."""
        question = primary.question
        candidates = {provider.name: provider.info for provider in self.candidate.providers()}
        wanted = primary.wanted.carried_to(candidates, [provider.info for provider in asked])
        return Run(
            question,
            wanted,
            self.candidate.terms(
                question.operation, wanted, question.options, len(primary.gallery) or 1
            ),
            primary.probe,
            primary.gallery,
            primary.intake,
            budget=1,
            notify=primary.notify,
        )
