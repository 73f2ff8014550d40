"""What the journal keeps of a request, and what it never does."""

from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from acme import DOCUMENT, PROBE, SAME, TOKEN, acme
from both import Run, every_driver
from databases import EVERY, fresh
from facegate import (
    AsyncFaceVerifier,
    Billed,
    Decision,
    FaceVerifier,
    Image,
    InvalidRequest,
    Liveness,
    Operation,
    ProviderTimeout,
    VerificationResult,
)
from facegate.consent import Consent
from facegate.events import Shadowed
from facegate.journal import Journal
from facegate.journal.rows import RequestRow
from facegate.runtime.flow import Flow
from facegate.testing import FakeProvider
from journals import KEY, NOON, attempt, finished, journal, opened, write
from loopback import Server, reply


@pytest.fixture(params=EVERY)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh(request.param, tmp_path)


@every_driver
def test_a_request_is_told_whole(run: Run, url: str) -> None:
    event = finished(
        "r-1",
        subject="user-81",
        arm="b",
        match=SAME.match,
        engine="acme-1.4",
        judged_by_caller=True,
        configuration="3f9a",
        caller="abcdefghijkl",
        consent=Consent("opening an account", frozenset({"Acme"}), reference="c-17"),
        attempts=(attempt("first", "ProviderTimeout", cost=0.25), attempt(cost=0.5)),
    )
    with journal(url) as kept:
        run(kept.record(event))
        (row,) = kept.rows()
    assert row.subject is not None
    assert row == RequestRow(
        at=NOON,
        request_id="r-1",
        subject=row.subject,
        route="kyc",
        arm="b",
        shadow=False,
        provider="main",
        lineage="acme-1",
        operation=Operation.COMPARE,
        decision=Decision.ACCEPT,
        match_score=0.9,
        liveness_score=None,
        error_code=None,
        seconds=0.5,
        attempts=2,
        billed=Billed.YES,
        cost=0.75,
        engine="acme-1.4",
        judged_by_caller=True,
        match_threshold=0.8,
        plugin="acme",
        configuration="3f9a",
        caller="abcdefghijkl",
        consent_reference="c-17",
        consent_purpose="opening an account",
        final=Decision.ACCEPT,
        seq=1,
    )


def test_a_failure_is_told_by_its_class_and_who_was_asked_last(url: str) -> None:
    error = ProviderTimeout("no answer")
    attempts = (
        attempt("main", "ProviderUnavailable", billed=Billed.NO),
        attempt("backup", "ProviderTimeout", billed=Billed.MAYBE),
    )
    with journal(url) as kept:
        write(
            kept,
            finished(error=error, attempts=attempts),
            finished("r-2", error=error, attempts=()),
        )
        asked, refused = kept.rows()
    assert (asked.decision, asked.error_code) == (None, "ProviderTimeout")
    assert (asked.provider, asked.billed, asked.cost) == ("backup", Billed.MAYBE, None)
    assert (refused.provider, refused.attempts, refused.billed) == ("", 0, Billed.NO)


def test_every_attempt_is_a_record(tmp_path: Path) -> None:
    later = NOON + timedelta(seconds=1)
    attempts = (
        attempt("main", "BadReply", image="gallery[1]", step="verify"),
        attempt("backup", at=later),
    )
    with journal(f"sqlite:///{tmp_path}/j.db") as kept:
        write(kept, finished(attempts=attempts, configuration="3f9a"))
    with sqlite3.connect(tmp_path / "j.db") as database:
        database.row_factory = sqlite3.Row
        first, second = database.execute("SELECT * FROM facegate_records WHERE kind = 'attempt'")
    database.close()
    assert (first["number"], first["provider"], first["error_code"]) == (1, "main", "BadReply")
    assert (first["image"], first["step"], first["request_id"], first["configuration"]) == (
        "gallery[1]",
        "verify",
        "r-1",
        "3f9a",
    )
    assert (second["number"], second["at"]) == (2, "2026-03-02T12:00:01.000000Z")


def test_a_shadow_is_a_pair_with_what_the_caller_got(url: str) -> None:
    primary = finished(attempts=(attempt("main"),))
    candidate = finished(attempts=(attempt("candidate"),), decision=Decision.REJECT)
    with journal(url) as kept:
        write(kept, primary, Shadowed(primary, candidate))
        rows = list(kept.rows())
    assert [(row.shadow, row.provider, row.decision) for row in rows] == [
        (False, "main", "accept"),
        (True, "candidate", "reject"),
    ]
    assert len({row.request_id for row in rows}) == 1


def test_rows_of_a_route_and_a_time(url: str) -> None:
    days = [NOON + timedelta(days=day) for day in range(3)]
    with journal(url) as kept:
        write(kept, *(finished(f"r-{day.day}", at=day) for day in days))
        write(kept, finished("other", at=days[1], route="other"))
        found = [row.request_id for row in kept.rows("kyc", since=days[1])]
        before = [row.request_id for row in kept.rows(until=days[1])]
    assert found == ["r-3", "r-4"]
    assert before == ["r-2"]


