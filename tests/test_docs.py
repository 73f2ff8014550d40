"""Nothing public is undocumented, and what the pages show is true of the code."""

from __future__ import annotations

import ast
import contextlib
import inspect
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel

import facegate
from drawn import picture
from everybody import CLIENTS, OFFERED
from facegate import ImageFormat, errors
from facegate.batch.settings import BatchSettings
from facegate.calibration import CalibrationSettings, digest
from facegate.cli import main as cli
from facegate.cli import options
from facegate.config import Config, ImageSettings
from facegate.gateway.attempts import AttemptSettings
from facegate.gateway.grants import KeySettings
from facegate.gateway.native.settings import ApiSettings
from facegate.gateway.settings import SandboxSettings, ServeSettings
from facegate.plugin import CompatibleApiSettings
from facegate.providers import hookspecs
from facegate.providers.http import HttpSettings
from facegate.providers.registry import Registry
from facegate.providers.settings import ProviderSettings
from facegate.routing.breaker import BreakerSettings
from facegate.routing.limits import LimitSettings
from facegate.routing.tables import RetryTable, ShadowTable
from pages import DOCS, PAGES, SIGNATURES, blocks, pages_with, portraits, read
from surface import modules, names_of


def expected(text: str) -> list[str]:
    """What the comments after ``print`` promise."""
    return re.findall(r"print\(.*\)\s+# (.+)$", text, re.MULTILINE)


def test_every_public_name_is_in_the_reference() -> None:
    shown = set(re.findall(r":: (facegate\.[\w.]+)$", SIGNATURES, re.MULTILINE))
    everywhere = [
        (f"{module}.{name}", value)
        for module, listing in modules().items()
        for name, value in names_of(listing).items()
    ]
    explained = [value for name, value in everywhere if name in shown]
    for name, value in everywhere:
        in_words = name.startswith("facegate.cli.") and f"``{name[13:]}``" in SIGNATURES
        assert in_words or any(value is each for each in explained), name
    hooks = [name for name in vars(hookspecs) if name.startswith("facegate_")]
    assert all(f"hookspecs.{name}" in SIGNATURES for name in hooks)


def test_every_error_is_in_the_tree() -> None:
    tree = read("how-to/handle-errors.md")
    raised = [kind for kind in vars(errors).values() if inspect.isclass(kind)]
    for kind in raised:
        if issubclass(kind, errors.FacegateError):
            assert re.search(rf"\b{kind.__name__}\b", tree), kind


def test_every_capture_reason_has_words_for_the_person() -> None:
    told = set(re.findall(r"^\| `([A-Z_]+)` \| ", read("how-to/handle-errors.md"), re.MULTILINE))
    assert told == set(facegate.CaptureReason)


def test_every_settings_model_is_in_the_reference() -> None:
    page = read("reference/configuration.md")
    registry = Registry()
    own = [registry.provider_type(name).settings_type for name in OFFERED]
    apis = [registry.api_type(name).settings_type for name in CLIENTS]
    rates = (CalibrationSettings, BatchSettings)
    routes = (RetryTable, ShadowTable, BreakerSettings, LimitSettings)
    shared = (ImageSettings, ProviderSettings, HttpSettings, CompatibleApiSettings)
    served = (ServeSettings, SandboxSettings, ApiSettings, KeySettings, AttemptSettings)
    tables = (*shared, *rates, *routes, *served)
    models: list[type[BaseModel]] = [*tables, *own, *apis]
    for model in models:
        assert f"<!-- made: settings {model.__module__}:{model.__qualname__} -->\n" in page
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"


def test_every_exit_code_is_in_the_reference() -> None:
    told = {
        int(code) for code in re.findall(r"^\| (\d+) \| ", read("reference/cli.md"), re.MULTILINE)
    }
    codes = {
        options.ACCEPTED,
        options.REJECTED,
        options.BAD_INPUT,
        options.REVIEW,
        options.PROVIDER_FAILED,
    }
    assert told == codes | {options.MISCONFIGURED, options.INTERRUPTED, options.READER_LEFT}


def test_every_command_is_in_the_reference() -> None:
    page, context = read("reference/cli.md"), click.Context(cli.root)
    for name in cli.root.list_commands(context):
        command = cli.root.get_command(context, name)
        assert command is not None
        assert command.help, name
        assert f"\n### `facegate {name}`\n" in page, name


@pytest.mark.parametrize("page", pages_with("console"))
def test_command_lines_are_ones_there_are(page: str) -> None:
    for _, text in blocks(page, "console"):
        for line in re.findall(r"^\$ (?:\S+=\S+ )*facegate (.+)$", text, re.MULTILINE):
            arguments = shlex.split(line, comments=True)
            command: click.Command = cli.root
            while isinstance(command, click.Group) and not arguments[0].startswith("-"):
                chosen = command.get_command(click.Context(command), arguments.pop(0))
                assert chosen is not None, line
                command = chosen
            command.make_context(command.name, arguments)


