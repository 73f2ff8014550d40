"""Requests that are under way for as long as a test wants them to be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from acme import DOCUMENT, PROBE, SAME
from facegate import FacegateError, Image, Operation
from facegate.images.intake import Intake
from facegate.question import Question
from facegate.routing.node import Node, Run, Share
from facegate.runtime.deadline import Deadline
from facegate.runtime.flow import Call, Flow, Sleep, Timeout


class Busy:
    """Counts how many are at it, and how many there were at most."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    @contextmanager
    def one_more(self) -> Iterator[None]:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            yield
        finally:
            with self._lock:
                self.now -= 1


def begun(node: Node, seconds: float = 60) -> tuple[Flow[Any], Any]:
    """A request, and what it waits for first: its turn (Sleep) or the vendor (Timeout)."""
    question = Question(operation=Operation.COMPARE, probe=PROBE, gallery=[DOCUMENT])
    pictures = Image.of(PROBE), (Image.of(DOCUMENT),)
    terms = node.terms(question.operation, question.wanted, None)
    run = Run(
        question, question.wanted, terms, *pictures, Intake(), budget=9, notify=lambda event: None
    )
    flow = node.ask(run, Share.whole(Deadline(seconds)))
    return flow, resumed(flow)


def resumed(flow: Flow[Any]) -> Any:
    """What a request waits for next, once its pictures are prepared."""
    effect: Any = flow.send(None)
    while isinstance(effect, Call):
        effect = flow.send(effect.function())
    return effect


def asked(node: Node) -> Flow[Any]:
    flow, effect = begun(node)
    assert isinstance(effect, Timeout)
    return flow


def waiting(node: Node) -> Flow[Any]:
    flow, effect = begun(node)
    assert isinstance(effect, Sleep)
    return flow


def answered(flow: Flow[Any]) -> None:
    with pytest.raises(StopIteration):
        flow.send(SAME)


def failed(flow: Flow[Any], error: FacegateError) -> None:
    with pytest.raises(type(error)):
        flow.throw(error)
