"""A candidate that is asked in the background what a route has already answered."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from facegate.providers.provider import Provider
from facegate.question import Question
from facegate.routing.chance import chance
from facegate.routing.node import Node, Run
from facegate.runtime.deadline import Deadline
from facegate.runtime.forking import PerProcess


class Shadow(PerProcess):
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
        super().__init__()

    def _begin(self) -> None:
        self._places = threading.Semaphore(self.most)

    def wants(self, question: Question) -> bool:
        """Whether this one is in the sample, may be shown to the candidate and can be asked."""
        return (
            chance(b"facegate shadow", b"", self.candidate.name, question.id) < self.sample
            and self.candidate.permits(question.consent)
            and question.operation in self.candidate.capabilities
        )

    def enter(self) -> bool:
        """Take a place, if there is one; it is given back by :meth:`leave`."""
        return self._places.acquire(blocking=False)

    def leave(self) -> None:
        self._places.release()

    def run(self, primary: Run, asked: Sequence[Provider[Any]]) -> Run:
        """The candidate's own run of a question that was put to the providers ``asked``.

        A threshold as a number is on their scale. A candidate with another scale goes by its
        settings.
        """
        question = primary.question

        def carried(value: Any, kind: str) -> Any:
            rate = isinstance(value, str) and value.startswith("fmr:")
            if value is None or rate or isinstance(value, Mapping):
                return value
            scales = {spec.scale for each in asked if (spec := getattr(each.info, kind))}
            return {
                leaf.name: value
                for leaf in self.candidate.leaves()
                if (spec := getattr(leaf.provider.info, kind)) and spec.scale in scales
            }

        return Run(
            replace(
                question,
                request_id=question.id,
                threshold=carried(question.threshold, "match"),
                liveness_threshold=carried(question.liveness_threshold, "liveness"),
                review_from=carried(question.review_from, "match"),
            ),
            primary.probe,
            primary.gallery,
            Deadline(self.seconds),
            budget=1,
            emit=primary.emit,
        )