@pytest.mark.parametrize("page", pages_with("toml"))
def test_configuration_is_accepted(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _, shown in blocks(page, "toml"):
        if "[project" in shown:
            continue
        text = shown.replace("/run/secrets/", "")
        for secret in re.findall(r'_file = "(.+?)"', text):
            (tmp_path / secret).write_text("a-secret-of-32-letters-or-even-more")
        for calibration in re.findall(r'calibration = "(.+?)"', text):
            (tmp_path / calibration).write_text(json.dumps(a_calibration()), encoding="utf-8")
        file = tmp_path / "facegate.toml"
        file.write_text(text, encoding="utf-8")
        registry, plugins = Registry(), Config.load(file, environ={}).providers
        environ = {
            f"FACEGATE_PROVIDERS__{name.upper()}__{secret.upper()}": "from-the-environment"
            for name, plugin_name in plugins.items()
            for secret in ("api_key", "token")
            if plugin_name in registry.names() and f"{secret}_file" not in text
            if secret in registry.provider_type(plugin_name).settings_type.model_fields
        }
        config = Config.load(file, environ)
        for name, plugin_name in plugins.items():
            if plugin_name in registry.names():
                config.provider(registry, name).close()
        if config.document.serve:
            ServeSettings.of(config).apis(registry, config.intake.limits)


def a_calibration() -> dict[str, Any]:
    """One of the embedded engine, as a user would have made it of selfies and passports."""
    shipped: Any = import_module("facegate_local.calibrations").CALIBRATION
    own = shipped.key.model_copy(update={"probe": "selfie", "gallery": "passport"})
    data: dict[str, Any] = shipped.model_copy(update={"key": own}).model_dump(mode="json")
    return data | {"digest": digest(data)}


@pytest.mark.parametrize("page", pages_with("json"))
def test_json_is_what_the_code_writes(page: str) -> None:
    for _, text in blocks(page, "json"):
        shown = json.loads(text)
        if "error" not in shown:
            result = facegate.VerificationResult.model_validate(shown)
            assert result.model_dump(mode="json") == shown
            continue
        fields = dict(shown["error"])
        kind = getattr(facegate, fields.pop("code"))
        message = fields.pop("message")
        attempts = tuple(map(facegate.Attempt.model_validate, fields.pop("attempts", ())))
        if "reason" in fields:
            fields["reason"] = facegate.CaptureReason(fields["reason"])
        assert kind(message, attempts=attempts, **fields).as_dict() == shown["error"]


@pytest.mark.parametrize("page", pages_with("python"))
def test_python_compiles(page: str) -> None:
    for _, text in blocks(page, "python"):
        compile(text, page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)


@pytest.mark.parametrize("page", pages_with("python", "run"))
def test_python_runs(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate(("selfie.jpg", "passport.jpg", "stranger.jpg")):
        (tmp_path / name).write_bytes(picture(ImageFormat.JPEG, seed=number))
    (tmp_path / "cassettes").symlink_to(DOCS.parent / "cassettes")
    _run(page, {"run"}, tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("python", "run models"))
def test_python_runs_on_faces(
    page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    portraits(tmp_path)
    _run(page, {"run models"}, tmp_path, capsys)


def _run(page: str, kinds: set[str], directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a page's blocks as one script, and compare what is printed with what it promises."""
    text = "\n".join(text for run, text in blocks(page, "python") if run in kinds)
    script = directory / "script.py"
    script.write_text(text, encoding="utf-8")
    with contextlib.chdir(directory):
        runpy.run_path(os.fspath(script))
    printed = capsys.readouterr().out.splitlines()
    for line in expected(text):
        pattern = re.escape(line).replace(r"\.\.\.", r".*").replace(r"\ ", " ")
        assert any(re.fullmatch(pattern, got) for got in printed), (line, printed)


def test_pages_name_no_machine_and_no_registry() -> None:
    for page in PAGES:
        text = read(page)
        assert not re.search(r"/root/|/home/|/tmp/|registry\.", text), page


@pytest.mark.parametrize("page", PAGES)
def test_pages_read_well_where_nobody_has_built_them(page: str) -> None:
    prose = re.sub(r"^```\w*$.*?^```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
    assert "```" not in prose, "a fence that only the site's builder knows"
    assert not re.search(r"\{[\w:]+\}", re.sub(r"`[^`\n]+`", "", prose)), "a role shows its braces"
    assert not re.search(r"^\([\w-]+\)=$", prose, re.MULTILINE), "a label that shows"
    assert "[](" not in prose, "a link without words shows nothing"
    assert not re.search(r"^% ", prose, re.MULTILINE), "a comment that shows"


def test_what_is_made_in_the_pages_is_as_the_code_is() -> None:
    command = [sys.executable, "docs/_ext/written.py", "--check"]
    done = subprocess.run(command, cwd=DOCS.parent, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


def test_measured_rates_are_those_the_engine_uses() -> None:
    """The pages' rates within groups and the calibration's were counted apart, and agree."""
    engine: Any = import_module("facegate_local.calibrations")
    measured = json.loads((DOCS / "_data" / "lfw.json").read_text(encoding="utf-8"))
    for group, sample in engine.CALIBRATION.groups["sex"].items():
        for rate, score in (("0.001", 0.67), ("0.0001", 0.70)):
            errors = max(step.errors for step in sample.steps if step.threshold >= score)
            told = measured["groups"][group]["rates"][rate]["fmr"]["rate"]
            assert errors / sample.pairs == pytest.approx(told, rel=0.05)
