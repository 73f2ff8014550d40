"""A request under an id of its caller's is answered, and charged for, once."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import select

from clocks import Clock
from databases import EVERY, fresh
from facegate import BadReply, Billed, FacegateError, InvalidRequest, ProviderUnavailable
from facegate.errors import JournalUnavailable
from facegate.gateway.idempotency import (
    KEPT_S,
    REPLAYED,
    Idempotency,
    OtherRequest,
    OutcomeUnknown,
    StillRunning,
)
from facegate.gateway.keys import Caller
from facegate.gateway.repeats import Completion
from facegate.journal import Journal
from facegate.journal.schema import replies as table
from facegate.runtime.flow import HttpReply, HttpRequest
from journals import attempt, finished, journal, write

TEAM, OTHERS = (Caller(each, each, frozenset({"verify"})) for each in ("team", "others"))
REQUEST = HttpRequest("POST", "http://gateway/v1/compare", body=(b"{}",), target="/v1/compare")
DEADLINE_S = 30.0
LONG_S = 60.0
"""Seconds after which any request must have ended."""
ANSWER = HttpReply(200, {"content-type": "application/json"}, '{"name": "Jürgen"}'.encode())


class Vendor:
    """Answers, or fails, and counts how often it was asked."""

    def __init__(self, error: FacegateError | None = None) -> None:
        self.asked, self.error = 0, error

    async def __call__(self) -> Completion:
        self.asked += 1
        if self.error is None:
            return Completion(ANSWER, stays=True)
        return Completion.failed(self.error, HttpReply(502, {}, b'{"code": "BadReply"}'))


@pytest.fixture(params=EVERY)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    with journal(fresh(request.param, tmp_path)) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replies(kept: Journal, clock: Clock) -> Idempotency:
    return Idempotency.of(kept, clock)


def send(
    replies: Idempotency,
    work: Any,
    value: str = "order-77",
    caller: Caller = TEAM,
    request: HttpRequest = REQUEST,
) -> HttpReply:
    return anyio.run(replies.once, caller, value, request, "r-1", DEADLINE_S, work)


def test_a_repetition_gets_the_same_bytes(replies: Idempotency) -> None:
    vendor = Vendor()
    assert send(replies, vendor) == ANSWER
    again = send(replies, vendor)
    assert (again.status, again.body) == (200, ANSWER.body)
    assert again.headers == {**ANSWER.headers, REPLAYED: "true"}
    assert vendor.asked == 1


def test_another_process_replays_it_too(kept: Journal, replies: Idempotency, clock: Clock) -> None:
    vendor = Vendor()
    send(replies, vendor)
    assert send(Idempotency.of(kept, clock), vendor).headers[REPLAYED] == "true"
    assert vendor.asked == 1


def test_an_id_is_its_callers_own(replies: Idempotency) -> None:
    vendor = Vendor()
    for caller in (TEAM, OTHERS, Caller.local()):
        assert REPLAYED not in send(replies, vendor, caller=caller).headers
    assert vendor.asked == 3


@pytest.mark.parametrize(
    "other",
    [
        {"body": (b"{ }",)},
        {"target": "/v1/compare?route=other"},
        {"method": "PUT"},
    ],
)
def test_something_else_under_the_same_id_is_refused(
    replies: Idempotency, other: dict[str, Any]
) -> None:
    vendor = Vendor()
    send(replies, vendor)
    request = HttpRequest(
        **{"method": "POST", "url": REQUEST.url, "body": REQUEST.body, "target": REQUEST.target}
        | other
    )
    with pytest.raises(OtherRequest) as refused:
        send(replies, vendor, request=request)
    assert refused.value.http_status == 422
    assert vendor.asked == 1


def test_a_form_that_is_sent_again_has_another_boundary_and_is_the_same(
    replies: Idempotency,
) -> None:
    def form(boundary: str, picture: bytes = b"a picture") -> HttpRequest:
        line = f"--{boundary}\r\nContent-Disposition: form-data; name=probe\r\n\r\n".encode()
        return HttpRequest(
            "POST",
            REQUEST.url,
            {"content-type": f'multipart/form-data; charset=utf-8; boundary="{boundary}"'},
            (line + picture + f"\r\n--{boundary}--\r\n".encode(),),
            target="/v1/liveness",
        )

    vendor = Vendor()
    send(replies, vendor, request=form("0123456789abcdef"))
    assert REPLAYED in send(replies, vendor, request=form("fedcba9876543210")).headers
    with pytest.raises(OtherRequest):
        send(replies, vendor, request=form("0123456789abcdef", b"another"))


def test_where_the_boundary_stands_counts(replies: Idempotency) -> None:
    def form(boundary: str, inner: str) -> HttpRequest:
        text = f"--{boundary}\r\none--{inner}two--{boundary}--"
        kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
        return HttpRequest("POST", REQUEST.url, kind, (text.encode(),), target="/v1/compare")

    send(replies, Vendor(), request=form("aaaaaaaa", "aaaaaaaa"))
    with pytest.raises(OtherRequest):
        send(replies, Vendor(), request=form("bbbbbbbb", ""))


def test_the_answer_about_a_person_goes_when_they_are_erased(
    kept: Journal, replies: Idempotency
) -> None:
    vendor = Vendor()
    write(kept, finished("r-1", "ann"))
    send(replies, vendor)
    assert kept.erase("ann")
    with kept.store.reading() as connection:
        assert connection.execute(select(table.c.body)).scalars().all() == [None]
    with pytest.raises(OutcomeUnknown):  # and nobody is asked, or paid, once more
        send(replies, vendor)
    assert vendor.asked == 1


def test_of_two_at_once_one_is_asked(replies: Idempotency) -> None:
    vendor = Vendor()

    async def main() -> None:
        begun, end = anyio.Event(), anyio.Event()

        async def slow() -> Completion:
            begun.set()
            await end.wait()
            return await vendor()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(replies.once, TEAM, "order-77", REQUEST, "r-1", DEADLINE_S, slow)
            await begun.wait()
            with pytest.raises(StillRunning) as refused:
                await replies.once(TEAM, "order-77", REQUEST, "r-1", DEADLINE_S, vendor)
            end.set()
        assert (refused.value.http_status, refused.value.retry_after) == (409, 1.0)

    anyio.run(main)
    assert vendor.asked == 1


def test_a_failure_that_may_have_cost_something_is_kept(replies: Idempotency) -> None:
    vendor = Vendor(BadReply("no JSON", attempts=(attempt(billed=Billed.MAYBE),)))
    assert send(replies, vendor).status == 502
    assert send(replies, vendor).headers[REPLAYED] == "true"
    assert vendor.asked == 1


def test_a_failure_that_cost_nothing_is_forgotten(replies: Idempotency) -> None:
    down = Vendor(ProviderUnavailable("closed", attempts=(attempt(billed=Billed.NO),)))
    for _ in range(2):
        assert REPLAYED not in send(replies, down).headers
    assert down.asked == 2
    assert send(replies, Vendor()) == ANSWER


def test_an_answer_is_kept_for_a_day(replies: Idempotency, clock: Clock) -> None:
    vendor = Vendor()
    send(replies, vendor)
    clock.now += KEPT_S - 1
    assert REPLAYED in send(replies, vendor).headers
    clock.now += 1
    assert REPLAYED not in send(replies, vendor).headers
    assert vendor.asked == 2


def test_what_became_of_a_cancelled_request_is_not_known(
    replies: Idempotency, clock: Clock
) -> None:
    vendor = Vendor()

    async def main() -> None:
        with anyio.CancelScope() as scope:

            async def cancelled() -> Completion:
                scope.cancel()
                await anyio.sleep(60)
                return await vendor()

            await replies.once(TEAM, "order-77", REQUEST, "r-1", DEADLINE_S, cancelled)

    anyio.run(main)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown) as refused:
            send(replies, vendor)
        assert (refused.value.http_status, refused.value.billed) == (409, Billed.MAYBE)
        clock.now += 10 * KEPT_S  # for good
    assert not vendor.asked
    send(replies, vendor, "order-78")  # the caller decides


@pytest.mark.parametrize("value", ["", "two words", "n\näher", "x" * 256])
def test_an_id_that_could_not_be_kept_is_refused(replies: Idempotency, value: str) -> None:
    with pytest.raises(InvalidRequest, match="1 to 255 visible characters"):
        send(replies, Vendor(), value)


def test_without_a_journal_an_id_is_refused_rather_than_ignored() -> None:
    vendor = Vendor()
    with pytest.raises(InvalidRequest, match=r"needs \[journal\]"):
        send(Idempotency.of(None), vendor)
    assert not vendor.asked


def test_a_database_that_is_away_has_nobody_asked(tmp_path: Path) -> None:
    vendor = Vendor()
    with journal(fresh("sqlite", tmp_path / "here")) as kept:
        with pytest.raises(JournalUnavailable):
            Idempotency.of(kept)
        (tmp_path / "here").mkdir()
        replies = Idempotency.of(kept)
        for file in (tmp_path / "here").iterdir():
            file.unlink()
        (tmp_path / "here").rmdir()
        with pytest.raises(JournalUnavailable) as refused:
            send(replies, vendor)
    assert refused.value.http_status == 503
    assert not vendor.asked


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(
    replies: Idempotency,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away(*_: object) -> None:
        raise JournalUnavailable("the journal's database failed")

    vendor = Vendor()
    with monkeypatch.context() as patched:
        patched.setattr("facegate.gateway.replies.Replies.keep", away)
        assert send(replies, vendor) == ANSWER
    assert caplog.messages[-1].startswith("a reply was not kept")
    clock.now += LONG_S
    with pytest.raises(OutcomeUnknown):  # and not another charge
        send(replies, vendor)
    assert vendor.asked == 1


def test_what_was_asked_cannot_be_found_out_from_what_is_kept(tmp_path: Path) -> None:
    with journal(fresh("sqlite", tmp_path)) as kept:
        picture = b"a picture of somebody"
        request = HttpRequest("POST", REQUEST.url, body=(picture,), target="/v1/liveness")
        send(Idempotency.of(kept), Vendor(), "ann-of-the-tests", request=request)
        found = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert picture not in found
    assert b"ann-of-the-tests" not in found


_DIES = """
import sys, anyio
from test_service_idempotency import *

