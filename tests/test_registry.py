"""Plugins are known by name at once, imported when needed, and fail one by one."""

from __future__ import annotations

import sys

import pytest

from facegate import ConfigurationError, Operation
from facegate.providers.registry import Registry
from installed import Site

HOOK = "from facegate.plugin import hookimpl\n@hookimpl\ndef "


def test_nothing_is_imported_until_it_is_needed(site: Site) -> None:
    module = site.install_vendor("acme")
    other = site.install_vendor("other")
    registry = Registry(site.found)
    assert registry.names() == ["acme", "other"]
    assert module not in sys.modules
    assert registry.provider_type("acme").capabilities == {Operation.COMPARE}
    assert module in sys.modules
    assert other not in sys.modules


def test_every_installed_distribution_is_found(site: Site) -> None:
    site.install_vendor("acme")
    site.install_vendor("other")
    assert {"acme", "other"} <= set(Registry().names())


def test_a_plugin_is_loaded_once(site: Site) -> None:
    site.install_vendor("acme")
    registry = Registry(site.found)
    assert registry.provider_type("acme") is registry.provider_type("acme")


def test_unknown_plugin(site: Site) -> None:
    site.install_vendor("acme")
    with pytest.raises(ConfigurationError, match="no plugin is called 'acne'; installed: acme"):
        Registry(site.found).provider_type("acne")


def test_a_plugin_that_is_not_installed_comes_with_a_guess_at_how_to_get_it(site: Site) -> None:
    site.install_vendor("acme")
    registry = Registry(site.found)
    with pytest.raises(ConfigurationError, match="comes with: pip install facegate-x-y"):
        registry.provider_type("x_y")
    for name in ("acne", "--index-url=x", "x y", ""):
        with pytest.raises(ConfigurationError) as refused:
            registry.provider_type(name)
        assert "pip install" not in str(refused.value)
    with pytest.raises(ConfigurationError) as refused:
        Registry(site.found, only=["acme"]).provider_type("other")
    assert "pip install" not in str(refused.value)


def test_no_plugin_at_all() -> None:
    with pytest.raises(ConfigurationError, match="installed: none"):
        Registry([]).provider_type("acme")


def test_two_distributions_with_a_plugin_of_one_name(site: Site) -> None:
    site.install_vendor("acme", "facegate-acme")
    site.install_vendor("acme", "acme-sdk")
    with pytest.raises(ConfigurationError, match="from acme-sdk and facegate-acme; uninstall one"):
        Registry(site.found).provider_type("acme")


def test_one_distribution_found_twice_is_one(site: Site) -> None:
    site.install_vendor("acme")
    assert Registry([*site.found, *site.found]).provider_type("acme").info.plugin == "acme"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import a_library_nobody_has", "ModuleNotFoundError: No module named 'a_library_nobody"),
        ("1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
        (
            HOOK + "facegate_brew_tea(): ...",
            "PluginValidationError: unknown hook 'facegate_brew_tea'",
        ),
        (
            HOOK + "facegate_providers(): 1 / 0",
            "ZeroDivisionError",
        ),
        (
            HOOK + "facegate_providers(): return [int]",
            "AttributeError: type object 'int' has no attribute 'info'",
        ),
        (
            HOOK + "facegate_providers(): return int",
            "TypeError",
        ),
    ],
    ids=["import", "body", "syntax", "hook unknown", "hook fails", "no provider", "no list"],
)
def test_a_broken_plugin_is_named_and_leaves_the_others_alone(
    site: Site, code: str, reason: str
) -> None:
    site.install("broken", code)
    site.install_vendor("acme")
    registry = Registry(site.found)
    for _ in range(2):
        message = rf"plugin 'broken' \(from facegate-broken\) failed to load: .*{reason}"
        with pytest.raises(ConfigurationError, match=message):
            registry.provider_type("broken")
    assert registry.provider_type("acme").info.plugin == "acme"


def test_a_plugin_must_register_under_its_own_name(site: Site) -> None:
    module = site.install_vendor("acme")
    site.install("alias", f"from {module} import *")
    with pytest.raises(ConfigurationError, match="registers no provider of that name, only: acme"):
        Registry(site.found).provider_type("alias")


def test_a_plugin_without_providers(site: Site) -> None:
    site.install("tools", "")
    with pytest.raises(ConfigurationError, match="registers no provider of that name, only: none"):
        Registry(site.found).provider_type("tools")


def test_commands_are_those_the_plugin_adds(site: Site) -> None:
    code = HOOK + "facegate_commands(): return ['brew']"
    site.install("tools", code)
    site.install_vendor("acme")
    registry = Registry(site.found)
    assert registry.commands("tools") == ["brew"]
    assert registry.commands("acme") == []


@pytest.mark.parametrize(
    ("listed", "names"), [("acme", ["acme"]), (" acme , other", ["acme", "other"]), ("", [])]
)
def test_the_environment_says_which_may_load(
    site: Site, monkeypatch: pytest.MonkeyPatch, listed: str, names: list[str]
) -> None:
    for name in ("acme", "other", "third"):
        site.install_vendor(name)
    monkeypatch.setenv("FACEGATE_PLUGINS", listed)
    registry = Registry(site.found)
    assert registry.names() == names
    with pytest.raises(ConfigurationError, match="no plugin is called 'third'"):
        registry.provider_type("third")


def test_finds_what_is_installed_by_itself(site: Site) -> None:
    site.install_vendor("acme")
    assert {"acme", "local"} <= set(Registry().names())
