"""Rows that are answered by templates: each picture is looked at once, each pair is a number."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import sha256

from facegate.batch.columns import Row, Source, charged, failure
from facegate.batch.ledger import Figures
from facegate.batch.pictures import Pictures
from facegate.errors import FacegateError
from facegate.images.intake import picture
from facegate.model import Attempt, Decision, Operation
from facegate.policy import Terms
from facegate.preparing import prepared
from facegate.providers.provider import ProviderInfo
from facegate.providers.templates import Template, Templates
from facegate.routing.route import Route
from facegate.runtime.deadline import Deadline
from facegate.runtime.drivers import SyncDriver
from facegate.scores import ScoreSpec
from facegate.thresholds import Wanted


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A picture that was looked at.

    Attributes:
        digest: SHA-256 of its bytes.
        template: its template.
    """

    digest: bytes
    template: Template


@dataclass(slots=True)  # not frozen: there are millions, and that takes three times as long
class Pair:
    """A row whose pictures were looked at.

    Attributes:
        row: the row's number.
        probe: the probe; None where it could not be looked at.
        gallery: the gallery, likewise.
        sides: the listed rows of its two pictures, as the beginning of a JSON object's fields.
    """

    row: int
    probe: Seen | None
    gallery: Sequence[Seen | None]
    sides: str = ""


@dataclass
class Scored:
    """The rows of a chunk that templates answered.

    Attributes:
        lines: an answer in JSON for each of them.
        figures: the figures of them.
        left: numbers of the rows that have to be asked like any other: what is to be said of them
            has nothing to do with faces.
    """

    lines: list[bytes] = field(default_factory=list)
    figures: Figures = field(default_factory=Figures)
    left: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Engine:
    """A provider whose comparisons can be taken apart.

    Attributes:
        info: its facts.
        templates: itself, as who has templates.
        spec: its scores.
        attempt: the record that each comparison would leave, apart from the seconds.
    """

    info: ProviderInfo
    templates: Templates
    spec: ScoreSpec
    attempt: Attempt


