"""The Celery example: a worker that forks once the verifier is open, and a broker of files."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from drawn import picture
from facegate import CaptureReason, CaptureRejected, FaceVerifier, ProviderTimeout
from facegate.testing import FakeProvider, not_live
from portraits import portraits

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
Send = Callable[..., Any]


@contextlib.contextmanager
def worker(folder: Path) -> Iterator[Send]:
    """``celery worker`` in a folder of its own; gives what puts a task there."""
    queue, results, pictures = (folder / name for name in ("data_in", "results", "pictures"))
    for each in (queue, results, pictures):
        each.mkdir()
    portraits(pictures)
    urls = {"BROKER_URL": "filesystem://", "RESULT_URL": f"file://{results}"}
    command = [
        *(sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "--pool=prefork"),
        *("--concurrency=2", "--without-mingle", "--without-gossip"),
    ]
    client = Celery(broker="filesystem://", backend=urls["RESULT_URL"])
    client.conf.broker_transport_options = {
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(folder / "control"),
    }
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **urls, "PYTHONPATH": str(EXAMPLES)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        try:
            yield lambda *names, **how: client.send_task("celery_tasks.verify", names, **how)
            running.send_signal(signal.SIGTERM)
            assert running.wait(240) == 0
        finally:
            running.kill()


@pytest.mark.slow
def test_forked_workers_tell_real_people_apart(tmp_path: Path) -> None:
    with worker(tmp_path) as send:
        sent = [
            send("selfie.jpg", "passport.jpg", "user-81", task_id="r-1"),
            send("selfie.jpg", "stranger.jpg", "user-81", task_id="r-2"),
            send("selfie.jpg", "../facegate.toml", "user-81", task_id="r-3"),
        ]
        same, other, refused = (each.get(timeout=240, interval=0.05) for each in sent)
    assert same == {"decision": "accept", "provider": "local", "request_id": "r-1"}
    assert other == {"decision": "reject", "provider": "local", "request_id": "r-2"}
    assert refused["error"]["image"] == "gallery[0]"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.syspath_prepend(EXAMPLES)
    tasks = import_module("celery_tasks")
    for number, name in enumerate(("selfie.png", "passport.png")):
        (tmp_path / name).write_bytes(picture(seed=number))
    monkeypatch.setattr(tasks, "PICTURES", tmp_path)
    return tasks


@pytest.fixture
def fake(example: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    """Answers instead of the engine, in this process."""
    fake = FakeProvider()
    with FaceVerifier(fake) as verifier:
        monkeypatch.setattr(example, "verifier", verifier)
        yield fake


def test_an_answer_and_the_persons_mistake_are_results(example: Any, fake: FakeProvider) -> None:
    fake.will(
        not_live(), CaptureRejected("no face", reason=CaptureReason.FACE_NOT_FOUND, image="probe")
    )
    spoof, no_face = (
        example.verify.apply(("selfie.png", "passport.png", "user-81"), task_id="r-1")
        for _ in range(2)
    )
    assert spoof.get() == {"decision": "reject", "provider": "fake", "request_id": "r-1"}
    assert no_face.get()["error"]["reason"] == "FACE_NOT_FOUND"


def test_an_outage_fails_the_task_and_is_not_repeated(example: Any, fake: FakeProvider) -> None:
    fake.will(ProviderTimeout("late"))
    task = example.verify.apply(("selfie.png", "passport.png", "user-81"))
    assert (task.state, type(task.result)) == ("FAILURE", ProviderTimeout)
    assert len(fake.asked) == 1
