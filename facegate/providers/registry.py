"""The registry of plugins: known by name at once, imported when first needed, each on its own."""

from __future__ import annotations

import os
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, requires
from typing import TYPE_CHECKING, Any

import pluggy

from facegate.document import near
from facegate.errors import ConfigurationError
from facegate.providers import hookspecs
from facegate.providers.provider import Provider

if TYPE_CHECKING:
    from facegate.providers.compat import CompatibleApi

GROUP = "facegate"
"""Group of the entry points that name plugins."""
ONLY = "FACEGATE_PLUGINS"
"""Environment variable that lists the plugins that may load."""
_OFFER = re.compile(r"""(?P<name>facegate-[a-z0-9-]+).*\bextra == ["'](?P<extra>[\w-]+)["']""")
"""An extra of facegate's that is a plugin's distribution."""


@cache
def plugin_versions() -> Mapping[str, str]:
    """Versions of distributions by the plugin they bring. Takes some milliseconds, once."""
    plugins = entry_points(group=GROUP)
    return {plugin.name: plugin.dist.version for plugin in plugins if plugin.dist is not None}


class Registry:
    """The plugins installed here.

    Every plugin has a pluggy manager of its own, so one that fails to import, or whose hooks fail,
    leaves the others alone.

    Args:
        entries: entry points to use instead of the installed ones.
        only: names that may load; by default those that ``FACEGATE_PLUGINS`` lists, separated by
            commas, and all where that is not set.
    """

    def __init__(
        self, entries: Iterable[EntryPoint] | None = None, only: Iterable[str] | None = None
    ) -> None:
        if only is None and ONLY in os.environ:
            only = [name.strip() for name in os.environ[ONLY].split(",")]
        allowed = None if only is None else set(only)
        self._restricted = only is not None
        self._entries: dict[str, dict[tuple[str, str], EntryPoint]] = defaultdict(dict)
        for entry in entry_points(group=GROUP) if entries is None else entries:
            if allowed is None or entry.name in allowed:
                # The same distribution can be on the path twice, as an install and as its source.
                self._entries[entry.name][_distribution(entry), entry.value] = entry
        self._managers: dict[str, pluggy.PluginManager] = {}
        self._lock = threading.RLock()

    def names(self) -> list[str]:
        """Names of the plugins that may load; nothing is imported to find out."""
        return sorted(self._entries)

    def absent(self) -> Mapping[str, str]:
        """The plugins that facegate has an extra for, and that are not here.

        Each comes with the name of its distribution. None where the names that may load are
        restricted, for then it may be here.
        """
        if self._restricted:
            return {}
        try:
            extras = map(_OFFER.match, requires("facegate") or ())
        except PackageNotFoundError:  # the source alone, installed nowhere
            return {}
        offered = {each["extra"].replace("-", "_"): each["name"] for each in extras if each}
        return {name: offered[name] for name in sorted(offered.keys() - self._entries.keys())}

    def provider_type(self, plugin: str) -> type[Provider]:
        """Import a plugin and give its provider class.

        Raises:
            ConfigurationError: no such plugin, two of that name, or it failed to load.
        """
        types = self._ask(plugin, "facegate_providers")
        try:
            by_name: dict[str, type[Provider]] = {kind.info.plugin: kind for kind in types}
        except AttributeError as error:
            raise self._broken(plugin, error) from error
        if plugin not in by_name:
            raise ConfigurationError(
                f"plugin {plugin!r} registers no provider of that name, only: "
                + (", ".join(sorted(by_name)) or "none")
            )
        return by_name[plugin]

    def api_type(self, plugin: str) -> type[CompatibleApi]:
        """Import a plugin and give its compatible API.

        Raises:
            ConfigurationError: no such plugin, it has no such API, or it failed to load.
        """
        for kind in self._ask(plugin, "facegate_compatible_apis"):
            if getattr(kind, "plugin", None) == plugin:
                api: type[CompatibleApi] = kind
                return api
        raise ConfigurationError(f"plugin {plugin!r} has no compatible API")

    def commands(self, plugin: str) -> list[Any]:
        """The click commands that a plugin adds.

        Raises:
            ConfigurationError: no such plugin, or it failed to load.
        """
        return self._ask(plugin, "facegate_commands")

    def _ask(self, plugin: str, hook: str) -> list[Any]:
        manager = self._manager(plugin)
        try:
            return [item for items in getattr(manager.hook, hook)() for item in items]
        except Exception as error:
            raise self._broken(plugin, error) from error

    def _manager(self, plugin: str) -> pluggy.PluginManager:
        with self._lock:
            if plugin not in self._managers:
                entry = self._only_entry(plugin)
                manager = pluggy.PluginManager(hookspecs.PROJECT)
                manager.add_hookspecs(hookspecs)
                try:
                    manager.register(entry.load(), name=plugin)
                    manager.check_pending()
                except Exception as error:
                    raise self._broken(plugin, error) from error
                self._managers[plugin] = manager
            return self._managers[plugin]

    def _only_entry(self, plugin: str) -> EntryPoint:
        candidates = self._entries.get(plugin)
        if not candidates:
            installed = ", ".join(self.names()) or "none"
            raise ConfigurationError(
                f"no plugin is called {plugin!r}; installed: {installed}{self._remedy(plugin)}"
            )
        if len(candidates) > 1:
            owners = " and ".join(sorted(distribution for distribution, _ in candidates))
            raise ConfigurationError(
                f"two plugins are called {plugin!r}, from {owners}; uninstall one"
            )
        return next(iter(candidates.values()))

    def _remedy(self, plugin: str) -> str:
        """A guess at how to get a plugin; none where names are restricted, so that it may be there.

        A name that is nearly one of the installed is taken for a slip: installing what a slip
        spells is how a stranger's package gets in.
        """
        if distribution := self.absent().get(plugin):
            return f"; it comes with: pip install {distribution}"
        slip = near(plugin, self.names())
        if slip or self._restricted or not re.fullmatch("[a-z][a-z0-9_-]*", plugin):
            return slip
        return f"; perhaps it comes with: pip install facegate-{plugin.replace('_', '-')}"

    def _broken(self, plugin: str, error: Exception) -> ConfigurationError:
        owner = _distribution(self._only_entry(plugin))
        return ConfigurationError(
            f"plugin {plugin!r} (from {owner}) failed to load: {type(error).__name__}: {error}"
        )


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value
