"""Judging a round: whether it shows that the model is another one than in the baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, takewhile
from statistics import median

from facegate.sentinel.detect import bet, evidence, oddities, p_value, spreads, surprises
from facegate.sentinel.round import Judgement, Part, Round, Seen

_TIMES, _CANARIES = 3, 3
"""Rounds running in which one steady canary differs, or canaries that do in each of two, until that
is a change."""
_LEAST = 1e-12
"""The least p-value that is bet on: a draw of exactly 0 would be worth more than any evidence."""


@dataclass(frozen=True)
class Period:
    """A time in which a provider is held to one baseline.

    Attributes:
        rounds: its rounds, the oldest first; those of the baseline begin it.
    """

    rounds: Sequence[Round]

    @cached_property
    def baseline(self) -> Sequence[Round]:
        """The rounds that say what is usual."""
        return [each for each in self.rounds if each.part is Part.BASELINE]

    @property
    def changed(self) -> str | None:
        """Since when the model is known to have changed, as text; None where it is not."""
        return self.rounds[-1].changed

    @property
    def is_exact(self) -> bool:
        """Whether all canaries were answered alike so far, to the last digit."""
        return len(self.steady) == len(self._all_seen)

    @cached_property
    def steady(self) -> Mapping[str, Seen]:
        """What is said of each canary that was always answered alike in the baseline.

        One that was answered otherwise once, and then as before, is none any more: it is noisy.
        """
        found = {}
        for name, answers in self._all_seen.items():
            usual, since = answers[0], self._since(name)
            went_back = any(before != usual and after == usual for before, after in pairwise(since))
            if len(set(answers)) == 1 and not went_back:
                found[name] = usual
        return found

    def _since(self, name: str) -> list[Seen]:
        """What was said of a canary after the baseline, as far as anything was."""
        later = (each for each in self.rounds if each.part is not Part.BASELINE)
        return [each.seen[name] for each in later if name in each.seen]

    @cached_property
    def usual(self) -> Mapping[str, float]:
        """The median of what each canary got in the baseline, as a number, where it got any."""
        values = {
            name: [value for each in seen if (value := each.value) is not None]
            for name, seen in self._all_seen.items()
        }
        return {name: median(found) for name, found in values.items() if found}

    @cached_property
    def _all_seen(self) -> Mapping[str, Sequence[Seen]]:
        found: dict[str, list[Seen]] = {}
        for each in self.baseline:
            for name, seen in each.seen.items():
                found.setdefault(name, []).append(seen)
        return found

    @property
    def evidence(self) -> float:
        """The evidence of a change so far."""
        known = (each.judgement.evidence for each in reversed(self.rounds))
        return next((each for each in known if each is not None), 0.0)

    def judge(self, latest: Round, most: float, draw: Callable[[], float]) -> Judgement:
        """Judge a round of it.

        Args:
            latest: the round, which is not in it yet.
            most: rounds that a false alarm takes on average, at least.
            draw: draws a number between 0 and 1.
        """
        changes, doubts = [*self._other_words(latest)], [*self._other_answers(latest)]
        if self._is_settled(latest):
            changes, doubts = [*changes, *doubts], []
        p = worth = None
        if not self.is_exact and latest.complete and latest.part is Part.WATCH:
            p = self._rank(latest, draw)
            worth = evidence(self.evidence, bet(max(p, _LEAST)))
            if worth >= most:
                enough = f"evidence {worth:,.0f}, and {most:,.0f} is enough"
                changes.append(f"its scores or refusals moved away from what is usual: {enough}")
        return Judgement(changes, doubts, p, worth)

    def _is_settled(self, latest: Round) -> bool:
        """Whether steady canaries are answered otherwise, and not by chance.

        One that differs in one round of fifty by chance would do so twice running soon enough,
        among many canaries. So one has to three times; or three of them, whichever, twice: of two
        versions at work behind a balancer, the other one answers some of them now, and others then.
        """
        runs = []
        for name, usual in self.steady.items():
            answers = [*self._since(name), *([latest.seen[name]] if name in latest.seen else ())]
            runs.append(sum(1 for _ in takewhile(usual.__ne__, reversed(answers))))
        counts = [sum(1 for _ in self._other_answers(each)) for each in (self.rounds[-1], latest)]
        return max(runs, default=0) >= _TIMES or min(counts) >= _CANARIES

    def _other_words(self, latest: Round) -> Iterator[str]:
        """What the words for the model itself say."""
        if difference := latest.key.differs_from(self.baseline[0].key):
            yield f"it answers with {difference}"
        known = {engine for each in self.baseline for engine in each.engines}
        for engine, count in latest.engines.items():
            if engine not in known:
                of = len(latest.seen)
                yield f"{count} of {of} answers are by {engine!r}, which the baseline never saw"
        if not any(map(_unnamed, self.baseline)) and (nameless := _unnamed(latest)):
            yield f"{nameless} of {len(latest.seen)} answers name no engine, as all did before"

    def _other_answers(self, latest: Round) -> Iterator[str]:
        """Steady canaries that are answered otherwise, or refused, or no longer."""
        for name, seen in latest.seen.items():
            usual = self.steady.get(name, seen)
            if seen != usual:
                yield f"{name} was {_said(usual)}, and is {_said(seen)}"

    def _rank(self, latest: Round, draw: Callable[[], float]) -> float:
        """The p-value of the round among all whole ones: how far from usual it is.

        That is by its scores or by how many of its refusals are odd, whichever sets it apart more.

        Of the baseline only one counts: its rounds are minutes apart, and a vendor's good or bad
        day is in all of them, so that they are more alike than rounds that come day by day.
        """
        watched = (each for each in self.rounds if each.part is Part.WATCH and each.complete)
        ranked, names = [self.baseline[0], *watched, latest], sorted(latest.seen)
        moved = spreads([[each.seen[name].value for name in names] for each in ranked])
        odd = oddities([[each.seen[name].refusal or "" for name in names] for each in ranked])
        return p_value(surprises(moved, odd), draw())


def differing(period: Period, latest: Round) -> list[str]:
    """Ids of the canaries that are decided otherwise than usual, or refused now, or no longer."""
    found = []
    for name, seen in latest.seen.items():
        before = [each.seen[name] for each in period.baseline if name in each.seen]
        usual = {(each.decision, each.refusal) for each in before}
        if usual and (seen.decision, seen.refusal) not in usual:
            found.append(name)
    return found


def _unnamed(each: Round) -> int:
    """The number of a round's answers that do not say which engine gave them."""
    answers = sum(seen.refusal is None for seen in each.seen.values())
    return answers - sum(each.engines.values())


def _said(seen: Seen) -> str:
    if seen.refusal is not None:
        return f"refused ({seen.refusal})"
    return f"{seen.decision}" if seen.score is None else f"{seen.score!r} ({seen.decision})"
