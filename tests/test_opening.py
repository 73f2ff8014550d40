"""``facegate.open``: from a file, a route, a provider or a plugin to a verifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import facegate
from facegate import ConfigurationError
from facegate.routing.breaker import Breaker
from installed import Site

ONE = """
[providers.main]
plugin = "acme"
"""
TWO = """
default = "main"

[providers.main]
plugin = "acme"

[providers.backup]
plugin = "other"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_open_reads_the_configuration(here: Path, site: Site) -> None:
    site.install_vendor("acme")
    (here / "facegate.toml").write_text(ONE)
    with facegate.open() as verifier:
        assert verifier.provider.name == "main"


def test_open_a_plugin_without_configuration(here: Path, site: Site) -> None:
    site.install_vendor("acme")
    (here / "facegate.toml").write_text("broken")
    with facegate.open(plugin="acme", region="us") as verifier:
        assert (verifier.provider.name, verifier.provider.settings.region) == ("acme", "us")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"plugin": "acme", "provider": "main"}, "not both"),
        ({"plugin": "acme", "config": "facegate.toml"}, "not both"),
        ({"plugin": "acme", "route": "kyc"}, "not both"),
        ({"route": "kyc", "provider": "main"}, "a route or a provider; not both"),
        ({"region": "us"}, "settings without a plugin: region"),
        ({"plugin": "acme", "regoin": "us"}, "open: acme.regoin: no such key"),
    ],
)
def test_open_with_arguments_that_make_no_sense(
    here: Path, site: Site, arguments: dict[str, Any], message: str
) -> None:
    site.install_vendor("acme")
    with pytest.raises(ConfigurationError, match=message):
        facegate.open(**arguments)


def test_open_takes_a_route_or_goes_past_it(here: Path, site: Site) -> None:
    site.install_vendor("acme")
    route = '[routes.kyc]\nto = "main"\ndeadline_s = 4'
    (here / "facegate.toml").write_text(f'default = "kyc"\n{ONE}{route}')
    for how, name in (({}, "kyc"), ({"route": "kyc"}, "kyc"), ({"provider": "main"}, None)):
        with facegate.open(**how) as verifier:
            assert (verifier.route.name, verifier.provider.name) == (name, "main")
    with pytest.raises(ConfigurationError, match="'kyc' is a route; open it with route='kyc'"):
        facegate.open(provider="kyc")
    with pytest.raises(ConfigurationError, match="no route is called 'main'; there are: kyc"):
        facegate.open(route="main")


def test_a_verifier_reads_its_file_again(
    here: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install_vendor("acme")
    site.install_vendor("other", "facegate_other")  # up to a dash, names must differ
    (here / "facegate.toml").write_text(TWO)
    with facegate.open() as verifier:
        before = verifier.provider
        monkeypatch.chdir("/")
        text = TWO.replace('default = "main"', 'default = "kyc"')
        (here / "facegate.toml").write_text(text + '[routes.kyc]\nfailover = ["backup", "main"]')
        verifier.reload()
        backup, main = verifier.route.providers
        assert (verifier.route.name, backup.name) == ("kyc", "backup")
        assert main is before


def guarded(verifier: facegate.FaceVerifier) -> Breaker:
    node = verifier.route.node
    assert isinstance(node, Breaker)
    return node


def test_a_file_that_is_refused_forgets_nothing_of_the_one_before(here: Path, site: Site) -> None:
    site.install_vendor("acme")
    good = f'default = "kyc"\n{ONE}[breaker]\n[routes.kyc]\nto = "main"\n'
    (here / "facegate.toml").write_text(good)
    with facegate.open() as verifier:
        before = guarded(verifier)
        bad = good.replace('"acme"', '"acme"\nregion = "us"')
        (here / "facegate.toml").write_text(bad + "[routes.kyc.policy.liveness]")
        with pytest.raises(ConfigurationError, match="none of its providers offers liveness"):
            verifier.reload()
        assert guarded(verifier) is before
        (here / "facegate.toml").write_text(good)
        verifier.reload()
        assert guarded(verifier).circuit is before.circuit
