"""Made-up rounds of a provider whose scores are noisy, and when a sentinel alarms, over many runs.

The arithmetic is that of ``facegate/sentinel/detect.py`` over arrays; the tests hold the two equal.
Beside it is what a sentinel must not do: rank each call by itself, and multiply the bets of all
calls of a round, as if they were independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ARL = 1000.0
"""Rounds that a false alarm takes on average, at least: the evidence from which on there is one."""
CANARIES = 40
_AT_ONCE = 50
"""Runs whose arrays are in memory at a time."""

Floats = NDArray[np.float64]
Rounds = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Situation:
    """What happens to a provider. A score is the canary's own plus normal noise of variance 1.

    Attributes:
        name: words for a table.
        rounds: rounds in all.
        common: share of the noise's variance that all calls of a round have in common, 0 to 1.
        lasting: correlation of what is common from one round to the next, 0 to 1.
        baseline: rounds at the start that are only held against. They are taken in one sitting, so
            that all of them have the same in common.
        shift: distance that all scores move, in standard deviations of the noise.
        after: rounds before that; None if nothing changes.
    """

    name: str
    rounds: int
    common: float = 0.0
    lasting: float = 0.0
    baseline: int = 1
    shift: float = 0.0
    after: int | None = None

    @property
    def quiet(self) -> int:
        """Rounds before the change."""
        return self.rounds if self.after is None else self.after

    def drawn(self, runs: int, draw: np.random.Generator) -> Floats:
        """The scores of so many runs, of each canary, in each round."""
        own = draw.normal(size=(runs, CANARIES, self.rounds))
        shared = draw.normal(size=(runs, 1, self.rounds))
        for number in range(1, self.rounds):
            kept = 1.0 if number < self.baseline else self.lasting
            before, new = shared[:, :, number - 1], shared[:, :, number]
            shared[:, :, number] = kept * before + np.sqrt(1 - kept**2) * new
        scores: Floats = np.sqrt(1 - self.common) * own + np.sqrt(self.common) * shared
        scores[:, :, self.quiet :] += self.shift
        return scores


@dataclass(frozen=True, slots=True)
class Alarms:
    """When each run alarmed first.

    Attributes:
        situation: what happened to the provider.
        at: number of the round of each run; one more than there are, if none did.
    """

    situation: Situation
    at: Rounds

    @property
    def false(self) -> float:
        """The share of runs that alarmed while nothing had changed."""
        return float((self.at <= self.situation.quiet).mean())

    @property
    def found(self) -> float:
        """The share of all runs that alarmed first after the change."""
        return len(self._delays) / len(self.at)

    @property
    def delay(self) -> float | None:
        """The median rounds from the change to the alarm, 1 at least; None where none alarmed."""
        return float(np.median(self._delays)) if len(self._delays) else None

    @property
    def _delays(self) -> Rounds:
        late = (self.at > self.situation.quiet) & (self.at <= self.situation.rounds)
        return self.at[late] - self.situation.quiet


def run(
    situation: Situation, runs: int, seed: int, done: Callable[[int], object] = lambda _: None
) -> tuple[Alarms, Alarms]:
    """The alarms by rounds, and those by single calls.

    Args:
        situation: what happens to the provider.
        runs: how many.
        seed: of all that is drawn.
        done: is told now and then that so many more runs are done.
    """
    draw, found = np.random.default_rng(seed), []
    for start in range(0, runs, _AT_ONCE):
        size = min(_AT_ONCE, runs - start)
        scores = situation.drawn(size, draw)
        chances = draw.random((size, 1 + CANARIES, situation.rounds))
        reached = evidence(scores, chances, situation.baseline) >= np.log(ARL)
        first = situation.baseline + 1 + reached.argmax(axis=-1)
        found.append(np.where(reached.any(axis=-1), first, situation.rounds + 1))
        done(size)
    by_rounds, by_calls = np.concatenate(found, axis=1)
    return Alarms(situation, by_rounds), Alarms(situation, by_calls)


def evidence(scores: Floats, chances: Floats, baseline: int) -> Floats:
    """The logarithm of the evidence after each round that follows the baseline.

    Args:
        scores: of each run, canary and round.
        chances: numbers drawn between 0 and 1, for each run, its round and each canary, and round.
        baseline: rounds that are only held against.

    Returns:
        It by rounds, and by single calls, for each run, after each round.
    """
    runs, _, rounds = scores.shape
    found = np.full((2, runs, 1 + rounds - baseline), -np.inf)
    ordered = np.sort(scores[:, :, :baseline], axis=-1)
    for place, count in enumerate(range(baseline + 1, rounds + 1), 1):
        latest = scores[:, :, count - 1 : count]
        # But for the latest all are in order, which this kind of sorting takes advantage of.
        ordered = np.sort(np.concatenate([ordered, latest], axis=-1), axis=-1, kind="stable")
        middles = (ordered[:, :, (count - 1) // 2] + ordered[:, :, count // 2]) / 2
        distances = np.abs(scores[:, :, :count] - middles[:, :, np.newaxis])
        chance = chances[:, :, count - 1]
        of_round = _p_values(distances.mean(axis=1), chance[:, 0])
        of_calls = _p_values(distances, chance[:, 1:])
        worth = np.stack([_log_bet(of_round), _log_bet(of_calls).sum(axis=1)])
        found[:, :, place] = worth + np.logaddexp(0, found[:, :, place - 1])
    return found[:, :, 1:]


def _p_values(values: Floats, chances: Floats) -> Floats:
    """Those of the last values along the last axis."""
    last = values[..., -1:]
    larger, alike = (values > last).sum(axis=-1), (values == last).sum(axis=-1)
    return np.asarray((larger + chances * alike) / values.shape[-1], np.float64)


def _log_bet(p: Floats) -> Floats:
    """The logarithm of the worth of bets."""
    x = -np.log(p)
    with np.errstate(invalid="ignore", divide="ignore"):
        exact = (np.expm1(x) - x) / x**2
    return np.log(np.where(x < 1e-4, 1 / 2 + x / 6, exact))
