"""The page for those who leave Rekognition, done as it is written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pages import blocks, portraits
from service import process, url_in

PAGE = "how-to/move-from-rekognition.md"
SHOWN = "http://127.0.0.1:8080"
MODULES = Path(sys.prefix) / "clients" / "node_modules"


@pytest.mark.skipif(
    not shutil.which("node") or not MODULES.is_dir(), reason="it takes Node and npm"
)
def test_the_code_stays_and_the_environment_changes(tmp_path: Path) -> None:
    portraits(tmp_path)
    (tmp_path / "kyc.py").write_text(next(text for _, text in blocks(PAGE, "python")))
    (tmp_path / "kyc.cjs").write_text(next(text for _, text in blocks(PAGE, "javascript")))
    (shown,) = [text for _, text in blocks(PAGE, "console") if "kyc.py" in text]
    (secret,) = re.findall(r"AWS_SECRET_ACCESS_KEY=(\w+)", shown)
    arguments = ("--compat", "rekognition", "--provider", "local")
    key = f"AKIDMYSERVICE:{secret}"
    with process(
        tmp_path, *arguments, FACEGATE_PLUGINS="local,rekognition", FACEGATE_SERVE__API_KEYS=key
    ) as (
        _,
        said,
    ):
        commands = re.findall(r"^\$ (.+)$", shown, re.MULTILINE)
        done = subprocess.run(
            ["bash", "-ec", "\n".join(commands).replace(SHOWN, url_in(said))],  # noqa: S607
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
                "NODE_PATH": str(MODULES),
                "NO_PROXY": "127.0.0.1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    told = re.findall(r"^[^$\n].*$", shown, re.MULTILINE)
    assert done.stdout.splitlines() == told, done.stderr
