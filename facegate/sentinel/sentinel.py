"""The sentinel of a configuration: asks canaries, judges what is said, and writes it down."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from facegate.config import Config
from facegate.errors import (
    ConfigurationError,
    FacegateError,
    InvalidRequest,
    ProviderUnavailable,
)
from facegate.events import CanaryFailed, ModelChanged, Observer, RoundEnded, Stands, tell
from facegate.journal.journal import Journal
from facegate.journal.record import stamp
from facegate.opening import observers, recorder
from facegate.providers.registry import Registry
from facegate.sentinel.asking import Asker, Progress
from facegate.sentinel.canaries import Purpose
from facegate.sentinel.judging import Period, differing
from facegate.sentinel.materiality import NONE, Materiality, RatesAt, of_scores
from facegate.sentinel.round import Judgement, Part, Round
from facegate.thresholds import Wanted

BASELINE = 20
"""Rounds of a baseline, where nobody says otherwise."""


def _silently(_done: int, _of: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The standing of a provider.

    Attributes:
        provider: its name.
        periods: the times in which it was held to one baseline, the oldest first; none where it
            was never asked.
        due: when the next round is due; None where nobody asked for one yet.
    """

    provider: str
    periods: Sequence[Period]
    due: datetime | None = None

    @property
    def period(self) -> Period | None:
        """The time since the last baseline; None where there is none."""
        return self.periods[-1] if self.periods else None

    @property
    def changed(self) -> str | None:
        """Since when its model is known to have changed, as text; None where it is not."""
        return self.period.changed if self.period else None

    def overdue(self, every: timedelta) -> bool:
        """Whether a round was left out: nobody asked in twice the time of one."""
        return self.due is None or datetime.now(UTC) > self.due + every

    @property
    def alarm(self) -> Judgement | None:
        """The judgement that began the alarm; None where there is none."""
        rounds = self.period.rounds if self.period else ()
        return next((each.judgement for each in rounds if each.changed), None)


