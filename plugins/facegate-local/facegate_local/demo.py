"""The command ``facegate demo``: the three questions, asked about real faces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import click
import cv2
from rich.console import Console, Group
from rich.rule import Rule
from rich.style import Style
from rich.table import Table
from rich.text import Text

import facegate
from facegate import cli
from facegate.plugin import FacegateError, Operation
from facegate_local.commands import progress
from facegate_local.decode import Pixels, decode
from facegate_local.manifest import MODELS, PORTRAITS
from facegate_local.store import AssetStore

_THUMBNAIL = 22
"""Columns of a thumbnail. A row of text shows two rows of pixels."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One question of the demonstration."""

    title: str
    operation: Operation
    probe: str
    gallery: tuple[str, ...] = ()


SCENES = (
    Scene("The same person, four years apart", Operation.COMPARE, "person_b_2", ("person_b_1",)),
    Scene("Two different people", Operation.COMPARE, "impostor_1", ("impostor_2",)),
    Scene("Is she living?", Operation.LIVENESS, "astronaut"),
    Scene(
        "The same person, eleven years apart, and living?",
        Operation.COMPARE_LIVE,
        "person_a_2",
        ("person_a_1",),
    ),
)


@click.command()
def demo() -> None:
    """Compare real faces, check that they live, and show how it looks."""
    console = cli.console()
    store = AssetStore((*MODELS, *PORTRAITS))
    lacking = _pull(store, console)
    with facegate.open(plugin="local", pull=False) as verifier:
        with console.status("Loading the models"):
            # Asked once unseen, so that the times below are those of a running service.
            for scene in SCENES:
                _outcome(verifier, store, scene)
        for scene in SCENES:
            if not lacking.intersection((scene.probe, *scene.gallery)):
                console.print(Rule(scene.title, align="left"), width=min(console.width, 80))
                console.print(_picture(verifier, store, scene, console), "")
    console.print(
        "Liveness here is a filter for prints and screens on one photo; it holds no certification:"
        " facegate providers local",
        "\nPortraits",
        style="dim",
        sep="\n",
    )
    for name in dict.fromkeys(name for scene in SCENES for name in (scene.probe, *scene.gallery)):
        asset = store.asset(name)
        console.print(f"  {asset.credit}; {asset.licence}; {asset.origin}", style="dim")


def _pull(store: AssetStore, console: Console) -> set[str]:
    """Fetch missing files; gives the names of those that cannot be had, after saying why."""
    if store.missing():
        console.print(f"Fetching models and portraits, once, into {store.directory}")
        try:
            with progress(store) as shown:
                store.pull(progress=shown)
        except FacegateError as error:
            console.print(cli.failure(error), "")
    return set(store.missing())


def _outcome(
    verifier: facegate.FaceVerifier, store: AssetStore, scene: Scene
) -> facegate.VerificationResult | FacegateError:
    try:
        probe = store.read(scene.probe)
        gallery = [store.read(name) for name in scene.gallery]
        return verifier.ask(
            facegate.Question(operation=scene.operation, probe=probe, gallery=gallery)
        )
    except FacegateError as error:
        return error


def _picture(
    verifier: facegate.FaceVerifier, store: AssetStore, scene: Scene, console: Console
) -> Group:
    outcome = _outcome(verifier, store, scene)
    if isinstance(outcome, facegate.VerificationResult):
        report = cli.result(outcome)
    else:
        report = cli.failure(outcome)
    if console.color_system not in ("256", "truecolor"):
        return Group(report)
    row = Table.grid(padding=(0, 2))
    row.add_row(*(_thumbnail(store.read(name)) for name in (scene.probe, *scene.gallery)))
    return Group(row, report)


def _thumbnail(encoded: bytes) -> Text:
    """A picture in coloured half-blocks: the upper pixel in front, the lower one behind."""
    pixels = decode(facegate.Image.from_bytes(encoded))
    height, width = pixels.shape[:2]
    size = (_THUMBNAIL, round(_THUMBNAIL * height / width / 2) * 2)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return Text("\n").join(_blocks(cv2.cvtColor(small, cv2.COLOR_BGR2RGB)))


def _blocks(pixels: Pixels) -> Iterator[Text]:
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        line = Text()
        for front, back in zip(upper.tolist(), lower.tolist(), strict=True):
            colours = ("#{:02x}{:02x}{:02x}".format(*colour) for colour in (front, back))
            line.append("▀", Style(color=next(colours), bgcolor=next(colours)))
        yield line
