"""The provider around the engine: threads, forks, missing models, what it leaves alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import pytest

import facegate
from facegate import ConfigurationError, FaceVerifier, ProviderError, ProviderUnavailable
from facegate.cli.main import main
from facegate_local.provider import Local, LocalSettings
from facegate_local.store import ModelStore

PAIRS = (
    ("person_a_1", "person_a_2"),
    ("person_b_1", "person_b_2"),
    ("person_a_1", "impostor_1"),
    ("person_b_2", "astronaut"),
)


def scores(verifier: FaceVerifier, portraits: Mapping[str, Path]) -> list[float | None]:
    results = [
        verifier.compare(probe=portraits[probe], gallery=[portraits[other]])
        for probe, other in PAIRS
    ]
    return [result.match.score for result in results if result.match is not None]


@pytest.mark.slow
def test_eight_threads_get_what_one_gets(
    verifier: FaceVerifier, portraits: Mapping[str, Path]
) -> None:
    alone = scores(verifier, portraits)

    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda _: scores(verifier, portraits), range(8)))

    assert together == [alone] * 8


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_answers_while_the_parent_is_at_work(
    models_dir: Path, portraits: Mapping[str, Path]
) -> None:
    # In a process of its own: forking the one that runs the tests would warn about its threads.
    script = """
        import os, signal, sys, threading, warnings
        import facegate

        directory, probe, other = sys.argv[1:]
        verifier = facegate.open(plugin="local", models_dir=directory, pull=False, engines=1,
                                 deadline_s=120)
        ask = lambda: verifier.compare(probe=probe, gallery=[other]).match.score
        expected = ask()
        done = threading.Event()
        def work():
            while not done.is_set():
                ask()
        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        for _ in range(8):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                child = os.fork()
            if not child:
                signal.alarm(120)
                os._exit(0 if ask() == expected else 1)
            assert os.waitpid(child, 0)[1] == 0
        done.set()
        worker.join()
        assert ask() == expected
    """
    subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(script),
            models_dir,
            portraits["person_a_1"],
            portraits["person_a_2"],
        ],
        check=True,
        timeout=240,
    )


def test_the_process_keeps_its_opencv_threads(
    models_dir: Path, portraits: Mapping[str, Path]
) -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        with facegate.open(plugin="local", models_dir=models_dir, pull=False) as verifier:
            verifier.compare(probe=portraits["person_a_1"], gallery=[portraits["person_a_2"]])
            assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


def only(models_dir: Path, names: set[str], directory: Path) -> Path:
    store = ModelStore(models_dir)
    for name in names:
        shutil.copy(store.location(name), directory)
    return directory


def test_comparing_needs_no_liveness_models(
    models_dir: Path, portraits: Mapping[str, Path], tmp_path: Path
) -> None:
    directory = only(models_dir, {"detector", "embedder"}, tmp_path)

    with facegate.open(plugin="local", models_dir=directory, pull=False) as verifier:
        result = verifier.compare(probe=portraits["person_a_1"], gallery=[portraits["person_a_2"]])
        with pytest.raises(ProviderUnavailable, match="landmark"):  # others may answer meanwhile
            verifier.liveness(probe=portraits["person_a_1"])

    assert result.accepted


def test_missing_models_are_found_before_going_live(models_dir: Path, tmp_path: Path) -> None:
    directory = only(models_dir, {"detector", "landmarks", "eyes"}, tmp_path)

    findings = Local(LocalSettings(models_dir=directory, pull=False)).findings()

    assert len(findings) == 2
    assert "embedder" in findings[0]
    assert "liveness" in findings[1]


def test_nothing_is_missing_from_a_full_directory(models_dir: Path) -> None:
    assert not Local(LocalSettings(models_dir=models_dir)).findings()


def test_a_failure_inside_opencv_is_the_engines_not_the_callers(
    models_dir: Path, portraits: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise cv2.error("(-4) Insufficient memory")

    with facegate.open(plugin="local", models_dir=models_dir, pull=False) as verifier:
        monkeypatch.setattr("cv2.dnn.blobFromImage", fail)
        with pytest.raises(ProviderError, match="OpenCV"):
            verifier.compare(probe=portraits["person_a_1"], gallery=[portraits["person_a_2"]])


_ASKING = """
import os, sys
from pathlib import Path
import facegate

def resident_mib():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

