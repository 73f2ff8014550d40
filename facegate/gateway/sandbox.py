"""Outcomes on demand, for people who test an integration; off unless the operator turns it on."""

from __future__ import annotations

import math
import re
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio

from facegate import errors
from facegate.errors import CaptureReason, CaptureRejected, FacegateError, RateLimited
from facegate.model import Liveness, Match, Operation
from facegate.providers.compat import CompatibleApi, DecodedRequest
from facegate.providers.requests import Answer
from facegate.runtime.flow import HttpReply
from facegate.scores import ScoreSpec

if TYPE_CHECKING:
    from facegate.gateway.bridge import Bridge

Ask = Callable[[DecodedRequest], Awaitable[Answer]]
"""Function that finds the answer to a request, its scores on the target scale."""
HEADER = "x-facegate-sandbox"
LONGEST_LATENCY_S = 60.0
_OUTCOMES = ("match", "no_match", "not_live")
_ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type)
    and issubclass(kind, FacegateError)
    and kind not in (FacegateError, errors.InputError, errors.ProviderError, CaptureRejected)
}


class Instruction(ValueError):
    """An instruction that cannot be followed; its text names the part."""


@dataclass(frozen=True, slots=True)
class Script:
    """The fate of a request, as its instruction says.

    Attributes:
        outcome: the answer, instead of the provider's.
        vendor_error: name of one of the target vendor's errors, sent whatever the request is.
        failure: makes an error of facegate's, met where the provider would have been asked.
        latency: seconds to wait first, 0 to 60.
    """

    outcome: str | None = None
    vendor_error: str | None = None
    failure: Callable[[], FacegateError] | None = None
    latency: float = 0.0

    @classmethod
    def of(cls, text: str, known: Mapping[str, object]) -> Script:
        """Read ``"outcome=no_match; latency=2"``; ``known`` are the vendor's errors by name.

        Raises:
            Instruction: naming the part that cannot be followed.
        """
        fields: dict[str, str] = {}
        for part in filter(None, map(str.strip, text.split(";"))):
            name, separator, value = map(str.strip, part.partition("="))
            if not separator or name in fields or name not in ("outcome", "error", "latency"):
                raise Instruction(f"{_shown(part)} is not one of outcome=, error=, latency=, once")
            fields[name] = value
        if "outcome" in fields and "error" in fields:
            raise Instruction("either outcome= or error=, not both")
        outcome, error = fields.get("outcome"), fields.get("error")
        if outcome is not None and outcome not in _OUTCOMES:
            raise Instruction(f"outcome={_shown(outcome)} is none of {', '.join(_OUTCOMES)}")
        of_vendor = error in known
        return cls(
            outcome,
            error if of_vendor else None,
            None if error is None or of_vendor else _failure(error),
            _seconds(fields.get("latency", "0")),
        )

    def answer(self, decoded: DecodedRequest, match: ScoreSpec, liveness: ScoreSpec) -> Answer:
        """An answer as good as a real one: scores half-way from the threshold to the end.

        A comparison takes no notice of ``not_live``, a liveness check none of ``no_match``.
        """
        same, live = self.outcome != "no_match", self.outcome != "not_live"
        same_from = match.threshold if decoded.threshold is None else decoded.threshold
        live_from = (
            liveness.threshold if decoded.liveness_threshold is None else decoded.liveness_threshold
        )
        return Answer(
            match=None
            if decoded.operation is Operation.LIVENESS
            else Match(
                is_match=same,
                score=_half_way(match, same_from, yes=same),
                threshold=same_from,
                scale=match.scale,
                gallery_scores=(_half_way(match, same_from, yes=same),) * len(decoded.gallery),
            ),
            liveness=None
            if decoded.operation is Operation.COMPARE
            else Liveness(
                passed=live,
                score=_half_way(liveness, live_from, yes=live),
                threshold=live_from,
                scale=liveness.scale,
            ),
        )


class Sandbox:
    """Outcomes forced by instructions that come with requests.

    A caller gives one in the header ``X-Facegate-Sandbox``; for clients that cannot set headers, a
    key has one of its own. The header wins. The parts, separated by ``;``:

    - ``outcome=match``, ``no_match`` or ``not_live``: the provider is not asked;
    - ``error=NAME``: an error of the target vendor's by its name, or a class of facegate's errors,
      or ``CaptureRejected:REASON``;
    - ``latency=SECONDS``: wait first, 60 seconds at most.

    Args:
        keys: instructions by API key; these keys are let in like the others.
        rate: requests and seconds, ``"10/60"``, that each key may spend; None for no limit.
        clock: monotonic time in seconds.

    Raises:
        ValueError: ``rate`` is not requests and seconds.
    """

    def __init__(
        self,
        keys: Mapping[str, str] | None = None,
        rate: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keys = dict(keys or {})
        self._most, self._window = _rate(rate) if rate else (0, 0.0)
        self._clock = clock
        self._spent: dict[str, deque[float]] = defaultdict(deque)

    def check(self, apis: list[CompatibleApi]) -> None:
        """Refuse instructions of keys that no API can follow.

        Raises:
            Instruction: naming the part, not the key.
        """
        known = {name: error for each in apis for name, error in each.errors.items()}
        for text in self.keys.values():
            Script.of(text, known)

    async def enter(
        self, bridge: Bridge, key: str, headers: Mapping[str, str]
    ) -> HttpReply | Ask | None:
        """Take a proven request: a reply, another way to an answer, or None for the provider's.

        Raises:
            Instruction: an instruction that cannot be followed.
            RateLimited: the key's rate is spent.
        """
        api = bridge.api
        self._spend(key)
        text = headers.get(HEADER, self.keys.get(key, ""))
        script = Script.of(text, api.errors)
        await anyio.sleep(script.latency)
        if script.vendor_error:
            return api.error(script.vendor_error)
        if not script.outcome and not script.failure:
            return None

        async def ask(decoded: DecodedRequest) -> Answer:
            if script.failure:
                raise script.failure()
            return script.answer(decoded, bridge.match, bridge.liveness)

        return ask

    def _spend(self, key: str) -> None:
        if not self._most:
            return
        now, spent = self._clock(), self._spent[key]
        while spent and spent[0] <= now - self._window:
            spent.popleft()
        if len(spent) >= self._most:
            wait = spent[0] + self._window - now
            raise RateLimited("the sandbox's rate is spent", retry_after=math.ceil(wait))
        spent.append(now)


def _failure(name: str) -> Callable[[], FacegateError]:
    kind, _, reason = name.partition(":")
    text = "as the sandbox was told"
    if kind == "CaptureRejected" and reason in set(CaptureReason):
        return partial(CaptureRejected, text, reason=CaptureReason(reason), image="probe")
    if kind not in _ERRORS or reason:
        raise Instruction(
            f"error={_shown(name)} is no error of this API, and none of"
            f" {', '.join(sorted(_ERRORS))}, CaptureRejected:REASON"
        )
    return partial(_ERRORS[kind], text)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) or float(text) > LONGEST_LATENCY_S:
        raise Instruction(f"latency={_shown(text)} is not 0 to {LONGEST_LATENCY_S:g} seconds")
    return float(text)


def _rate(text: str) -> tuple[int, float]:
    match = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", text)
    if not match:
        raise ValueError('a rate is requests and seconds, such as "10/60"')
    return int(match[1]), float(match[2])


def _half_way(spec: ScoreSpec, threshold: float, *, yes: bool) -> float:
    return (threshold + (spec.scale.closest if yes else spec.scale.farthest)) / 2


def _shown(text: str) -> str:
    return repr(text[:40])