class Sentinel:
    """The sentinel of a configuration. All methods block, and may be called from any thread.

    Args:
        loaded: the configuration.
        every: time from one round to the next; as the table says if absent.
        journal: where rounds are kept; opened here, and closed in the end, if absent.
        draw: draws a number between 0 and 1, for rounds that rank alike.

    Attributes:
        settings: the ``[sentinel]`` table.
        journal: where rounds are kept.

    Raises:
        ConfigurationError: there is no ``[sentinel]`` table, or naming the key that is at fault.
    """

    def __init__(
        self,
        loaded: Config,
        every: timedelta | None = None,
        journal: Journal | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._every, self._draw = every, draw
        self._told: dict[str, int] = {}
        self.reload(loaded)
        own: Any = recorder(loaded) if journal is None else None
        self.journal: Journal = journal or own  # of all recorders, the one that is configured
        self._own: Journal | None = own
        self._known: dict[str, list[Round]] = {}
        self._reading = threading.Lock()

    def reload(self, loaded: Config) -> None:
        """Go on with a configuration that was read again; the journal stays.

        Raises:
            ConfigurationError: there is no ``[sentinel]`` table in it, or not one for such rounds.
        """
        table = loaded.document.sentinel
        if table is None:
            raise ConfigurationError(f"{loaded.source}: there is no [sentinel]")
        left = set(self._told) - set(table.providers)
        if self._every and table.false_alarm_every < 10 * self._every:
            raise ConfigurationError("sentinel.false_alarm_every must be ten rounds or more")
        self.settings = table.model_copy(update={"every": self._every}) if self._every else table
        self._loaded = loaded
        for provider in left:  # nobody will hear of it again
            del self._told[provider]
            tell(self._observers, Stands(provider, 0.0, changed=False))

    @cached_property
    def _observers(self) -> Sequence[Observer]:
        return observers(self._loaded)

    def close(self) -> None:
        """Let go of the journal, if it was opened here."""
        if self._own is not None:
            self._own.close()

    def standing(self, provider: str) -> Standing:
        """The standing of a provider.

        Raises:
            ConfigurationError: nobody watches it.
        """
        self._refuse_unwatched(provider)
        periods: list[list[Round]] = []
        for each in self._rounds(provider):
            if each.reason is not None:
                periods.append([])
            periods[-1].append(each)
        asked = self.journal.rounds.asked(provider)
        due = None if asked is None else asked + self.settings.every
        return Standing(provider, [*map(Period, periods)], due)

    def _rounds(self, provider: str) -> Sequence[Round]:
        """The rounds of a provider; none is read twice, for they never change."""
        with self._reading:
            known = self._known.setdefault(provider, [])
            for stored in self.journal.rounds.all(provider, after=len(known)):
                known.append(Round.of_data(stored.detail, stored.at))
            return list(known)

    def look(self, provider: str) -> None:
        """Tell observers how a provider stands, where there was a round that they know nothing of.

        Whichever process asked: so all of them show the same.

        Raises:
            JournalUnavailable: nobody can tell.
        """
        last = self.journal.rounds.last(provider)
        if self._told.get(provider) != last:
            period = self.standing(provider).period
            if period is not None:
                changed, evidence = period.changed is not None, period.evidence
                tell(self._observers, Stands(provider, evidence, changed))
            self._told[provider] = last

    def baseline(
        self,
        provider: str,
        rounds: int = BASELINE,
        *,
        reason: str = "baseline",
        caller: str | None = None,
        progress: Progress = _silently,
    ) -> Standing:
        """Begin a new period: ask all canaries so often, to see what is usual.

        Args:
            provider: who is asked.
            rounds: rounds that say what is usual: 2 or more.
            reason: why, in words.
            caller: id of the key of whoever wants it.
            progress: is told how many canaries were asked.

        Raises:
            ConfigurationError: an alarm stands, or somebody else is at a round.
            ProviderUnavailable: it did not answer all canaries in a round; nothing is written down.
        """
        self._refuse_unwatched(provider)
        with self._turn(provider):
            if self.standing(provider).changed is not None:
                raise ConfigurationError(
                    f"{provider} is known to have changed; go on with what it is now by `facegate"
                    f" sentinel accept {provider}`"
                )
            self._begin(provider, rounds, reason, caller, progress)
        return self.standing(provider)

    def accept(
        self,
        provider: str,
        reason: str,
        rounds: int = BASELINE,
        *,
        caller: str | None = None,
        progress: Progress = _silently,
    ) -> Standing:
        """Go on with a provider that changed: begin a new period with what it is now.

        Args:
            provider: who changed.
            reason: why that is all right, in words.
            rounds: see :meth:`baseline`, as for the others.
            caller: likewise.
            progress: likewise.

        Raises:
            InvalidRequest: the reason is blank.
            ConfigurationError: no alarm stands, or thresholds are rates of a calibration that was
                made before it.
            ProviderUnavailable: see :meth:`baseline`.
        """
        self._refuse_unwatched(provider)
        if not reason.strip():
            raise InvalidRequest("give a reason, for whoever asks later")
        with self._turn(provider):
            standing = self.standing(provider)
            if standing.changed is None or standing.period is None:
                raise ConfigurationError(f"{provider} is not known to have changed")
            self._refuse_old_calibration(standing.changed, standing.period, provider)
            self._begin(provider, rounds, reason, caller, progress)
        return self.standing(provider)

    def run(
        self, provider: str, *, due: bool = False, progress: Progress = _silently
    ) -> Standing | None:
        """Ask all canaries, and judge what is said; at once again where something differs.

        Args:
            provider: who is asked.
            due: only where the next round is due, and nobody else is at it.
            progress: is told how many canaries were asked.

        Returns:
            How it stands now; None where no round was due.

        Raises:
            ConfigurationError: there is no baseline, or other canaries or thresholds than in it,
                or somebody else is at a round.
            ConsentRefused: the consent of a canary does not cover the provider; nothing was asked.
        """
        self._refuse_unwatched(provider)
        every_s = self.settings.every.total_seconds()
        if due and not self.journal.rounds.take(provider, every_s=every_s):
            return None
        with self._turn(provider, due=due):
            period = self.standing(provider).period
            if period is None:
                raise ConfigurationError(
                    f"{provider} has no baseline; take one with `facegate sentinel baseline"
                    f" {provider}`"
                )
            known = period.changed is not None
            with self._asker(provider, period.baseline[0].thresholds) as asker:
                _refuse_others(period, asker, provider)
                for part in (Part.WATCH, Part.REPEAT, Part.REPEAT):
                    latest = self._judged(period, self._asked(asker, part, progress), asker)
                    self._record(provider, [latest])
                    period = Period([*period.rounds, latest])
                    settled = period.changed is not None and part is Part.REPEAT
                    if known or settled or not latest.judgement.differs:
                        break
        if period.changed is not None and not known:
            self._tell_changed(provider, period)
        self.look(provider)
        return self.standing(provider)

    def _begin(
        self, provider: str, rounds: int, reason: str, caller: str | None, progress: Progress
    ) -> None:
        if rounds < 2:
            raise ConfigurationError("a baseline takes 2 rounds or more")
        with self._asker(provider) as asker:
            count, spent = len(asker.canaries.all), 0.0
            found: list[Round] = []
            for number in range(rounds):

                def told(done: int, _of: int, before: int = number * count) -> None:
                    progress(before + done, rounds * count)

                each = self._asked(asker, Part.BASELINE, told)
                spent += each.cost or 0.0
                if each.failed:
                    canary, code = next(iter(each.failed.items()))
                    cost = f", and {spent:,.2f} is spent" if spent else ""
                    raise ProviderUnavailable(
                        f"no answer to canary {canary} ({code}), so nobody knows what is usual; try"
                        f" again once there is. Nothing is recorded{cost}",
                        provider=provider,
                    )
                found.append(replace(each, reason=None if number else reason))
            self._record(provider, found, caller)

    def _asked(self, asker: Asker, part: Part, progress: Progress) -> Round:
        name = asker.provider.name

        def told(done: int, of: int) -> None:
            self.journal.rounds.hold(name)
            progress(done, of)

        found = asker.ask(part, told)
        for canary, code in found.failed.items():
            tell(self._observers, CanaryFailed(name, canary, code))
        return found

    def _judged(self, period: Period, latest: Round, asker: Asker) -> Round:
        judged = period.judge(latest, self.settings.rounds, self._draw)
        if judged.differs:
            judged = replace(judged, materiality=self._materiality(period, latest, asker))
        changed = period.changed
        if changed is None and judged.changes:
            changed = stamp(datetime.now(UTC))
        return replace(latest, judgement=judged, changed=changed)

    def _materiality(self, period: Period, latest: Round, asker: Asker) -> Materiality:
        by_purpose: dict[Purpose, list[str]] = {each: [] for each in Purpose}
        for canary in asker.canaries.all:
            by_purpose[canary.purpose].append(canary.id)
        info, threshold = asker.provider.info, period.baseline[0].thresholds[0]
        rates, document = None, asker.calibration
        if document and document.match and info.match and threshold is not None:
            rates = RatesAt(document.match, info.match.scale, threshold)
        scores = {name: seen.score for name, seen in latest.seen.items() if seen.score is not None}
        return of_scores(
            period.usual,
            scores,
            genuine=by_purpose[Purpose.GENUINE],
            impostors=by_purpose[Purpose.IMPOSTOR],
            otherwise=differing(period, latest),
            asked=len(asker.canaries.all),
            rates=rates,
        )

    def _record(self, provider: str, found: Sequence[Round], caller: str | None = None) -> None:
        self.journal.rounds.append(provider, [each.as_data() for each in found], caller)
        for each in found:
            counts = len(each.seen), len(each.failed)
            tell(self._observers, RoundEnded(provider, each.part, *counts, each.cost or 0.0))

    def _tell_changed(self, provider: str, period: Period) -> None:
        judged = period.rounds[-1].judgement
        verdict = judged.materiality.verdict if judged.materiality else NONE
        tell(self._observers, ModelChanged(provider, tuple(judged.changes), verdict))

    @contextmanager
    def _turn(self, provider: str, *, due: bool = False) -> Iterator[None]:
        """A turn in which nobody else asks the provider's canaries.

        Args:
            provider: whose.
            due: it was taken, as the next round was due.

        Raises:
            ConfigurationError: somebody else is at it.
        """
        if not due and not self.journal.rounds.take(provider):
            raise ConfigurationError(f"somebody else is asking the canaries of {provider}")
        asked = True
        try:
            yield
        except FacegateError:
            asked = due  # what refuses now would refuse, and cost, every minute
            raise
        except BaseException:
            asked = False  # it was cut off: somebody else may go on at once
            raise
        finally:
            self.journal.rounds.give_back(provider, asked=asked)

    @contextmanager
    def _asker(
        self, provider: str, usual: tuple[float | None, float | None] | None = None
    ) -> Iterator[Asker]:
        asker = Asker.of(self._loaded, self.settings, provider, usual)
        try:
            yield asker
        finally:
            asker.close()

    def _refuse_old_calibration(self, changed: str, period: Period, provider: str) -> None:
        """Refuse a calibration that is in use and was measured with what answered before.

        Raises:
            ConfigurationError: naming it.
        """
        known = self._loaded.provider(Registry(), provider)
        tables = self._loaded.document.routes.values()
        policies = [Wanted.of(policy) for table in tables for policy in table.policy.values()]
        asked = [Wanted.of(known.settings), *(each.for_provider(provider) for each in policies)]
        document = known.info.calibration
        if document is None or not any(each.measured(known.info) for each in asked):
            return
        before, runtime = period.baseline[-1], document.key.runtime
        another = runtime is not None and runtime != before.key.runtime
        old = document.id == before.calibration or document.made.isoformat() < changed[:10]
        if old and not another:
            raise ConfigurationError(
                f"calibration {document.id} of {document.made} was not made since {provider}"
                f" changed by {changed[:10]}: make another with `facegate calibrate`, or give"
                " numbers as thresholds"
            )

    def _refuse_unwatched(self, provider: str) -> None:
        if provider not in self.settings.providers:
            raise ConfigurationError(
                f"{provider!r} is none of sentinel.providers: {', '.join(self.settings.providers)}"
            )


def _refuse_others(period: Period, asker: Asker, provider: str) -> None:
    """Refuse to hold a round against a baseline of something else.

    Raises:
        ConfigurationError: saying what differs.
    """
    baseline = period.baseline[0]
    for what, was, now in (
        ("canaries", baseline.canaries, asker.canaries.digest),
        ("thresholds", baseline.thresholds, asker.thresholds),
    ):
        if was != now:
            raise ConfigurationError(
                f"the {what} of {provider} are others than those of its baseline; put them back, or"
                f" take a new one with `facegate sentinel baseline {provider}`"
            )
