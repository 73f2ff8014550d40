"""A job: what is asked of which rows, and the folder where all of it is kept.

::

    job/job.json          what is asked, and of what: a job goes on only as the same job
    job/input/            the files of CSV, rewritten as Parquet
    job/runs/             a file for each run, see facegate.batch.lease
    job/chunks/           the ledgers of chunks that are worked on
    job/parts/            the result: a Parquet file for each chunk, and its figures
    job/summary.json      the figures of all, and the digest of every part
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from facegate.batch import source
from facegate.batch.asking import Asked
from facegate.batch.parts import Part
from facegate.batch.scoring import templated
from facegate.batch.settings import ASKED, SCORED, BatchSettings
from facegate.batch.source import Source, inputs, sha256_of
from facegate.config import Config
from facegate.errors import ConfigurationError, InvalidRequest
from facegate.model import Operation
from facegate.opening import Setup, observers
from facegate.providers.registry import Registry, plugin_versions
from facegate.routing.route import Route
from facegate.thresholds import Wanted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be done, in whose words it is ordered.

    What is None is as ``[batch]`` says.

    Attributes:
        files: CSV or Parquet files of pairs, or of pictures for all pairs.
        out: the job's folder; the same one goes on with a job.
        config: the configuration's file; the usual one if absent.
        name: the route or provider to ask; the default one if absent.
        operation: the question.
        threshold: similarity that a match takes.
        liveness_threshold: liveness score that a pass takes.
        chunk: rows of a chunk.
        at_once: questions in flight, in each worker.
        on: the cluster whose workers do it, see :func:`facegate.batch.engines.engine`; this
            machine if absent.
        workers: chunks that are worked on at a time; one, or what the cluster has, if absent.
        most: money that the job may cost, all runs together.
        again: which rows are asked again that have an error: none if absent.
        unknown: what becomes of rows that were being asked when a worker was killed.
        group_by: a column by which the rows of a chunk are ordered before they are asked.
        all_pairs: ask all pairs of the pictures that the files list.
    """

    files: Sequence[Path]
    out: Path
    config: str | None = None
    name: str | None = None
    operation: Operation = Operation.COMPARE
    threshold: str | None = None
    liveness_threshold: str | None = None
    chunk: int | None = None
    at_once: int | None = None
    on: str | None = None
    workers: int | None = None
    most: float | None = None
    again: Literal["failed"] | None = None
    unknown: Literal["ask", "skip"] = "ask"
    group_by: str | None = None
    all_pairs: bool = False


@dataclass(frozen=True)
class Opened:
    """A configuration as a job takes it.

    Attributes:
        loaded: the configuration.
        name: the route or provider that is asked.
        setup: the arguments of a verifier: without the journal, since the job is its own record,
            and without a shadow, whose questions no limit of money would count.
        settings: the ``[batch]`` table.
    """

    loaded: Config
    name: str
    setup: Setup
    settings: BatchSettings

    @classmethod
    def of(cls, config: str | None, name: str | None) -> Opened:
        """Read a configuration.

        Raises:
            ConfigurationError: naming the key that is at fault.
        """
        loaded, registry = Config.load(config), Registry()
        named = loaded.named(registry, name)
        route = replace(loaded.route(registry, named, states={}), shadow=None)
        settings = BatchSettings.of(loaded.document.batch, loaded.source)
        intake = loaded.intake
        return cls(
            loaded, named, Setup(route=route, intake=intake, observers=observers(loaded)), settings
        )


