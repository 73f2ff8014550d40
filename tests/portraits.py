"""Real faces and the names that pages and examples give them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

NAMES = {"selfie": "person_b_2", "passport": "person_b_1", "stranger": "impostor_1"}


def portraits(folder: Path) -> Path:
    """A folder with ``selfie.jpg``, ``passport.jpg`` of the same person, and ``stranger.jpg``."""
    store = import_module("facegate_local.store").PortraitStore()
    store.pull()  # as the engine's own tests do
    for name, portrait in NAMES.items():
        (folder / f"{name}.jpg").symlink_to(store.path(portrait))
    return folder
