"""What would be uploaded can be installed by whoever has nothing else of ours.

Switched on by ``FACEGATE_TEST_WHEELS=1``, since it fetches from the package index.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from everybody import OFFERED
from portraits import portraits

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = [".", *(path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("plugins/*")))]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "FACEGATE_TEST_WHEELS" not in os.environ, reason="FACEGATE_TEST_WHEELS is not set"
    ),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source archive and the wheel of each distribution."""
    folder = tmp_path_factory.mktemp("dist")
    for each in FOLDERS:
        run(sys.executable, "-m", "build", "-q", "-o", folder, ROOT / each)
    return folder


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_index_would_take_them(built: Path) -> None:
    archives = sorted(built.iterdir())
    assert len(archives) == 2 * len(FOLDERS)
    run(sys.executable, "-m", "twine", "check", "--strict", *archives)


def test_no_link_of_a_description_needs_the_repository_around_it(built: Path) -> None:
    for wheel in built.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (each for each in archive.namelist() if each.endswith("METADATA"))
            links = re.findall(r"\]\(([^)]+)\)", archive.read(name).decode())
        assert links
        assert all(re.match("https?:|#", link) for link in links), wheel.name


def test_they_work_where_nothing_else_is(built: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "clean")
    scripts = tmp_path / "clean" / ("Scripts" if os.name == "nt" else "bin")
    wheels = {path.name.split("-")[0]: path for path in built.glob("*.whl")}
    core = f"{wheels.pop('facegate')}[cli]"
    run(scripts / "python", "-m", "pip", "install", "-q", core, *wheels.values())
    assert run(scripts / "facegate", "--version", cwd=tmp_path).startswith("facegate")
    listed = run(scripts / "facegate", "providers", "--json", cwd=tmp_path)
    assert all(f'"{name}"' in listed for name in OFFERED)
    assert '"install":' not in listed
    portraits(tmp_path)
    said = run(scripts / "facegate", "compare", "selfie.jpg", "passport.jpg", cwd=tmp_path)
    assert "ACCEPTED" in said
