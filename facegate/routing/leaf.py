"""The end of a route: one provider, asked once."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from facegate.errors import (
    BadReply,
    CaptureRejected,
    ConsentRefused,
    FacegateError,
    ImageRejected,
    InvalidRequest,
    ProviderError,
    ProviderUnavailable,
    UnmappedError,
)
from facegate.model import Liveness, Match, Operation, VerificationResult
from facegate.policy import Terms
from facegate.preparing import Prepared, prepared
from facegate.providers.provider import Provider
from facegate.providers.requests import Answer
from facegate.routing.node import Node, Resource, Run, Share, permits
from facegate.runtime.flow import Flow, call, timeout

_LIGHT = 2**20
"""Bytes of pictures whose metadata is sooner taken out than handed to a thread."""


class Leaf(Node):
    """One provider, asked once."""

    def __init__(self, provider: Provider) -> None:
        if provider.settings.calibration or provider.info.calibration:
            from facegate.providers.calibrated import calibrate

            calibrate(provider)  # where whoever made it has not done so
        self.provider = provider
        self.name = provider.name

    def children(self) -> Sequence[Node]:
        return ()

    def resources(self) -> Sequence[Resource]:
        return (self.provider,)

    def providers(self) -> Iterator[Provider]:
        yield self.provider

    def ask(self, run: Run, share: Share) -> Flow[VerificationResult]:
        provider, operation = self.provider, run.question.operation
        terms = self._permitted(run)
        pictures = yield from self._prepared(run)
        request = terms.bind(pictures.probe, pictures.gallery)
        run.budget -= 1
        started = time.perf_counter()
        run.asking(partial(provider.attempt, started, operation=operation))
        try:
            seconds = min(provider.settings.deadline_s, share.deadline.left())
            answer = yield from timeout(provider.answer(request), seconds)
            result = self._result(terms, answer, pictures)
        except Exception as raised:  # noqa: BLE001  whatever a plugin raises ends in the one tree
            error = raised if isinstance(raised, FacegateError) else _bug(provider, raised)
        else:
            run.tried(answer.attempts or (provider.attempt(started, operation=operation),))
            return result
        # Raised out here, so that it carries no error of the plugin's own, which may hold a face.
        if isinstance(error, ProviderError):
            error.provider = provider.name
        elif isinstance(error, CaptureRejected | ImageRejected) and operation is Operation.LIVENESS:
            error.image = "probe"  # there is no other
        run.tried(error.attempts or (provider.attempt(started, error, operation=operation),))
        raise error from None

    def _permitted(self, run: Run) -> Terms:
        if not permits(run.question.consent, self.provider):
            raise ConsentRefused(
                f"the consent does not cover {self.provider.info.handling.recipient}, or what it"
                " does with a picture",
                provider=self.name,
            )
        terms = run.terms[self.name]
        if isinstance(terms, FacegateError):
            raise terms
        return terms

    def _prepared(self, run: Run) -> Flow[Prepared]:
        """The pictures as this provider may get them, worked out once for all of its attempts."""
        if self.name in run.prepared:
            return run.prepared[self.name]
        info, intake = self.provider.info, run.intake
        most = info.max_gallery
        if most is not None and len(run.gallery) > most:
            raise InvalidRequest(
                f"more than the {most} images that the provider takes", image=f"gallery[{most}]"
            )
        preparing = partial(prepared, run.probe, run.gallery, info, intake)
        light = info.embedded or sum(len(each.data) for each in (run.probe, *run.gallery)) <= _LIGHT
        if light and not intake.prepare:  # nothing to do that would hold up an event loop
            run.prepared[self.name] = preparing()
        else:
            run.prepared[self.name] = yield from call(preparing)
        return run.prepared[self.name]

    def _result(self, terms: Terms, answer: Answer, pictures: Prepared) -> VerificationResult:
        """The result, still without the parts that only the whole request knows."""
        decision, operation, liveness = terms.decide(answer), terms.operation, answer.liveness
        if liveness is None and operation is Operation.LIVENESS:
            liveness = Liveness(passed=False, reason="not answered")
        return VerificationResult(
            operation=operation,
            decision=decision,
            match=_rated(answer, terms, len(pictures.gallery)),
            liveness=liveness,
            provider=self.provider.name,
            plugin=self.provider.info.plugin,
            lineage=self.provider.info.lineage,
            engine=answer.engine,
            vendor_reference=answer.vendor_reference,
            vendor_signature=answer.vendor_signature,
            elapsed=0,
            warnings=(*terms.warnings(self.provider), *pictures.changes, *answer.warnings),
            faces=answer.faces,
        )


def _rated(answer: Answer, terms: Terms, gallery: int) -> Match | None:
    """A match with the share of strangers that reach its score, where that is known."""
    rates, match = terms.rates, answer.match
    if match is None or match.score is None or match.scale is None or rates is None:
        return match
    if rates.engine not in (None, answer.engine):
        return match
    rate = rates.rate(match.score, match.scale)
    if rate is None:
        return match
    return match.model_copy(
        update={
            "fmr": min(1.0, rate * gallery),
            "fmr_by": rates.provenance,
            "calibration": rates.document,
        }
    )


def _bug(provider: Provider, error: Exception) -> ProviderError:
    """A plugin's own mistake as an error.

    Its text may hold anything, so only its type and place are kept.
    """
    if isinstance(error, MemoryError):
        return ProviderUnavailable("out of memory")
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
        "\n".join(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    )
    return failure
