"""Templates: a comparison taken apart says what the comparison says, to the last digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from PIL import Image as Pillow

import facegate
from facegate.cli.main import main
from facegate.plugin import Image, Template, Templates
from facegate_local.provider import Local, LocalSettings

NAMES = ("person_a_1", "person_a_2", "person_b_1", "impostor_1", "astronaut")


@pytest.fixture(scope="module")
def engine(models_dir: Path) -> Local:
    return Local(LocalSettings(models_dir=models_dir, pull=False, deadline_s=120))


@pytest.fixture(scope="module")
def templates(engine: Local, portraits: Mapping[str, Path]) -> Mapping[str, Template]:
    return {name: engine.template(Image.of(portraits[name])) for name in NAMES}


def test_the_engine_is_one_that_has_templates(engine: Local) -> None:
    assert isinstance(engine, Templates)


@pytest.mark.slow
def test_scores_are_those_of_comparisons_bit_for_bit(
    engine: Local,
    templates: Mapping[str, Template],
    portraits: Mapping[str, Path],
    verifier: facegate.FaceVerifier,
) -> None:
    pairs = list(permutations(NAMES, 2))
    scores = engine.template_scores(
        [templates[one] for one, _ in pairs], [templates[other] for _, other in pairs]
    )
    for (one, other), score in zip(pairs, scores, strict=True):
        match = verifier.compare(portraits[one], portraits[other]).match
        assert match is not None
        assert match.score == score


def test_nothing_of_a_face_is_shown(templates: Mapping[str, Template]) -> None:
    assert "array" not in repr(templates["astronaut"])


def test_no_pairs_have_no_scores(engine: Local) -> None:
    assert list(engine.template_scores([], [])) == []


def asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, settings: str, *arguments: str
) -> list[tuple[Any, ...]]:
    """The rows of a job, apart from the seconds, which templates do not take."""
    monkeypatch.chdir(folder)
    (folder / "facegate.toml").write_text(
        f"[providers.main]\nplugin = 'local'\npull = false\n{settings}"
    )
    with pytest.raises(SystemExit) as ended:
        main(["batch", "run", *arguments])
    assert not ended.value.code
    out = arguments[arguments.index("--out") + 1]
    parts = duckdb.read_parquet(str(folder / out / "parts" / "*.parquet")).order("row")
    return parts.project("* EXCLUDE (seconds, request_id, configuration)").fetchall()


@pytest.fixture
def pictures_of_all_kinds(portraits: Mapping[str, Path], tmp_path: Path) -> Sequence[str]:
    """Faces, the same picture twice, one saved anew, two people, nobody, and what is no picture."""
    for name in NAMES[:4]:
        (tmp_path / f"{name}.jpg").write_bytes(portraits[name].read_bytes())
    (tmp_path / "again.jpg").write_bytes(portraits[NAMES[0]].read_bytes())
    opened = [
        Pillow.open(portraits[name]).convert("RGB").resize((300, 360)) for name in NAMES[:3:2]
    ]
    opened[0].save(tmp_path / "anew.jpg", quality=80)
    both = Pillow.new("RGB", (600, 360))
    for place, each in enumerate(opened):
        both.paste(each, (300 * place, 0))
    both.save(tmp_path / "both.jpg")
    Pillow.new("RGB", (300, 300), "grey").save(tmp_path / "nobody.png")
    (tmp_path / "text.jpg").write_text("no picture")
    names = [path.name for path in sorted(tmp_path.iterdir()) if path.suffix in (".jpg", ".png")]
    return [*names, "gone.jpg"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        "",
        "copies = 'refuse'",
        "several_faces = 'vendor'",
        "review_from = 0.5\nthreshold = 0.9",
        "threshold = 'fmr:1e-4'",
    ],
)
def test_a_batch_by_templates_is_the_batch_asked_row_by_row(
    pictures_of_all_kinds: Sequence[str],
    models_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: str,
) -> None:
    names, count = pictures_of_all_kinds, len(pictures_of_all_kinds)
    some = [(n, m) for n in range(count) for m in range(count) if (n + 2 * m) % 4 == 0]
    rows = [f"{names[n]},{names[m]},{names[(n + m) % count] if m % 2 else ''}" for n, m in some]
    (tmp_path / "pairs.csv").write_text("probe,gallery,gallery_2\n" + "\n".join(rows))
    settings = f"models_dir = '{models_dir}'\ndeadline_s = 120\n{settings}"

    by_templates = asked(tmp_path, monkeypatch, settings, "pairs.csv", "--out", "templates")
    monkeypatch.setattr("facegate.batch.scoring.templated", lambda route, operation: None)
    one_by_one = asked(
        tmp_path, monkeypatch, settings, "pairs.csv", "--out", "asked", "--chunk", "20000"
    )

    assert by_templates == one_by_one
    assert len(by_templates) == len(rows)


@pytest.mark.slow
def test_all_pairs_by_templates_are_all_pairs_asked(
    pictures_of_all_kinds: Sequence[str],
    models_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "images.csv").write_text("\n".join(["image", *pictures_of_all_kinds]))
    settings = f"models_dir = '{models_dir}'\ndeadline_s = 120"
    command = ("images.csv", "--all-pairs", "--chunk", "20", "--out")

    by_templates = asked(tmp_path, monkeypatch, settings, *command, "templates")
    monkeypatch.setattr("facegate.batch.scoring.templated", lambda route, operation: None)
    assert by_templates == asked(tmp_path, monkeypatch, settings, *command, "asked")


@pytest.mark.slow
def test_each_picture_is_looked_at_once(
    portraits: Mapping[str, Path],
    models_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []
    template = Local.template

    def counted(engine: Local, image: Image) -> Template:
        looked.append(image.digest)
        return template(engine, image)

    monkeypatch.setattr(Local, "template", counted)
    lines = [str(portraits[name]) for name in NAMES]
    (tmp_path / "images.csv").write_text("\n".join(["image", *lines]))
    command = ("images.csv", "--all-pairs", "--chunk", "2", "--out", "job")
    assert len(asked(tmp_path, monkeypatch, f"models_dir = '{models_dir}'", *command)) == 10
    assert len(looked) == len(set(looked)) == len(NAMES)