@dataclass(frozen=True)
class Job:
    """A job as its folder has it.

    Attributes:
        folder: the folder.
        id: 12 hexadecimal digits, of all that makes it this job.
        source: its rows.
        operation: the question.
        wanted: the thresholds that are asked for.
        chunk: rows of a chunk.
        configuration: digest of the configuration.
        root: the folder that pictures must lie in; None for anywhere.
    """

    folder: Path
    id: str
    source: Source
    operation: Operation
    wanted: Wanted
    chunk: int
    configuration: str | None
    root: Path | None

    @classmethod
    def read(cls, folder: Path) -> Job:
        """The job of a folder.

        Raises:
            InvalidRequest: there is none.
        """
        data = _written(folder)
        identity = data["identity"]
        try:
            return cls(
                folder,
                data["job"],
                Source.of_data(data["source"], folder.absolute()),
                Operation(identity["operation"]),
                Wanted(
                    threshold=identity["threshold"],
                    liveness_threshold=identity["liveness threshold"],
                ),
                identity["chunk"],
                identity["configuration"],
                Path(identity["root"]) if identity["root"] else None,
            )
        except (KeyError, TypeError, ValueError):
            raise _damaged(folder) from None

    @classmethod
    def begun(cls, order: Order, opened: Opened, database: DuckDBPyConnection) -> Job:
        """Begin a job, or go on with it.

        Raises:
            ConfigurationError: the folder holds another job, or something else.
            InvalidRequest: the files cannot be asked.
        """
        if (before := begun_before(order, opened)) is not None:
            return before
        folder, identity = order.out, _identity(order, opened)
        for name in ("input", "chunks", "parts"):
            (folder / name).mkdir(exist_ok=True)
        root = opened.settings.root
        listed = inputs(database, order.files, root, folder / "input")
        rows = Source(listed, order.all_pairs, order.group_by)
        source.check(database, rows, order.operation)
        data = {
            "job": _id_of(identity),
            "identity": identity,
            "source": rows.as_data(folder.absolute()),
        }
        write_whole(folder / "job.json", data)
        return cls.read(folder)

    @property
    def asked(self) -> Asked:
        """What is asked of every row."""
        return Asked(self.id, self.operation, self.wanted)

    @property
    def chunks(self) -> range:
        """Numbers of the chunks."""
        return range(-(-self.source.rows // self.chunk))

    @property
    def ledgers(self) -> Path:
        """The folder of the ledgers."""
        return self.folder / "chunks"

    @property
    def parts(self) -> Path:
        """The folder of the parts."""
        return self.folder / "parts"

    def bounds(self, chunk: int) -> tuple[int, int]:
        """The first and the last row of a chunk, from 1 on."""
        return chunk * self.chunk + 1, min((chunk + 1) * self.chunk, self.source.rows)

    def refuse_other_software(self, route: Route) -> None:
        """Refuse to go on with other software, or another configuration, than the job's.

        Raises:
            ConfigurationError: naming what differs.
        """
        before = _written(self.folder)["identity"]
        for what, now in _software(route).items():
            if before.get(what) != now:
                raise ConfigurationError(
                    f"{what} is {now} there, and {before.get(what)} where the job began; all"
                    " workers have the same"
                )

    def done(self, open_chunks: set[int]) -> dict[int, Part]:
        """The parts of chunks that nobody has to work on, by chunk.

        Raises:
            InvalidRequest: one of them is gone, or is not as it was written.
        """
        found = {
            chunk: Part.written(self.parts, chunk)
            for chunk in self.chunks
            if chunk not in open_chunks
        }
        return {chunk: part for chunk, part in found.items() if part is not None}


def begun_before(order: Order, opened: Opened) -> Job | None:
    """The job that an order goes on with; None where its folder holds none.

    Raises:
        ConfigurationError: the folder holds another job.
    """
    if not (order.out / "job.json").exists():
        return None
    job = Job.read(order.out)
    _refuse_another(order.out, _identity(order, opened))
    return job


def write_whole(path: Path, data: Mapping[str, Any]) -> bytes:
    """Write JSON so that the file is there as a whole or not at all; gives its bytes.

    Raises:
        InvalidRequest: it cannot be written.
    """
    content = json.dumps(data, indent=2).encode() + b"\n"
    made = path.with_suffix(".made")
    try:
        made.write_bytes(content)
        made.replace(path)
    except OSError as error:
        raise InvalidRequest(f"cannot write {path}: {error.strerror}") from None
    return content


def _identity(order: Order, opened: Opened) -> dict[str, Any]:
    """All that makes a job this one, by what to call it in a message."""
    route = opened.setup.route
    files = {f"file {each.name}": sha256_of(each) for each in order.files}
    if len(files) < len(order.files):
        raise InvalidRequest(
            "two files have the same name; rename one, so that rows tell them apart"
        )
    usual = SCORED if order.all_pairs and templated(route, order.operation) else ASKED
    return {
        **files,
        "operation": str(order.operation),
        "route or provider": opened.name,
        "threshold": order.threshold,
        "liveness threshold": order.liveness_threshold,
        "chunk": order.chunk or opened.settings.chunk or usual,
        "group by": order.group_by,
        "all pairs": order.all_pairs,
        "root": opened.settings.root and str(opened.settings.root.absolute()),
        **_software(route),
    }


def _software(route: Route) -> dict[str, Any]:
    """What answers here, by what to call it in a message."""
    software: dict[str, Any] = {"facegate": version("facegate"), "configuration": route.digest}
    for provider in route.providers:
        plugin = provider.info.plugin
        software |= {
            f"version of plugin {plugin}": plugin_versions().get(plugin),
            f"lineage of {provider.name}": provider.info.lineage,
            f"fingerprint of {provider.name}": provider.fingerprint(),
        }
    return software


def _written(folder: Path) -> dict[str, Any]:
    """What the folder says of its job, as it was written."""
    try:
        data: Any = json.loads((folder / "job.json").read_bytes())
    except OSError:
        raise InvalidRequest(f"{folder} holds no job") from None
    except ValueError:
        raise _damaged(folder) from None
    identity = data.get("identity") if isinstance(data, dict) else None
    if not isinstance(identity, dict) or data.get("job") != _id_of(identity):
        raise _damaged(folder)
    written: dict[str, Any] = data
    return written


def _id_of(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]


def _damaged(folder: Path) -> InvalidRequest:
    return InvalidRequest(
        f"{folder}: job.json is not as it was written; put it back from a copy, or begin the job"
        " anew in another folder"
    )


def _refuse_another(folder: Path, identity: Mapping[str, Any]) -> None:
    before = _written(folder)["identity"]
    for what in {**before, **identity}:
        was, now = before.get(what), identity.get(what)
        if was != now:
            raise ConfigurationError(
                f"{folder}: {what} was {was}, and is {now} now; the job goes on only as it began:"
                " put that back, or begin another one in another folder"
            )
