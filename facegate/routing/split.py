"""Splits for trials: some subjects are answered by one provider, the others by another."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from facegate.model import VerificationResult
from facegate.providers.provider import Provider
from facegate.routing.chance import chance
from facegate.routing.node import Node, Run, Share
from facegate.runtime.flow import Flow

NO_SUBJECT = (
    "no subject was given, so the arm of the trial was drawn by chance; the same person may be on"
    " another one next time"
)


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of a trial.

    Attributes:
        weight: weight, 0 or more; its share is that of the sum of all. 0 is nobody.
        node: the node that answers.
    """

    weight: float
    node: Node


class Split(Node):
    """Arms of a trial, each with its share of the subjects.

    A subject's arm follows from the subject alone, by weighted rendezvous hashing (Schindelhauer
    and Schomaker, 2005): it is the same in every process and after every restart, nothing is
    stored, and a change of weights moves subjects only to arms whose share grew. Arms that the
    request's consent does not permit, or that do not offer the operation, are passed over; the
    subjects they would have had are spread over the rest in the same way, and all others stay.

    Args:
        name: name of the trial. Two trials of different names divide the subjects independently.
        arms: the arms by name; renaming one draws its subjects anew.
        key: secret that keeps those who choose their own user names from choosing an arm.
    """

    def __init__(self, name: str, arms: Mapping[str, Arm], key: bytes) -> None:
        self.name = name
        self.arms = arms
        self._key = hashlib.blake2b(key).digest()

    def children(self) -> Sequence[Node]:
        return [arm.node for arm in self.arms.values()]

    def providers(self) -> Iterator[Provider]:
        for arm in self.arms.values():
            if arm.weight > 0:
                yield from arm.node.providers()

    def ask(self, run: Run, share: Share) -> Flow[VerificationResult]:
        name = self._draw(run)
        if run.arm is None:  # else this is a trial within an arm of another
            run.arm = name
        return (yield from self.arms[name].node.ask(run, share))

    def _draw(self, run: Run) -> str:
        question = run.question
        permitted = [
            name
            for name, arm in self.arms.items()
            if arm.weight > 0 and arm.node.permits(question.consent)
        ]
        if not permitted:
            raise self.not_permitted()
        able = [
            name for name in permitted if question.operation in self.arms[name].node.capabilities
        ]
        if not question.subject and NO_SUBJECT not in run.warnings:
            run.warnings.append(NO_SUBJECT)
        subject = question.subject or question.id
        return max(able or permitted, key=lambda name: self._rank(name, subject))

    def _rank(self, name: str, subject: str) -> float:
        drawn = chance(b"facegate split", self._key, self.name, name, subject)
        return -self.arms[name].weight / math.log(drawn)
