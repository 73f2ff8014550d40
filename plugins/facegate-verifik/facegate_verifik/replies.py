"""The bodies of Verifik's answers, in one of the shapes that it documents, or in both at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from facegate.plugin import Answer, DecodedRequest, Liveness, Match, Operation
from facegate_verifik import wire

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)


Shape = Literal["both", "record", "docs"]


@dataclass(frozen=True)
class Call:
    """The route and the moment of a request, which its answer depends on."""

    route: str
    at: datetime


@dataclass(frozen=True)
class Writer:
    """Writer of answers' bodies.

    Attributes:
        shape: stored records, as captured, flat, as documented, or both in one.
        clock: gives the current time, in UTC.
        chance: source of ids.
        client: the account's id.
    """

    shape: Shape
    clock: Callable[[], datetime]
    chance: random.Random
    client: str

    def envelope(self, data: dict[str, Any], answer: Answer) -> dict[str, Any]:
        """The body of an answer with this data; a signature of the vendor's own is handed on."""
        reference = "".join(self.chance.choices(_ALPHABET, k=5))
        signature = answer.vendor_signature or self.signature()
        return {"id": reference, "data": data, "signature": dict(signature)}

    def signature(self) -> dict[str, str]:
        """The signature field, with the current time. It certifies nothing in another's name."""
        now = self.clock().astimezone(UTC)
        hour, half = (now.hour - 1) % 12 + 1, "PM" if now.hour >= 12 else "AM"
        date = f"{_MONTHS[now.month - 1]} {now.day}, {now.year}"
        return {
            "message": "Answered by facegate",
            "dateTime": f"{date} {hour}:{now.minute:02} {half}",
        }

    def data(self, decoded: DecodedRequest, answer: Answer) -> dict[str, Any] | None:
        """The data of an answer; None for a spoof that no score can tell."""
        match, live = answer.match, answer.liveness
        spoof = live is not None and not live.passed
        sayable = None if live is None or (spoof and live.score is None) else live
        if decoded.operation is Operation.LIVENESS:
            return None if sayable is None else _check(sayable)
        if match is None:
            return None
        if decoded.operation is Operation.COMPARE:
            return None if spoof else self._comparison(decoded, match, "compare")
        comparison = self._comparison(decoded, match, "compareLive")
        if decoded.context.route == wire.COMPARE_LIVE:
            return None if sayable is None else self._at_once(decoded, comparison, sayable)
        rejected = decoded.threshold is not None and not match.is_match
        if sayable is None and not rejected:
            return None
        checked = None if sayable is None or rejected else self._checked(decoded, sayable)
        return {"comparison": comparison, "liveness": checked}

    def _comparison(self, decoded: DecodedRequest, match: Match, kind: str) -> dict[str, Any]:
        score = {} if match.score is None else {"score": match.score}
        flat = score or {"match": match.is_match}
        if self.shape == "docs":
            return flat
        threshold = {"compare_min_score": match.threshold}
        return {
            **self._flat(flat),
            **self._record(kind, decoded.options.get("search_mode", "FAST")),
            "probe": [],
            "gallery": [],
            "comparedAt": _moment(decoded.context.at),
            "result": {**score, **threshold, "passed": match.is_match},
            **threshold,
        }

    def _at_once(
        self, decoded: DecodedRequest, comparison: dict[str, Any], live: Liveness
    ) -> dict[str, Any]:
        if self.shape == "docs":
            return {**comparison, "liveness": _check(live)}
        data = {**comparison, "os": _os(decoded), "liveness_min_score": live.threshold}
        if live.passed and (live.score is None or live.score == live.threshold):
            return {**data, "liveness": _check(live)}  # the score alone would not say so
        score = str(live.score)  # as text, which the vendor's own client is prepared for
        return {
            **data,
            **self._flat({"liveness": _check(live)}),
            "result": {**comparison["result"], "liveness_score": score},
        }

    def _checked(self, decoded: DecodedRequest, live: Liveness) -> dict[str, Any]:
        if self.shape == "docs":
            return _check(live)
        return {
            **self._flat(_check(live)),
            **self._record("liveness", "FAST"),
            "os": _os(decoded),
            "liveness_min_score": live.threshold,
            "result": _check(live),
        }

    def _flat(self, fields: dict[str, Any]) -> dict[str, Any]:
        """What stands beside a record for those who read the flat shape."""
        return fields if self.shape == "both" else {}

    def _record(self, kind: str, search_mode: str) -> dict[str, Any]:
        now = _moment(self.clock())
        return {
            "_id": object_id(self.chance),
            "client": self.client,
            "type": kind,
            "search_mode": search_mode,
            "status": "success",
            "createdAt": now,
            "updatedAt": now,
            "__v": 0,
        }


def object_id(chance: random.Random) -> str:
    """An id as the vendor's database makes them."""
    return f"{chance.getrandbits(96):024x}"


def _check(live: Liveness) -> dict[str, Any]:
    fields = {"passed": live.passed, "min_score": live.threshold, "liveness_score": live.score}
    return {name: value for name, value in fields.items() if value is not None}


def _os(decoded: DecodedRequest) -> str:
    chosen: str = decoded.options.get("os", "DESKTOP")
    return chosen


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