class Scoring:
    """Answers comparisons by the templates of one provider.

    The answers are those that asking each row gives, apart from the seconds, which are 0.

    Args:
        engine: the provider, and its scores.
        terms: gives the terms of the question for a number of gallery pictures.
        pictures: where they may lie, and their limits.
        deadline_s: seconds for one picture.
        threads: pictures that are looked at together.
    """

    def __init__(
        self,
        engine: Engine,
        terms: Callable[[int], Terms | None],
        pictures: Pictures,
        deadline_s: float,
        threads: int,
    ) -> None:
        self._info, self._templates, self._spec = engine.info, engine.templates, engine.spec
        self._terms, self._pictures = terms, pictures
        self._deadline_s, self._threads = deadline_s, threads
        self._driver = SyncDriver()
        self._seen: dict[Source, Seen | None] = {}
        self._rules: dict[int, tuple[float, float | None, bytes]] = {}
        self._common = {"seconds": 0.0, "attempts": 1, **charged([engine.attempt])}

    @classmethod
    def of(
        cls, route: Route, operation: Operation, wanted: Wanted, pictures: Pictures, threads: int
    ) -> Scoring | None:
        """The scoring of a question on a route; None where it takes more than templates."""
        engine = templated(route, operation)
        if engine is None:
            return None
        terms = cache(partial(_terms, route, operation, wanted))
        return cls(engine, terms, pictures, route.deadline_s, threads)

    def look(self, pictures: Iterable[Source], stopped: Callable[[], bool]) -> bool:
        """Look at pictures, several at a time; those that were seen before are not looked at.

        Args:
            pictures: the pictures.
            stopped: tells whether to leave the rest.

        Returns:
            Whether all of them were looked at.
        """
        new = [each for each in dict.fromkeys(pictures) if each not in self._seen]
        with ThreadPoolExecutor(self._threads) as threads:
            for each, seen in zip(new, threads.map(self._look, new), strict=True):
                self._seen[each] = seen
                if stopped():
                    threads.shutdown(cancel_futures=True)
                    return False
        return True

    def forget(self) -> None:
        """Let go of all templates."""
        self._seen.clear()

    def pair(self, row: Row) -> Pair:
        """A row, whose pictures were looked at."""
        gallery = [self._seen[each] for each in row.gallery]
        return Pair(row.number, None if row.has_consent else self._seen[row.probe], gallery)

    def pairs(
        self, numbers: Iterable[tuple[int, int, int]], images: Sequence[Source]
    ) -> Iterator[Pair]:
        """Rows of all pairs, each with its two listed rows; ``images`` are the listed pictures."""
        seen = [self._seen.get(each) for each in images]
        for row, first, second in numbers:
            sides = f'"first":{first},"second":{second},'
            yield Pair(row, seen[first - 1], (seen[second - 1],), sides)

    def score(self, pairs: Iterable[Pair]) -> Scored:
        """Score pairs, and decide on them."""
        scored, decided = Scored(), list[Pair]()
        probes: list[Template] = []
        gallery: list[Template] = []
        most = self._info.max_gallery
        for pair in pairs:
            others = [each for each in pair.gallery if each is not None]
            probe, count = pair.probe, len(others)
            if (
                probe is None
                or not 0 < count == len(pair.gallery)
                or (most is not None and count > most)
                or len({probe.digest, *[each.digest for each in others]}) <= count
                or self._terms(count) is None
            ):
                scored.left.append(pair.row)
            elif (refusal := _refusal(probe, others)) is not None:
                self._refuse(scored, pair, *refusal)
            else:
                decided.append(pair)
                probes += [probe.template] * count
                gallery += [each.template for each in others]
        self._decide(scored, decided, self._templates.template_scores(probes, gallery))
        return scored

    def _look(self, given: Source) -> Seen | None:
        try:
            self._pictures.refuse_outside(given, "probe")
            reading = picture("probe", given, self._pictures.intake)
            image = self._driver.run(reading, Deadline(self._deadline_s))
            fit = prepared(image, (), self._info, self._pictures.intake).probe
            return Seen(sha256(image.data).digest(), self._templates.template(fit))
        except FacegateError:  # who asks the row will say it
            return None

    def _decide(self, scored: Scored, pairs: Sequence[Pair], numbers: Sequence[float]) -> None:
        spec = self._spec
        best = min if spec.scale.lower_is_closer else max
        counts = dict.fromkeys(Decision, 0)
        place = 0
        for pair in pairs:
            end = place + len(pair.gallery)
            scores, place = numbers[place:end], end
            if (refused := self._templates.template_refusal(scores)) is not None:
                self._refuse(scored, pair, refused, refused.image)
                continue
            score = best(scores)
            threshold, review_from, tail = self._rule(len(scores))
            if spec.is_yes(score, threshold):
                decision = Decision.ACCEPT
            elif review_from is not None and spec.scale.reaches(score, review_from):
                decision = Decision.REVIEW
            else:
                decision = Decision.REJECT
            counts[decision] += 1
            head = f'{{"row":{pair.row},{pair.sides}"decision":"{decision}","score":{score!r},'
            scored.lines.append(head.encode() + tail)
        decisions = Counter({str(each): count for each, count in counts.items() if count})
        scored.figures += Figures(rows=decisions.total(), decisions=decisions)

    def _rule(self, gallery: int) -> tuple[float, float | None, bytes]:
        """The threshold and where a review begins, and the end of each line under this rule."""
        if gallery not in self._rules:
            terms = self._terms(gallery)
            review_from = terms.review_from if terms else None
            threshold = terms.threshold if terms else None
            threshold = self._spec.threshold if threshold is None else threshold
            common = {"threshold": threshold, "scale": self._spec.scale.name, **self._common}
            tail = json.dumps(common, separators=(",", ":"))[1:].encode() + b"\n"
            self._rules[gallery] = threshold, review_from, tail
        return self._rules[gallery]

    def _refuse(self, scored: Scored, pair: Pair, error: FacegateError, label: str | None) -> None:
        said = {**failure(error), "image": label, **self._common}
        fields = json.dumps(said, separators=(",", ":"))[1:]
        scored.lines.append(f'{{"row":{pair.row},{pair.sides}{fields}\n'.encode())
        scored.figures.rows += 1
        scored.figures.errors[error.code] += 1


def templated(route: Route, operation: Operation) -> Engine | None:
    """The engine by whose templates a question on a route can be answered; None without one."""
    if operation is not Operation.COMPARE or len(route.providers) != 1 or route.require_consent:
        return None
    (provider,) = route.providers
    info = provider.info
    if not isinstance(provider, Templates) or not info.embedded or info.match is None:
        return None
    attempt = provider.attempt(time.perf_counter(), operation=operation)
    return Engine(info, provider, info.match, attempt)


def _terms(route: Route, operation: Operation, wanted: Wanted, gallery: int) -> Terms | None:
    """The terms for so many gallery pictures; None where asking has more to say than a score."""
    try:
        (terms,) = route.terms(operation, wanted, gallery=gallery).terms.values()
    except FacegateError:
        return None
    return None if isinstance(terms, FacegateError) or terms.engine is not None else terms


def _refusal(probe: Seen, gallery: Sequence[Seen]) -> tuple[FacegateError, str] | None:
    """The first picture that is refused on its side, and its label."""
    if (error := probe.template.refusals.get("probe")) is not None:
        return error, "probe"
    for index, each in enumerate(gallery):
        if each.template.refusals and (error := each.template.refusals.get("gallery")) is not None:
            return error, f"gallery[{index}]"
    return None