def test_an_outcome_comes_later_and_the_latest_word_holds(url: str) -> None:
    with journal(url) as kept:
        write(kept, finished("r-1"), finished("r-2"))
        kept.label("r-1", genuine=True)
        kept.label("r-1", genuine=False, spoof=True)
        kept.label("r-1", spoof=False)
        told, untold = kept.rows()
        assert not kept.verify().problems
    assert (told.genuine, told.spoof) == (False, False)
    assert (untold.genuine, untold.spoof) == (None, None)


def test_an_outcome_of_nothing_is_refused(url: str) -> None:
    with journal(url) as kept:
        write(kept, finished("r-1"))
        with pytest.raises(InvalidRequest, match="no request 'r-2'"):
            kept.label("r-2", genuine=True)
        with pytest.raises(InvalidRequest, match="genuine, or a spoof"):
            kept.label("r-1")


def test_a_person_has_one_name_under_one_key_and_none_without(tmp_path: Path) -> None:
    names = []
    for number, key in enumerate((KEY, KEY, f"not {KEY}", None)):
        with journal(f"sqlite:///{tmp_path}/{number}.db", subject_key=key) as kept:
            write(kept, finished(subject="user-81"))
            names.append(next(kept.rows()).subject)
    assert names[0] == names[1]
    assert names[2] not in (None, names[0])
    assert names[3] is None


def test_no_picture_token_or_vendors_word_gets_in(tmp_path: Path) -> None:
    consent = Consent("opening an account", frozenset({"Acme"}), reference="c-17")
    said = {"score": 0.93, "id": "vendor-reference-5", "name": "vendor-body-5"}
    with Server(reply(200, said), reply(500, {"code": "vendor-code-5"})) as server:
        verifier = FaceVerifier(acme(server.url), recorder=opened(f"sqlite:///{tmp_path}/j.db"))
        with verifier:
            verifier.compare(PROBE, DOCUMENT, subject="user-81", consent=consent)
            with pytest.raises(Exception, match="answered 500"):
                verifier.compare(PROBE, DOCUMENT, subject="user-81")
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"opening an account" in kept
    assert b"c-17" in kept
    for picture in (PROBE, DOCUMENT):
        assert picture[60:90] not in kept
        assert Image.of(picture).base64[80:110] not in kept
        assert Image.of(picture).digest.encode() not in kept
    for secret in (TOKEN, "user-81", KEY, "vendor-"):
        assert secret.encode() not in kept


@pytest.mark.parametrize("purpose", ["\0", "\ud800", "☃" * 9999])
def test_whatever_a_caller_writes_can_be_kept(url: str, purpose: str) -> None:
    consent = Consent(purpose, frozenset(), reference=purpose)
    with journal(url) as kept:
        write(kept, finished(subject=purpose, consent=consent))
        assert not kept.verify().problems


def test_an_answer_is_given_once_it_is_in_the_journal(tmp_path: Path) -> None:
    with FaceVerifier(
        FakeProvider(cost=0.1), recorder=opened(f"sqlite:///{tmp_path}/j.db")
    ) as verifier:
        result = verifier.compare_live(PROBE, DOCUMENT)
        with sqlite3.connect(tmp_path / "j.db") as database:
            ((kept,),) = database.execute(
                "SELECT request_id FROM facegate_records WHERE kind = 'request'"
            )
        database.close()
    assert kept == result.request_id


def test_an_async_verifier_writes_the_same(tmp_path: Path) -> None:
    async def main(kept: Journal) -> VerificationResult:
        async with AsyncFaceVerifier(FakeProvider(), recorder=kept) as verifier:
            return await verifier.compare(PROBE, DOCUMENT)

    with journal(f"sqlite:///{tmp_path}/j.db") as kept:
        result = anyio.run(main, kept)
        (row,) = kept.rows()
    assert (row.request_id, row.decision) == (result.request_id, result.decision)


def test_liveness_has_its_own_score(url: str) -> None:
    with journal(url) as kept:
        write(kept, finished(liveness=Liveness(passed=True, score=-0.0)))
        assert next(kept.rows()).liveness_score == 0
        assert not kept.verify().problems


def test_closing_an_async_verifier_does_not_keep_its_loop_waiting() -> None:
    class Patient:
        """Closes once it is let, by a turn of the loop."""

        begun, let, closed = threading.Event(), threading.Event(), False

        def record(self, event: object) -> Flow[None]:
            yield from ()

        def submit(self, event: object) -> None: ...

        def check(self) -> None: ...

        def close(self) -> None:
            self.begun.set()
            self.closed = self.let.wait(60)

    async def main() -> None:
        kept = Patient()
        verifier = AsyncFaceVerifier(FakeProvider(), recorder=kept)
        assert verifier.recorder is kept
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(verifier.close)
            while not kept.begun.is_set():
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()  # what waits to be written is written all the same
            kept.let.set()
        assert kept.closed

    anyio.run(main)
