"""What a journal holds of requests, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from facegate.cli.terminal import console
from facegate.journal.lookup import Detail, Page
from facegate.journal.rows import Act, AttemptRow, LabelRow, RequestRow, ReviewRow, ReviewState
from facegate.model import Decision

_LABELS = {
    Decision.ACCEPT: (" ACCEPTED ", "bold white on green"),
    Decision.REVIEW: (" REVIEW ", "bold black on yellow"),
    Decision.REJECT: (" REJECTED ", "bold white on red"),
}
_ACTS = {Act.CLAIM: "claimed it", Act.RELEASE: "gave it back", Act.UNDO: "took the verdict back"}


def show_page(page: Page) -> None:
    """Print requests, a line each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("when", "request", "operation", "outcome", "scores", "provider", "route"):
        table.add_column(column)
    for row in page.decisions:
        scores = "  ".join(f"{name} {text}" for name, text in _scores(row))
        cells = (row.operation, _outcome(row), scores, row.provider, row.route)
        table.add_row(_when(row.at), row.request_id, *cells)
    console().print(table)
    if page.next is not None:
        console(stderr=True).print(Text(f"there are more: --before {page.next}", "dim"))


def show_detail(detail: Detail) -> None:
    """Print all that is recorded of one request."""
    row = detail.decision
    parts: list[RenderableType] = [_head(row), _facts(row)]
    sections = {
        "attempts": _attempts(detail.attempts),
        "shadows": _shadows(detail.shadows),
        "what was found out": _labels(detail.labels),
        "reviews": _reviews(detail.reviews),
    }
    for title, section in sections.items():
        if section.row_count:
            parts += [Text(f"\n{title}", "bold"), section]
    if detail.repeats:
        others = ", ".join(detail.repeats)
        parts.append(Text(f"\nother requests that were given the same id: {others}", "yellow"))
    console().print(Group(*parts))


def _head(row: RequestRow) -> Text:
    facts = f"  {row.operation}  {row.request_id}  "
    return Text.assemble(_outcome(row), facts, (_milliseconds(row.seconds), "dim"))


def _outcome(row: RequestRow) -> Text:
    if row.decision is None:
        return Text(f" {row.error_code} ", "bold white on red")
    outcome = Text(*_LABELS[row.decision])
    if row.final is not None and row.final is not row.decision:
        outcome = Text.assemble(outcome, " then ", _LABELS[row.final])
    return outcome + Text(" (judged by the caller)" if row.judged_by_caller else "")


def _facts(row: RequestRow) -> Table:
    version = f" {row.plugin_version}" if row.plugin_version else ""
    engine = f", {row.engine}" if row.engine else ""
    facts = {
        "when": _when(row.at),
        **dict(_scores(row)),
        "provider": f"{row.provider} ({row.plugin}{version}, {row.lineage}{engine})"
        if row.provider
        else None,
        "route": f"{row.route}, arm {row.arm}" if row.arm else row.route,
        "billed": f"{row.billed}" + ("" if row.cost is None else f", {row.cost:g}"),
        "caller": row.caller,
        "subject": row.subject,
        "consent": " for ".join(filter(None, (row.consent_reference, row.consent_purpose))),
        "calibration": row.calibration,
        "configuration": row.configuration,
        "given id": row.given_id,
        "review": None if row.review in (None, ReviewState.DONE) else row.review,
        "record": f"{row.seq}",
    }
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, fact in facts.items():
        if fact:
            table.add_row(name, fact)
    return table


def _scores(row: RequestRow) -> Iterator[tuple[str, str]]:
    """Each score that there is, beside its threshold."""
    scores = {
        "match": (row.match_score, row.match_threshold),
        "liveness": (row.liveness_score, row.liveness_threshold),
    }
    for name, (score, threshold) in scores.items():
        if score is not None and threshold is not None:
            yield name, f"{score:.4g} {'>=' if score >= threshold else '<'} {threshold:g}"
        elif score is not None:
            yield name, f"{score:.4g}"


def _attempts(attempts: Sequence[AttemptRow]) -> Table:
    table = _table()
    for each in attempts:
        version = f" {each.plugin_version}" if each.plugin_version else ""
        about = " ".join(filter(None, (each.step, each.image and f"on {each.image}")))
        table.add_row(
            Text(f"{each.number}", "dim"),
            f"{each.provider} ({each.plugin}{version})",
            about,
            each.error_code or "answered",
            _milliseconds(each.seconds),
            f"billed: {each.billed}" + ("" if each.cost is None else f", {each.cost:g}"),
        )
    return table


def _shadows(shadows: Sequence[RequestRow]) -> Table:
    table = _table()
    for row in shadows:
        scores = "  ".join(f"{name} {text}" for name, text in _scores(row))
        table.add_row(row.provider, _outcome(row), scores, _milliseconds(row.seconds))
    return table


def _labels(labels: Sequence[LabelRow]) -> Table:
    table = _table()
    for each in labels:
        words = {
            "the claimed person" if each.genuine else "an impostor": each.genuine,
            "a presentation attack" if each.spoof else "no presentation attack": each.spoof,
        }
        known = ", ".join(word for word, value in words.items() if value is not None)
        text = f"taken back; known: {known or 'nothing'}" if each.withdraws else known
        table.add_row(Text(_when(each.at), "dim"), text, each.caller or "")
    return table


def _reviews(reviews: Sequence[ReviewRow]) -> Table:
    table = _table()
    for each in reviews:
        said = _ACTS.get(each.act, f"{each.verdict}: {each.reason}")
        found = f"found: {each.found}" if each.found else ""
        table.add_row(Text(_when(each.at), "dim"), each.caller, said, found)
    return table


def _table() -> Table:
    return Table(box=None, pad_edge=False, show_header=False)


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
