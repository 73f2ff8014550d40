"""The command line as a person and as a script see it, over a plugin whose answers are scripted."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import types
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click
import pytest

from drawn import picture
from facegate.cli import main as cli
from facegate.cli import options
from facegate.plugin import (
    Answer,
    BlockingProvider,
    CaptureReason,
    CaptureRejected,
    CompareLiveRequest,
    CompareRequest,
    Handling,
    ImageFormat,
    Kept,
    Liveness,
    Match,
    ProviderInfo,
    ProviderSettings,
    ProviderUnavailable,
    Rates,
    Scale,
    ScoreSpec,
    hookimpl,
    per_call,
)

SCALE = Scale(name="scripted")


class Settings(ProviderSettings):
    score: float = per_call(0.9, ge=0, le=1, description="What every comparison scores.")
    live: bool = per_call(default=True)


class Scripted(BlockingProvider[Settings]):
    settings_type = Settings
    info = ProviderInfo(
        plugin="scripted",
        lineage="none",
        handling=Handling("nobody", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False),
        formats=frozenset({ImageFormat.PNG}),
        match=ScoreSpec(
            SCALE,
            0.7,
            rates=Rates(
                thresholds={1e-3: 0.7},
                by="its makers",
                on="passport photos of Rurutania",
                within={1e-3: {"women": 2e-3, "men": 5e-4}},
            ),
        ),
        liveness=ScoreSpec(SCALE, 0.5),
        embedded=True,
        notes=("It never looks at the picture.",),
    )

    def compare(self, request: CompareRequest[Settings]) -> Answer:
        score = request.settings.score
        if score == 0:
            raise ProviderUnavailable("out of order")
        if score < 0.1:
            raise CaptureRejected("no face", reason=CaptureReason.FACE_NOT_FOUND, image="probe")
        assert request.threshold is not None
        scores = (score,) * len(request.gallery)
        matched = score >= request.threshold
        return Answer(
            Match(
                is_match=matched,
                score=score,
                threshold=request.threshold,
                scale=SCALE,
                gallery_scores=scores,
            )
        )

    def compare_live(self, request: CompareLiveRequest[Settings]) -> Answer:
        live = Liveness(passed=request.settings.live, score=0.4, threshold=0.5, scale=SCALE)
        match = Match(is_match=True, score=0.9, threshold=0.7, scale=SCALE)
        return Answer(match, live, warnings=("scripted",))


class Key(ProviderSettings):
    api_key: str


class Demanding(BlockingProvider[Key]):
    settings_type = Key
    info = replace(Scripted.info, plugin="demanding", embedded=False)


@click.command()
def wave() -> None:
    """Say hello."""
    click.echo("hello")


def _plugin(name: str, *providers: type[Any]) -> EntryPoint:
    module = types.ModuleType(f"plugin_{name}")

    @hookimpl
    def facegate_providers() -> list[type[Any]]:
        return list(providers)

    @hookimpl
    def facegate_commands() -> list[click.Command]:
        return [wave]

    module.facegate_providers = facegate_providers  # type: ignore[attr-defined]
    module.facegate_commands = facegate_commands  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    return EntryPoint(name, module.__name__, "facegate")


@pytest.fixture(autouse=True)
def _only_scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = [_plugin("scripted", Scripted), EntryPoint("broken", "no_such_module", "facegate")]
    monkeypatch.setattr("facegate.providers.registry.entry_points", lambda group: found)
    monkeypatch.chdir(tmp_path)
    from PIL import Image

    for index, name in enumerate(("probe", "first", "second")):
        Image.new("RGB", (64, 64), (index, 0, 0)).save(f"{name}.png")


Run = tuple[int, str, str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> Run:
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
        out, err = capsys.readouterr()
        code = stopped.value.code
        assert isinstance(code, int)
        return code, out, err

    return run


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), options.ACCEPTED),
        (("-t", "0.95"), options.REJECTED),
        (("-o", "score=0.65", "-c", "review.toml"), options.REVIEW),
        (("-t", "nan"), options.BAD_INPUT),
        (("-t", "fmr:1e-9"), options.BAD_INPUT),
        (("-o", "colour=red"), options.BAD_INPUT),
        (("-o", "score=0.05"), options.BAD_INPUT),
        (("-o", "score=0"), options.PROVIDER_FAILED),
        (("-p", "nobody", "-c", "review.toml"), options.MISCONFIGURED),
        (("-c", "missing.toml"), options.MISCONFIGURED),
    ],
)
def test_the_exit_code_is_the_answer(run: Any, options: tuple[str, ...], code: int) -> None:
    Path("review.toml").write_text('[providers.main]\nplugin = "scripted"\nreview_from = 0.6\n')
    assert run("compare", "probe.png", "first.png", *options)[0] == code


def test_a_person_reads_the_decision_and_the_scores(run: Any) -> None:
    _, out, _ = run("compare", "probe.png", "first.png", "second.png")
    assert "ACCEPTED" in out
    assert "same person" in out
    assert "0.900 >= 0.7" in out
    assert "second.png" in out


def test_a_near_miss_is_for_a_person_to_look_at(run: Any) -> None:
    Path("review.toml").write_text('[providers.main]\nplugin = "scripted"\nreview_from = 0.6\n')
    options = ("-o", "score=0.65", "-c", "review.toml")
    _, out, _ = run("compare", "probe.png", "first.png", *options)
    assert "a near miss: a person should look" in out
    assert "not the same person" not in out


def test_a_failed_liveness_rejects_a_match(run: Any) -> None:
    code, out, _ = run("compare-live", "probe.png", "first.png", "-o", "live=false")
    assert code == options.REJECTED
    assert "same person, not live" in out
    assert "scripted" in out


def test_a_machine_reads_the_result_as_json(run: Any) -> None:
    _, out, err = run("compare", "probe.png", "first.png", "--json")
    assert json.loads(out)["match"]["score"] == 0.9
    assert json.loads(out)["accepted"] is True
    assert not err


def test_a_machine_reads_the_error_as_json(run: Any) -> None:
    _, out, err = run("compare", "probe.png", "first.png", "--json", "-o", "score=0.05")
    assert json.loads(out)["error"]["reason"] == "FACE_NOT_FOUND"
    assert not err


def test_an_error_names_the_picture_and_shows_no_traceback(run: Any) -> None:
    code, out, err = run("compare", "probe.png", "nowhere.png")
    assert code == options.BAD_INPUT
    assert "gallery[0]" in err
    assert "nowhere.png" in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-r", "kyc"), "no route is called 'kyc'; there are: none"),
        (("-p", "kyc"), "no plugin is called 'kyc'; installed: broken, scripted; perhaps"),
    ],
)
def test_a_name_that_is_missing_is_called_what_it_was_to_be(
    run: Any, arguments: tuple[str, str], message: str
) -> None:
    code, _, err = run("compare", "probe.png", "first.png", *arguments)
    assert (code, message in err) == (options.MISCONFIGURED, True), err


@pytest.mark.parametrize(("encoding", "bar"), [("utf-8", "━━━"), ("ascii", "===")])
def test_a_terminal_without_line_drawing_gets_a_bar_too(encoding: str, bar: str) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "80"}
    script = (
        "from facegate.cli.terminal import console, result\n"
        "from facegate.testing.fake import FakeProvider\n"
        "import facegate\n"
        "from facegate.testing.pictures import noise\n"
        "with facegate.FaceVerifier(FakeProvider()) as verifier:\n"
        "    console().print(result(verifier.compare(noise(1), noise(2))))\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environ, capture_output=True, check=True)
    assert bar in done.stdout.decode(encoding)


def test_a_folder_is_a_gallery(run: Any) -> None:
    Path("gallery").mkdir()
    Path("first.png").rename("gallery/a.png")
    Path("second.png").rename("gallery/b.PNG")
    _, out, err = run("compare", "probe.png", "gallery", "--json")
    assert len(json.loads(out)["match"]["gallery_scores"]) == 2
    assert not err


def test_a_folders_pictures_are_told_by_what_is_in_them(run: Any) -> None:
    Path("gallery").mkdir()
    Path("first.png").rename("gallery/a.jfif")
    Path("second.png").rename("gallery/b")
    Path("gallery/._a.jpg").write_bytes(b"\0\5\x16\7")  # macOS leaves it beside a picture
    for name in ("c.jpg", "d.gif", "e.txt", "f.txt"):
        Path("gallery", name).write_text("not a picture")
    _, out, err = run("compare", "probe.png", "gallery", "--json")
    assert len(json.loads(out)["match"]["gallery_scores"]) == 2
    assert err == "gallery: left out c.jpg, d.gif, e.txt and 1 more, which are no pictures\n"


def test_a_folder_of_pictures_that_are_not_taken_says_why(run: Any) -> None:
    Path("gallery").mkdir()
    Path("gallery/a.heic").write_bytes(picture(ImageFormat.HEIC))
    _, _, err = run("compare", "probe.png", "gallery")
    assert "gallery[0] is gallery/a.heic" in err
    assert "does not take HEIC, only PNG; images.prepare = true" in " ".join(err.split())
    Path("gallery/a.heic").write_bytes(b"GIF89a")
    _, _, err = run("compare", "probe.png", "gallery")
    assert "no pictures in gallery: a.heic: GIF pictures are not taken" in err


def test_the_file_at_fault_is_named(run: Any) -> None:
    Path("gallery").mkdir()
    Path("first.png").rename("gallery/a.png")
    Path("gallery/selfie.png").write_bytes(Path("probe.png").read_bytes())
    _, _, err = run("compare", "probe.png", "gallery")
    assert "gallery[1] is gallery/selfie.png" in err


def test_a_picture_may_come_through_a_pipe(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.TextIOWrapper(io.BytesIO(Path("probe.png").read_bytes()))
    monkeypatch.setattr("sys.stdin", piped)
    code, _, _ = run("compare", "-", "first.png")
    assert code == options.ACCEPTED
    code, _, err = run("compare", "-", "first.png")
    assert (code, "already read to its end" in err) == (options.BAD_INPUT, True)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("default = main", "a text needs quotes"),
        (r'models_dir = "C:\Users\me"', "use '...' or write / instead"),
        (r'models_dir = "C:\models"', "use '...' or write / instead"),
    ],
)
def test_toml_that_is_wrong_is_mended_in_words(run: Any, line: str, hint: str) -> None:
    Path("facegate.toml").write_text(line)
    code, _, err = run("check")
    assert (code, hint in " ".join(err.split())) == (options.MISCONFIGURED, True), err


def test_a_glob_that_no_shell_expanded_is_expanded(run: Any) -> None:
    _, out, _ = run("compare", "probe.png", "[fs]*.png", "--json")
    assert len(json.loads(out)["match"]["gallery_scores"]) == 2


@pytest.mark.parametrize("gallery", ["empty", "*.nothing"])
def test_a_gallery_of_nothing_is_bad_input(run: Any, gallery: str) -> None:
    Path("empty").mkdir()
    code, _, err = run("compare", "probe.png", gallery)
    assert code == options.BAD_INPUT
    assert gallery in err


def test_an_operation_the_provider_lacks_is_refused(run: Any) -> None:
    code, _, err = run("liveness", "probe.png")
    assert code == options.BAD_INPUT
    assert "does not offer liveness" in err


def test_providers_lists_a_broken_plugin_with_its_reason(run: Any) -> None:
    code, out, _ = run("providers")
    assert code == 0
    assert "scripted" in out
    assert "no_such_module" in out


def test_a_plugin_can_be_looked_up_before_it_is_configured(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [_plugin("demanding", Demanding)]
    monkeypatch.setattr("facegate.providers.registry.entry_points", lambda group: found)
    _, out, _ = run("providers", "demanding")
    assert "api_key" in out
    assert "(required)" in out
    code, out, _ = run("providers")
    assert code == options.ACCEPTED
    assert "needs api_key" in " ".join(out.split())
    _, out, _ = run("providers", "--json")
    demanding = json.loads(out)["demanding"]
    assert demanding["needs"] == ["api_key"]
    assert "api_key" not in demanding["settings"]


def test_providers_says_what_could_be_installed(run: Any) -> None:
    _, out, _ = run("providers")
    assert "pip install facegate-rekognition" in " ".join(out.split())
    _, out, _ = run("providers", "--json")
    assert json.loads(out)["opencv_fr"] == {"install": "facegate-opencv"}
    Path("facegate.toml").write_text('[providers.main]\nplugin = "scripted"\n')
    _, out, _ = run("providers")
    assert "pip install" not in out


def test_a_provider_page_shows_settings_rates_and_notes(run: Any) -> None:
    _, out, _ = run("providers", "scripted")
    for shown in ("What every comparison scores.", "It never looks"):
        assert shown in out
    assert "fmr:1e-3 = 0.7: 2.0e-03 among women, 5.0e-04 among men" in out
    assert "measured by its makers on passport photos of Rurutania" in out


def test_providers_as_json(run: Any) -> None:
    _, out, _ = run("providers", "--json")
    provider = json.loads(out)["scripted"]
    assert provider["capabilities"] == ["compare", "compare_live"]
    rates = provider["threshold"]["rates"]
    assert (rates["by"], rates["on"]) == ("its makers", "passport photos of Rurutania")
    assert rates["presets"] == {
        "fmr:1e-3": {"threshold": 0.7, "within": {"women": 2e-3, "men": 5e-4}}
    }


def test_check_names_a_broken_provider_and_a_variable_nobody_read(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEGATE_PROVIDERS__MIAN__SCORE", "1")
    Path("facegate.toml").write_text(
        'default = "main"\n[providers.main]\nplugin = "scripted"\n'
        '[providers.bad]\nplugin = "scripted"\nscoer = 1\n'
    )
    code, out, _ = run("check")
    assert code == options.MISCONFIGURED
    assert "did you mean 'score'?" in out
    assert "FACEGATE_PROVIDERS__MIAN__SCORE" in out
    code, out, _ = run("check", "--json")
    assert list(json.loads(out)["errors"]) == ["bad"]


def test_check_is_content_with_a_good_configuration(run: Any) -> None:
    Path("facegate.toml").write_text('[providers.main]\nplugin = "scripted"\n')
    assert run("check")[0] == options.ACCEPTED


def test_plugins_add_commands_and_a_broken_one_takes_none_away(run: Any) -> None:
    code, out, err = run("wave")
    assert (code, out) == (0, "hello\n")
    assert "broken" in err
    assert "wave" in run("--help")[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(run: Any, shell: str) -> None:
    assert "_FACEGATE_COMPLETE" in run("completion", shell)[1]


def test_wrong_usage_is_bad_input(run: Any) -> None:
    code, _, err = run("compare", "probe.png")
    assert code == options.BAD_INPUT
    assert "GALLERY" in err


def test_what_looks_like_markup_in_a_name_is_only_a_name(run: Any) -> None:
    Path("[old] :smile:[").mkdir()
    Path("first.png").rename("[old] :smile:[/[bold]a.png")
    Path("second.png").rename("[old] :smile:[/[x]b.png")
    code, out, _ = run("compare", "probe.png", "[old] :smile:[")
    assert code == options.ACCEPTED
    assert "[old] :smile:[/[bold]a.png" in out


def test_a_crash_is_never_taken_for_a_rejection(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no space left")

    monkeypatch.setattr("facegate.cli.terminal.result", broken)
    assert run("compare", "probe.png", "first.png")[0] == options.PROVIDER_FAILED


@pytest.mark.parametrize(
    "arguments",
    [("compare",), ("compare", "probe.png", "*.gone"), ("liveness", "probe.png", "-o", "live")],
)
def test_a_machine_reads_wrong_usage_as_json_too(run: Any, arguments: tuple[str, ...]) -> None:
    code, out, err = run(*arguments, "--json")
    assert code == options.BAD_INPUT
    assert json.loads(out)["error"]["message"]
    assert not err


def test_control_characters_in_a_name_do_not_reach_the_terminal(run: Any) -> None:
    Path("first.png").rename("\x1b[2Ja.png")
    _, out, _ = run("compare", "probe.png", "\x1b[2Ja.png", "second.png")
    assert "?[2Ja.png" in out
    assert "\x1b" not in out


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_rejection() -> None:
    left, stays = os.pipe()
    os.close(left)
    done = subprocess.run(
        [sys.executable, "-m", "facegate", "--help"],
        stdout=stays,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(stays)
    assert done.returncode == options.READER_LEFT
    assert not done.stderr


def test_ctrl_c_leaves_quietly(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Scripted, "compare", interrupted)
    code, out, err = run("compare", "probe.png", "first.png")
    assert code == options.INTERRUPTED
    assert "Traceback" not in out + err