async def main():
    vendor = Path(sys.argv[2])

    async def work(value):
        with vendor.open("a") as asked:
            asked.write(value + "\\n")
        await anyio.sleep(0.01)
        return Completion(HttpReply(200, {}, value.encode()), stays=True)

    async def one(value):
        reply = await replies.once(TEAM, value, REQUEST, "r-1", DEADLINE_S, partial(work, value))
        print(value, flush=True)

    with journal(sys.argv[1]) as kept:
        replies = Idempotency.of(kept)
        async with anyio.create_task_group() as tasks:
            for number in range(int(sys.argv[3])):
                tasks.start_soon(one, f"order-{number}")

from functools import partial
anyio.run(main)
"""


@contextlib.contextmanager
def _process(url: str, vendor: Path, requests: int) -> Iterator[subprocess.Popen[str]]:
    """A process that answers requests at once, and says which are answered."""
    command = [sys.executable, "-c", _DIES, url, str(vendor), str(requests)]
    path = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.getenv("PYTHONPATH")]))
    with subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9")
@pytest.mark.parametrize("database", EVERY)
def test_after_a_kill_nobody_is_asked_twice(database: str, tmp_path: Path) -> None:
    url, vendor, requests = fresh(database, tmp_path), tmp_path / "asked.txt", 60
    with _process(url, vendor, requests) as running:
        assert running.stdout
        answered = [running.stdout.readline().strip() for _ in range(10)]
        running.send_signal(signal.SIGKILL)
        answered += running.stdout.read().split()
    asked_before = vendor.read_text().split()
    assert len(answered) < requests

    async def late() -> Completion:
        late_asked.append(value)
        return Completion(HttpReply(200, {}, value.encode()), stays=True)

    late_asked: list[str] = []
    unknown = []
    with journal(url) as kept:
        replies = Idempotency.of(kept)
        waiting = Idempotency.of(kept, Clock(time.time() + LONG_S))
        for value in (f"order-{number}" for number in range(requests)):
            with contextlib.suppress(StillRunning):
                send(replies, late, value)
            try:
                assert send(waiting, late, value).body == value.encode()
            except OutcomeUnknown:
                unknown.append(value)
    assert len(set(asked_before)) == len(asked_before)
    assert not set(asked_before) & set(late_asked)
    assert not set(answered) & {*unknown, *late_asked}  # each of them was replayed
    assert not set(unknown) & set(late_asked)
