"""The breaker against its rule, whatever happens and in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from facegate import FacegateError, ProviderUnavailable
from facegate.runtime.flow import Flow
from guarded import COOLING, NOT_ITS_FAULT, Guarded
from underway import answered, asked, failed


class Requests(RuleBasedStateMachine):
    """Requests of all kinds, one after the other and at the same time, against plain lists."""

    under_way = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self.main = Guarded(minimum_calls=3, failure_rate=0.6, in_a_row=2, probes=2)
        self.state, self.opened = "closed", 0.0
        self.counted: list[tuple[float, bool]] = []
        self.in_a_row = 0
        self.trials: list[Flow[Any]] = []
        self.successes = 0
        self.ages: dict[Flow[Any], int] = {}
        self.age = 0

    def turn(self, state: str) -> None:
        self.state, self.age = state, self.age + 1
        self.counted, self.trials, self.successes, self.in_a_row = [], [], 0, 0
        if state == "open":
            self.opened = self.main.clock.now

    def over(self, flow: Flow[Any], *, failed: bool | None) -> None:
        if self.ages.pop(flow) != self.age:
            return
        if self.state == "half_open":
            self.trials.remove(flow)
            self.successes += failed is False
            if failed or self.successes == 2:
                self.turn("open" if failed else "closed")
        elif failed is not None:
            tenth = int(self.main.clock.now / 10)
            self.counted.append((tenth, failed))
            recent = [failure for when, failure in self.counted if when > tenth - 10]
            self.in_a_row = self.in_a_row + 1 if failed else 0
            if self.in_a_row >= 2 if len(recent) < 3 else sum(recent) >= 0.6 * len(recent):
                self.turn("open")

    @rule(seconds=st.sampled_from([0.5, 9, 31, 95]))
    def wait(self, seconds: float) -> None:
        self.main.clock.now += seconds

    @rule(target=under_way)
    def begin(self) -> Any:
        if self.state == "open" and self.main.clock.now >= self.opened + 30:
            self.turn("half_open")
        if self.state == "open" or len(self.trials) == 2:
            with pytest.raises(ProviderUnavailable):
                asked(self.main.node)
            return None
        flow = asked(self.main.node)
        self.ages[flow] = self.age
        if self.state == "half_open":
            self.trials.append(flow)
        return flow

    @rule(flow=consumes(under_way))
    def answer(self, flow: Flow[Any] | None) -> None:
        if flow:
            answered(flow)
            self.over(flow, failed=False)

    @rule(flow=consumes(under_way), error=st.sampled_from(COOLING))
    def fail(self, flow: Flow[Any] | None, error: Callable[[], FacegateError]) -> None:
        if flow:
            failed(flow, error())
            self.over(flow, failed=True)

    @rule(flow=consumes(under_way), error=st.sampled_from(NOT_ITS_FAULT))
    def meet_what_is_not_its_fault(
        self, flow: Flow[Any] | None, error: Callable[[], FacegateError]
    ) -> None:
        if flow:
            failed(flow, error())
            self.over(flow, failed=None)

    @rule(flow=consumes(under_way))
    def give_up(self, flow: Flow[Any] | None) -> None:
        if flow:
            flow.close()
            self.over(flow, failed=None)

    @invariant()
    def the_states_agree(self) -> None:
        assert self.main.state() == self.state


test_whatever_happens_the_breaker_goes_by_its_rule = Requests.TestCase
Requests.TestCase.settings = examples(max_examples=60, stateful_step_count=60, deadline=None)
