"""Every rule of the configuration, as a user meets it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from facegate import ConfigurationError
from facegate.config import Config
from facegate.providers.provider import Provider
from facegate.providers.registry import Registry
from installed import PROVIDER, Site

SECRET = "hunter2-and-more"
ONE = """
[providers.main]
plugin = "acme"
"""
TWO = """
default = "main"

[providers.main]
plugin = "acme"
threshold = "fmr:1e-4"

[providers.backup]
plugin = "other"
threshold = 0.75
"""


@pytest.fixture
def registry(site: Site) -> Registry:
    site.install_vendor("acme")
    site.install_vendor("other")
    return Registry(site.found)


def load(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    path = folder / "facegate.toml"
    path.write_text(text, encoding="utf-8")
    return Config.load(path, environ or {})


def settings(config: Config, registry: Registry) -> Any:
    provider: Provider = config.provider(registry)
    return provider.settings


# Which file


def test_the_named_file_wins_over_the_environments_over_the_one_that_is_here(here: Path) -> None:
    for name in ("named", "environment", "facegate"):
        (here / f"{name}.toml").write_text(f'[providers.{name}]\nplugin = "acme"')
    environ = {"FACEGATE_CONFIG": "environment.toml"}
    assert list(Config.load("named.toml", environ).providers) == ["named"]
    assert list(Config.load(None, environ).providers) == ["environment"]
    assert list(Config.load(None, {}).providers) == ["facegate"]


def test_no_file_is_no_error(here: Path) -> None:
    config = Config.load(None, {})
    assert (config.providers, config.source) == ({}, "the environment")


@pytest.mark.parametrize("environ", [{}, {"FACEGATE_CONFIG": "gone.toml"}])
def test_a_named_file_must_be_there(here: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read gone\.toml: No such file"):
        Config.load(None if environ else "gone.toml", environ)


def test_a_directory_is_no_file(here: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        Config.load(here, {})


def test_broken_toml_is_named_with_its_place(here: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"facegate\.toml: .*line 2, column 10"):
        load(here, "default = 'main'\nplugin = yes\n")


def test_a_file_that_is_not_utf8(here: Path) -> None:
    (here / "facegate.toml").write_bytes(b"default = 'm\xfcller'")
    with pytest.raises(ConfigurationError, match=r"facegate\.toml: .*utf-8.*position 12"):
        Config.load(None, {})


# Keys


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defualt = 'main'", "defualt: no such key; did you mean 'default'"),
        ("[images]\nmax_byte = 3", "images.max_byte: no such key; did you mean 'max_bytes'"),
        ("[images]\nzzz = 3", "images.zzz: no such key$"),
        ("[images]\nmax_bytes = 'many'", "images.max_bytes: .*integer"),
        ("[images]\nmax_pixels = 0", "images.max_pixels: .*greater than 0"),
        ("[images]\nmax_pixels = true", "images.max_pixels: must be a number, not true or false"),
        ("[routes.kyc]\nto = 'x'\ndeadline_s = true", "routes.kyc.deadline_s: must be a number"),
        ("images = 3", "images: .*dictionary"),
        ("providers = 'acme'", "providers: .*dictionary"),
        ("providers.main = 'acme'", "providers.main: .*dictionary"),
        ("[providers.main]\nthreshold = 1", "providers.main.plugin: Field required"),
        ("[providers.Main]\nplugin = 'acme'", "providers.Main: .*pattern"),
        ("[providers.my-main]\nplugin = 'acme'", "providers.my-main: .*pattern"),
        ("default = 'main'", "default names 'main', which is no provider"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(here: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"facegate\.toml(\.|: ){message}"):
        load(here, text)


@pytest.mark.parametrize("text", ["images = 3", "providers = 'acme'", "providers.main = 'acme'"])
def test_the_environment_cannot_complete_what_is_no_table(here: Path, text: str) -> None:
    environ = {
        "FACEGATE_IMAGES__MAX_BYTES": "1",
        "FACEGATE_PROVIDERS__MAIN__PLUGIN": "acme",
    }
    with pytest.raises(ConfigurationError, match="dictionary"):
        load(here, text, environ)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("regoin = 'us'", "main.regoin: no such key; did you mean 'region'"),
        ("region = 5", "main.region: .*valid string"),
        ("deadline_s = 0", "main.deadline_s: .*greater than 0"),
        ("deadline_s = nan", "main.deadline_s: "),
        ("threshold = 1.5", "main: threshold must be a number from 0 to 1"),
        ("threshold = 'nan'", "main: threshold must be a number from 0 to 1"),
        ("threshold = 'fmr:1e-9'", "main: threshold 'fmr:1e-9' was never measured"),
        ("liveness_threshold = 0.5", "main: no liveness_threshold can be set"),
        ("review_from = 0.7", "main: review_from = 0.7 must be below the threshold, 0.7"),
        ("review_from = 2", "main: review_from must be a number from 0 to 1"),
    ],
)
def test_a_providers_settings_are_checked_when_it_is_built(
    here: Path, registry: Registry, line: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(here, ONE + line).provider(registry)


# The environment


def test_the_environment_wins_over_the_file(here: Path, registry: Registry) -> None:
    environ = {
        "FACEGATE_DEFAULT": "backup",
        "FACEGATE_PROVIDERS__BACKUP__THRESHOLD": "0.9",
        "FACEGATE_PROVIDERS__BACKUP__DEADLINE_S": "2.5",
        "FACEGATE_IMAGES__FETCH_URLS": "true",
    }
    config = load(here, TWO, environ)
    built = config.provider(registry)
    assert (built.name, built.settings.deadline_s) == ("backup", 2.5)
    assert built.settings.threshold in (0.9, "0.9")
    assert config.document.images.fetch_urls
    assert config.unread == ()


def test_the_environment_alone_is_enough(here: Path, registry: Registry) -> None:
    environ = {
        "FACEGATE_PROVIDERS__MAIN__PLUGIN": "acme",
        "FACEGATE_PROVIDERS__MAIN__REGION": "us",
    }
    assert settings(Config.load(None, environ), registry).region == "us"


def test_lists_in_the_environment_are_json(here: Path) -> None:
    environ = {"FACEGATE_IMAGES__FETCH_NETWORKS": '["10.1.0.0/16", "fd00::/8"]'}
    assert Config.load(None, environ).document.images.fetch_networks == ("10.1.0.0/16", "fd00::/8")


def test_what_is_taken_as_a_picture_is_configured(here: Path) -> None:
    (here / "facegate.toml").write_text(
        "[images]\nmax_bytes = 9\nmin_side = 40\nfetch_urls = true\nfetch_ca_file = 'ours.pem'"
    )
    intake = Config.load().intake
    assert (intake.limits.max_bytes, intake.limits.min_side) == (9, 40)
    assert intake.fetching is not None
    assert intake.fetching.ca_file == "ours.pem"


def test_a_value_that_only_looks_like_json_is_text(here: Path, registry: Registry) -> None:
    environ = {"FACEGATE_PROVIDERS__MAIN__REGION": "[eu"}
    assert settings(load(here, ONE, environ), registry).region == "[eu"


def test_variables_that_fit_nowhere_are_listed(here: Path) -> None:
    environ = {
        "FACEGATE_PROVIDERS__MIAN__REGION": "us",
        "FACEGATE_DEFUALT": "main",
        "FACEGATE_PROVIDERS__MAIN__REGION__CITY": "x",
        "FACEGATE_PLUGINS": "acme",
        "FACEGATE_CONFIG": "unused.toml",
        "PATH": "/bin",
    }
    assert load(here, ONE, environ).unread == (
        "FACEGATE_DEFUALT",
        "FACEGATE_PROVIDERS__MAIN__REGION__CITY",
        "FACEGATE_PROVIDERS__MIAN__REGION",
    )


@pytest.mark.parametrize(
    "variable", ["FACEGATE_IMAGES__MAX_BITES", "FACEGATE_PROVIDERS__MAIN__REGOIN"]
)
def test_a_variable_for_an_unknown_key_is_an_error(
    here: Path, registry: Registry, variable: str
) -> None:
    with pytest.raises(ConfigurationError, match="no such key; did you mean"):
        load(here, ONE, {variable: "7"}).provider(registry)


def test_a_misspelt_key_is_named_before_the_one_that_it_leaves_missing(here: Path) -> None:
    config = load(here, '[providers.main]\nplugin = "tarnside"\napi_kye = "tn-1"\n')
    with pytest.raises(ConfigurationError, match="no such key; did you mean 'api_key'"):
        config.provider(Registry())


# Which provider


def test_the_only_provider_is_the_default(here: Path, registry: Registry) -> None:
    assert load(here, ONE).default(registry) == "main"


def test_several_providers_need_a_default(here: Path, registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match=r"several providers \(main, backup\); name one"):
        load(here, TWO.replace('default = "main"', "")).provider(registry)


def test_a_provider_can_be_asked_for_by_name(here: Path, registry: Registry) -> None:
    config = load(here, TWO)
    assert config.provider(registry).info.plugin == "acme"
    assert config.provider(registry, "backup").info.plugin == "other"
    with pytest.raises(ConfigurationError, match="no provider is called 'third'; there are: main"):
        config.provider(registry, "third")


def test_swapping_the_vendor_is_one_line(here: Path, registry: Registry) -> None:
    swapped = TWO.replace('plugin = "acme"', 'plugin = "other"')
    assert sum(a != b for a, b in zip(TWO.split("\n"), swapped.split("\n"), strict=True)) == 1
    built = load(here, swapped).provider(registry)
    assert (built.name, built.info.plugin) == ("main", "other")


def test_a_file_of_an_editor_that_begins_it_with_a_byte_order_mark(
    here: Path, registry: Registry
) -> None:
    assert load(here, f"\ufeff{ONE}").provider(registry).name == "main"


def test_a_plugin_nobody_installed(here: Path, registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match="no plugin is called 'acne'; installed: acme"):
        load(here, ONE.replace("acme", "acne")).provider(registry)


def test_with_nothing_configured_the_one_embedded_engine_answers(here: Path, site: Site) -> None:
    site.install_vendor("acme")
    site.install_vendor("engine", embedded=True)
    site.install("broken", "1 / 0")
    registry = Registry(site.found)
    assert Config.load(None, {}).provider(registry).info.plugin == "engine"


@pytest.mark.parametrize(("engines", "word"), [((), "no"), (("one", "two"), "several")])
def test_nothing_configured_and_not_one_embedded_engine(
    here: Path, site: Site, engines: tuple[str, ...], word: str
) -> None:
    site.install_vendor("acme")
    for engine in engines:
        site.install_vendor(engine, embedded=True)
    with pytest.raises(ConfigurationError, match=f"{word} embedded engines are installed"):
        Config.load(None, {}).provider(Registry(site.found))


def test_a_plugin_that_cannot_be_set_up(here: Path, site: Site) -> None:
    code = PROVIDER.format(name="acme", embedded=False).replace(
        "    settings_type",
        "    def __init__(self, settings, name=None):\n"
        "        raise RuntimeError('no gpu')\n\n    settings_type",
    )
    site.install("acme", "from pydantic import SecretStr\n" + code)
    with pytest.raises(ConfigurationError, match="'acme' cannot be set up: RuntimeError"):
        load(here, ONE + f"token = '{SECRET}'").provider(Registry(site.found))


# Secrets


def test_a_secret_can_stand_in_a_file(here: Path, registry: Registry) -> None:
    for encoding in ("utf-8", "utf-8-sig"):  # as Windows' editors write it
        (here / "token").write_text(f"{SECRET}\n", encoding)
        config = load(here, ONE + "token_file = 'token'")
        assert settings(config, registry).token.get_secret_value() == SECRET


def test_the_path_of_a_secret_can_come_from_the_environment(here: Path, registry: Registry) -> None:
    (here / "token").write_text(SECRET)
    config = load(here, ONE, {"FACEGATE_PROVIDERS__MAIN__TOKEN_FILE": str(here / "token")})
    assert settings(config, registry).token.get_secret_value() == SECRET


def test_a_secret_file_that_cannot_be_read(here: Path, registry: Registry) -> None:
    (here / "binary").write_bytes(b"\xff")
    for name, why in (("gone", "No such file"), ("binary", "no text")):
        told = rf"main\.token_file: cannot read the file: .*{why}"
        with pytest.raises(ConfigurationError, match=told):
            load(here, ONE + f"token_file = '{here / name}'").provider(registry)


def test_only_secrets_stand_in_files(here: Path, registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match=r"main\.region_file: no such key"):
        load(here, ONE + "region_file = 'region'").provider(registry)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(f"tokn = '{SECRET}'", id="misspelt"),
        pytest.param(f"token = ['{SECRET}']", id="of the wrong type"),
        pytest.param(f"deadline_s = '{SECRET}'", id="in the wrong place"),
        pytest.param(f"token = '{SECRET}'\nregion = 5", id="beside an error"),
        pytest.param(f"token_file = '{SECRET}'", id="given for its file"),
    ],
)
def test_a_secret_never_shows_in_a_message(here: Path, registry: Registry, lines: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(here, ONE + lines).provider(registry)
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_a_secret_never_shows_in_a_repr(here: Path, registry: Registry) -> None:
    config = load(here, ONE + f"token = '{SECRET}'")
    assert SECRET not in repr(settings(config, registry))
    assert SECRET not in repr(config)


def test_settings_without_their_provider_are_not_passed_over(here: Path) -> None:
    config = Config.load(None, {"FACEGATE_PROVIDERS__MAIN__TOKEN": SECRET})
    with pytest.raises(ConfigurationError, match="MAIN__TOKEN is set, but no provider") as caught:
        config.default(Registry())
    assert SECRET not in str(caught.value)


def test_a_secret_and_its_file_at_once(here: Path, registry: Registry) -> None:
    (here / "token").write_text(SECRET)
    config = load(here, ONE + f"token = '{SECRET}'\ntoken_file = 'token'")
    with pytest.raises(ConfigurationError, match=r"main\.token_file: token is given as well"):
        config.provider(registry)


def test_an_empty_secret_file(here: Path, registry: Registry) -> None:
    (here / "token").write_text("\n")
    with pytest.raises(ConfigurationError, match=r"main\.token_file: the file is empty"):
        load(here, ONE + "token_file = 'token'").provider(registry)
