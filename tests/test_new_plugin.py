"""``facegate new-plugin``: the tutorial's example under another name, and green at once."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from facegate.cli import main as cli
from facegate.cli import new_plugin, options

ROOT = Path(__file__).resolve().parents[1]
NAME = "acme_faces"


def make(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["new-plugin", *arguments])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    assert make(NAME) == options.ACCEPTED
    return tmp_path / "facegate-acme-faces"


def run(folder: Path, *command: str) -> None:
    """Run Python where only the path says that the plugin is installed."""
    site = folder.parent / "site" / "facegate_acme_faces-0.1.0.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: facegate-acme-faces\n")
    entry = f"[facegate]\n{NAME} = facegate_{NAME}\n"
    (site / "entry_points.txt").write_text(entry)
    path = os.pathsep.join([str(folder), str(site.parent)])
    environ = {**os.environ, "PYTHONPATH": path, "MYPYPATH": path}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_it_passes_its_tests(made: Path) -> None:
    run(made, "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.slow
def test_it_is_strictly_typed(made: Path) -> None:
    run(made, "mypy", "--strict", "--cache-dir", str(made.parent), f"facegate_{NAME}", "tests")


def test_it_is_called_as_the_vendor_everywhere(made: Path) -> None:
    project = tomllib.loads((made / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == "facegate-acme-faces"
    assert project["entry-points"] == {"facegate": {NAME: f"facegate_{NAME}"}}
    provider = (made / f"facegate_{NAME}" / "provider.py").read_text("utf-8")
    assert "class AcmeFaces(" in provider
    assert f'plugin="{NAME}"' in provider
    assert '"https://api.acme-faces.example"' in provider
    for path in made.rglob("*"):
        text = path.read_text("utf-8") if path.is_file() else ""
        assert "tarnside" not in f"{path.relative_to(made)} {text}".lower()


def test_it_has_the_licence_and_a_page_of_its_own(made: Path) -> None:
    licence = ROOT / "docs" / "example-plugin" / "LICENSE"
    assert (made / "LICENSE").read_bytes() == licence.read_bytes()
    page = (made / "README.md").read_text("utf-8")
    assert page.startswith("# facegate-acme-faces\n\nAcmeFaces for facegate")
    assert "still one about an invented vendor" in page
    assert "../" not in page


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a", "2 to 30"),
        ("Acme", "small letters"),
        ("acme-faces", "small letters"),
        ("acme__faces", "single underscores"),
        ("4faces", "a letter first"),
        ("../acme", "small letters"),
        ("a" * 31, "2 to 30"),
        ("import", "Python"),
        ("local", "installed"),
        ("opencv", "installed"),
        ("score", "something else"),
        ("match", "something else"),
    ],
)
def test_a_name_that_would_not_do_is_refused_and_nothing_made(
    name: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(name, "--to", "new") == options.BAD_INPUT
    assert why in " ".join(capsys.readouterr().err.split())
    assert not [*tmp_path.iterdir()]


def test_what_is_there_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "README.md").write_text("mine")
    assert make(NAME, "--to", "there") == options.BAD_INPUT
    assert "cannot make there: File exists" in capsys.readouterr().err
    assert [each.name for each in (tmp_path / "there").iterdir()] == ["README.md"]


def test_it_can_be_made_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(NAME, "--to", "plugins/of mine") == options.ACCEPTED
    assert (tmp_path / "plugins" / "of mine" / f"facegate_{NAME}" / "wire.py").exists()
    assert f"'{tmp_path / 'plugins' / 'of mine'}'" in capsys.readouterr().out


def test_an_installed_example_is_the_one_that_is_copied(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a wheel, which has it beside the modules; see the project's own metadata."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["sources"] == {"docs/example-plugin": "facegate/_template"}
    (tmp_path / "facegate").mkdir()
    made.rename(tmp_path / "facegate" / "_template")
    monkeypatch.setattr(new_plugin, "_CORE", tmp_path / "facegate")
    assert make("norwood") == options.ACCEPTED
    assert (tmp_path / "facegate-norwood" / "facegate_norwood" / "wire.py").exists()
