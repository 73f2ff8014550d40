"""What the project's own papers promise: names of fragments, owners of paths."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHANGES = ROOT / "changelog"
TYPES = {
    each["directory"]
    for each in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["towncrier"][
        "type"
    ]
}


def test_a_fragment_is_named_so_that_it_is_found() -> None:
    for path in CHANGES.iterdir():
        if path.name != "README.md":
            name = re.fullmatch(r"(?:\d+|\+[\w-]+)\.([a-z]+)\.md", path.name)
            assert name is not None, path.name
            assert name[1] in TYPES, path.name


def test_a_fragment_is_prose_that_ends() -> None:
    for path in CHANGES.glob("*.*.md"):
        text = path.read_text(encoding="utf-8")
        assert re.fullmatch(r"[^#\s-].*[.:`]\n", text, re.DOTALL), path.name


def test_every_type_of_change_is_explained() -> None:
    page = (CHANGES / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == TYPES


def test_an_owned_path_is_there() -> None:
    lines = (ROOT / ".github" / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    for path, *owners in (line.split() for line in lines if line and not line.startswith("#")):
        assert owners, path
        assert path == "*" or (ROOT / path.lstrip("/")).exists(), path
