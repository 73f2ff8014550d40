"""A vendor played by its documentation: every request gets the reply that belongs to it.

A question may take several requests. They are a round, and a request that carries an id which an
earlier reply gave belongs to the round of that reply, however many questions are asked at once.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from facegate import Image
from facegate.testing.cases import Endpoint, Interaction, VendorCall, differences
from facegate.testing.sent import comparable, content, holds, keys, target
from facegate.testing.server import Act, PendingRequest, Seen, reply


@dataclass
class Round:
    """The requests of one question.

    Attributes:
        call: the way of asking.
        number: of the question, counted from 0.
        left: interactions still to come.
        seen: the requests so far.
    """

    call: VendorCall
    number: int
    left: list[Interaction]
    seen: list[Seen] = field(default_factory=list)


class Served(NamedTuple):
    """A request that fitted the documentation.

    Attributes:
        endpoint: the documented request.
        step: its interaction, None for the answer's own.
        plain: the request below ``base_url``, with the documented ids.
        seen: the request as it came.
    """

    endpoint: Endpoint
    step: Interaction | None
    plain: Seen
    seen: Seen


Answers = Callable[[Round, Interaction | None], Act | None]
"""The reply to a request of a round, None for the documented one. The interaction is None where
the answer itself is asked for."""


class Playback:
    """The documented vendor, as an act for a server.

    Args:
        calls: every way of asking; of several that fit a request, the first counts.
        answers: gives replies; never None where the answer itself is asked for.
        probes: pictures that questions are about; a request with one of them is no request about
            a gallery picture, even if it looks like one.
        below: the path of ``base_url``.
        moving: names that are left out where requests are compared.

    Attributes:
        served: the requests that fitted.
        unknown: requests that are not documented, as texts; they got a 404.
    """

    def __init__(
        self,
        calls: Sequence[VendorCall],
        answers: Answers,
        probes: Iterable[Image] = (),
        below: str = "",
        moving: Collection[str] = (),
    ) -> None:
        self.served: list[Served] = []
        self.unknown: list[str] = []
        self._calls, self._answers = list(calls), answers
        self._below, self._moving, self._probes = below, moving, [*probes]
        self._answer_of = {id(call): Interaction(call.endpoint) for call in calls}
        self._rounds: list[Round] = []
        self._ids = _ids(calls)
        self._lock = threading.Lock()

    def __call__(self, line: PendingRequest) -> bool:
        with self._lock:
            act = self._act(line.request)
        return act(line)

    def note(self) -> str:
        """An addition to a complaint: the requests that the documentation does not have."""
        if not self.unknown:
            return ""
        known = sorted({str(each) for call in self._calls for each in call.endpoints()})
        return (
            f"; it asked {', '.join(dict.fromkeys(self.unknown))}, which is not documented and got"
            f" a 404; documented are {', '.join(known)}"
        )

    def distinct(self, questions: int) -> bool:
        """Whether some request was another one for each of so many questions."""
        by_path: dict[object, set[object]] = {}
        for each in self.served:
            compared = comparable(each.plain, self._moving)
            by_path.setdefault(compared[:2], set()).add(compared)
        return any(len(each) >= questions for each in by_path.values())

    def compared(self) -> list[tuple[tuple[str, str], ...]]:
        """The requests that fitted, without ids and what moves."""
        return sorted(comparable(each.plain, self._moving) for each in self.served)

    def miscounted(
        self,
        call: VendorCall,
        questions: int,
        gallery: int,
        *,
        ended: bool = False,
        at: Interaction | None = None,
        fewer: bool = False,
        renewed: bool = False,
    ) -> str:
        """A complaint about a request made more or less often than documented; empty if none.

        Args:
            call: the way of asking.
            questions: how often it was asked.
            gallery: how many gallery pictures each question had.
            ended: each question may have ended ``at`` an interaction, None for the answer.
            at: the interaction that may have ended it; those after it may be left out.
            fewer: every request may be left out.
            renewed: every request may be made once more, with another token.
        """
        for step in (*call.before, None, *call.after):
            endpoint = step.endpoint if step else call.endpoint
            count = sum(1 for each in self.served if each.step is step)
            wanted = questions * (gallery if endpoint.each else 1)
            least = 0 if fewer else 1 if step and step.once else wanted
            if not least <= count <= wanted * (2 if renewed else 1):
                return (
                    f"the requests {endpoint} are {count}, and {wanted} are documented; none is"
                    " to be repeated or left out"
                )
            fewer = fewer or (ended and step is at)
        return ""

    def _act(self, seen: Seen) -> Act:
        plain = self._plain(seen)
        if not seen.target.startswith(f"{self._below}/"):
            self.unknown.append(f"{seen.method} {seen.target} (the path of base_url was lost)")
            return reply(404)
        fitting = self._fitting(plain)
        if not fitting:
            self.unknown.append(f"{seen.method} {plain.target}")
            return reply(404)
        call, step = fitting[0]
        if step.once:
            turn = Round(call, -1, [])
        else:
            turn, step = self._round(seen, fitting)
        turn.seen.append(seen)
        other = None if step is self._answer_of[id(turn.call)] else step
        endpoint = other.endpoint if other else turn.call.endpoint
        self.served.append(Served(endpoint, other, plain, seen))
        return self._answers(turn, other) or self._documented(turn, step)

    def _documented(self, turn: Round, step: Interaction) -> Act:
        body = step.body
        if step.ids:
            text = json.dumps(body)
            for name in step.ids:
                text = text.replace(body[name], f"{body[name][:-3]}{turn.number:03d}")
            body = json.loads(text)
        return reply(step.status, body, **step.headers)

    def _fitting(self, plain: Seen) -> list[tuple[VendorCall, Interaction]]:
        """Interactions that a request may belong to: those that fit best."""
        fits = [
            (misfit, call, step)
            for call in self._calls
            for step in self._steps(call)
            if (misfit := self._misfit(step.endpoint, plain)) is not None
        ]
        best = min((misfit for misfit, _, _ in fits), default=0)
        fitting = [(call, step) for misfit, call, step in fits if misfit == best]
        about_probe = any(holds(plain, probe) for probe in self._probes)
        meant = [each for each in fitting if bool(each[1].endpoint.probe) is about_probe]
        return meant or fitting

    def _round(
        self, seen: Seen, fitting: Sequence[tuple[VendorCall, Interaction]]
    ) -> tuple[Round, Interaction]:
        """The round of a request, and its interaction there."""
        number = self._number(seen)
        for turn in self._rounds[-1:] if number is None else [self._rounds[number]]:
            for _, step in fitting:
                if any(step is each for each in turn.left):
                    if not step.endpoint.each:
                        turn.left = [each for each in turn.left if each is not step]
                    return turn, step
        call, step = fitting[0]
        steps = self._steps(call)
        begun = next(index for index, each in enumerate(steps) if each is step)
        left = steps[begun if step.endpoint.each else begun + 1 :]
        if number is None:
            turn = Round(call, len(self._rounds), left)
            self._rounds.append(turn)
        else:  # the round has come to its end, and some of it is asked again
            turn = self._rounds[number] = Round(call, number, left, self._rounds[number].seen)
        return turn, step

    def _number(self, seen: Seen) -> int | None:
        """The round that a request belongs to by its ids; None if it carries none."""
        text = f"{seen.target} {seen.headers} {seen.body!r}"
        for value in self._ids:
            for number in re.findall(rf"{re.escape(value[:-3])}(\d{{3}})", text):
                if int(number) < len(self._rounds):
                    return int(number)
        return None

    def _steps(self, call: VendorCall) -> list[Interaction]:
        return [*call.before, self._answer_of[id(call)], *call.after]

    def _plain(self, seen: Seen) -> Seen:
        """A request below ``base_url`` with the documented ids."""
        path, body, headers = seen.target.removeprefix(self._below), seen.body, seen.headers
        for value in self._ids:
            pattern = rf"{re.escape(value[:-3])}\d{{3}}"
            path = re.sub(pattern, value, path)
            body = re.sub(pattern.encode(), value.encode(), body)
            headers = {name: re.sub(pattern, value, each) for name, each in headers.items()}
        return Seen(seen.method, path, headers, body)

    def _misfit(self, endpoint: Endpoint, seen: Seen) -> int | None:
        """The misfit of a request: 0 if it fits, None if it is another one altogether."""
        if (seen.method, target(seen, self._moving)) != (endpoint.method, endpoint.path):
            return None
        body = content(seen)
        wrong = sum(seen.headers.get(name) != value for name, value in endpoint.headers.items())
        wrong += len(differences(endpoint.fields, body))
        return 100 * wrong + len(keys(seen) ^ set(endpoint.keys))


def _ids(calls: Sequence[VendorCall]) -> list[str]:
    ids = [
        step.body[name]
        for call in calls
        for step in (*call.before, *call.after)
        for name in step.ids
    ]
    return list(dict.fromkeys(ids))
