"""What ``facegate.open`` takes, and which verifier it gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import facegate
from facegate import ConfigurationError
from installed import Site


def test_open_reads_the_configuration(here: Path, site: Site) -> None:
    site.install_vendor("acme")
    (here / "facegate.toml").write_text("[providers.main]\nplugin = 'acme'")
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