models_dir, probe, claimed = map(Path, sys.argv[1:])
settings = {"models_dir": models_dir, "pull": False, "engines": 1}  # a second one begins late
with facegate.open(plugin="local", **settings) as verifier:
    def ask(times):
        for _ in range(times):
            verifier.compare(probe=probe, gallery=[claimed])

    ask(30)
    before = resident_mib()
    ask(100)
    print(resident_mib() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_stays_flat(models_dir: Path, portraits: Mapping[str, Path]) -> None:
    """In a process of its own: what other tests left behind moves this one's memory."""
    command = (sys.executable, "-c", _ASKING, models_dir)
    faces = (portraits["person_a_1"], portraits["astronaut"])
    grown = subprocess.run(
        (*command, *faces), check=True, capture_output=True, text=True, timeout=120
    )
    assert float(grown.stdout) < 8


_INTERRUPTED = """
import signal, sys
from pathlib import Path
import facegate

models_dir, face = map(Path, sys.argv[1:])
verifier = facegate.open(plugin="local", models_dir=models_dir, pull=False, engines=1)
verifier.provider.warm()
verifier.compare(face, [face.with_name("person_a_2.jpg")])
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.01)
try:
    while True:
        verifier.compare(face, [face.with_name("person_a_2.jpg")])
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no such timer here")
def test_a_process_that_is_interrupted_at_work_ends_as_it_says(
    models_dir: Path, portraits: Mapping[str, Path]
) -> None:
    """And is not aborted, for a thread that Python ends in the midst of OpenCV."""
    command = (sys.executable, "-c", _INTERRUPTED, models_dir, portraits["person_a_1"])
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (130, "")


_FLOODED = """
import resource, struct, sys, zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import facegate

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def chunk(name, content):
    checked = name + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

side = 4200
header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
flat = zlib.compress(bytes(side * (3 * side + 1)), 1)
parts = (b"IHDR", header), (b"IDAT", flat), (b"IEND", b"")
picture = b"\\x89PNG\\r\\n\\x1a\\n" + b"".join(chunk(*part) for part in parts)
models_dir, face = map(Path, sys.argv[1:])

def ask(_):
    try:
        verifier.compare(picture, [face])
    except facegate.CaptureRejected:
        return True

settings = {"models_dir": models_dir, "pull": False, "deadline_s": 120}
with facegate.open(plugin="local", **settings) as verifier:
    verifier.provider.warm()
    assert ask(0)
    before = peak_mib()
    with ThreadPoolExecutor(2) as callers:
        assert all(callers.map(ask, range(2)))
    print(peak_mib() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="KiB are Linux's unit")
def test_large_pictures_are_looked_at_one_at_a_time(
    models_dir: Path, portraits: Mapping[str, Path]
) -> None:
    """Two of 18 megapixels, asked at once on two engines, take little more than one does."""
    command = (sys.executable, "-c", _FLOODED, models_dir, portraits["person_a_1"])
    grown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240)
    assert float(grown.stdout) < 200


def test_check_fails_for_what_cannot_be_answered(
    models_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    directory = only(models_dir, {"detector", "embedder"}, tmp_path)
    table = f"[providers.main]\nplugin = 'local'\nmodels_dir = '{directory}'\npull = false"
    (tmp_path / "facegate.toml").write_text(table)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["check"])
    assert ended.value.code == 5
    said = capsys.readouterr().out
    assert "main: liveness cannot be answered: no model file for eyes" in " ".join(said.split())
    assert "main: compare cannot" not in said


def test_once_warm_it_needs_no_file_any_more(
    models_dir: Path, portraits: Mapping[str, Path], tmp_path: Path
) -> None:
    copied = shutil.copytree(models_dir, tmp_path / "models")
    with facegate.open(plugin="local", models_dir=copied, pull=False) as verifier:
        verifier.provider.warm()
        shutil.rmtree(copied)
        assert verifier.compare(portraits["person_a_1"], [portraits["person_a_2"]]).accepted
        assert verifier.liveness(portraits["person_b_1"]).liveness is not None


def test_what_is_missing_cannot_be_warmed(models_dir: Path, tmp_path: Path) -> None:
    directory = only(models_dir, {"detector"}, tmp_path)
    with facegate.open(plugin="local", models_dir=directory, pull=False) as verifier:
        with pytest.raises(ConfigurationError, match="embedder"):
            verifier.provider.warm()
        assert not verifier.health().ready
