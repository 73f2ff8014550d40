"""Results, providers, routes and errors on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from facegate.consent import Handling, Kept
from facegate.errors import CaptureRejected, FacegateError
from facegate.model import Attempt, Decision, Operation, Scale, VerificationResult
from facegate.providers.provider import Provider
from facegate.rates import preset
from facegate.scores import ScoreSpec

_LABELS = {
    Decision.ACCEPT: ("ACCEPTED", "bold white on green"),
    Decision.REVIEW: ("REVIEW", "bold black on yellow"),
    Decision.REJECT: ("REJECTED", "bold white on red"),
}
_BAR = 40
_PIPED_WIDTH = 240
"""Columns where stdout is no terminal: lines are better left whole for grep."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would exit with 1, which means rejected here


def console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is: a file may be called ``[bold].jpg``."""
    out = _Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    out.soft_wrap = not out.is_terminal  # a terminal itself would break lines within words
    if not out.is_terminal:
        out.width = _PIPED_WIDTH
    return out


def result(result: VerificationResult, gallery: Sequence[str] = ()) -> RenderableType:
    """One result: the decision, then why.

    Args:
        result: what a verifier answered.
        gallery: names of the gallery pictures, in order.
    """
    label, style = _LABELS[result.decision]
    milliseconds = f"{result.elapsed * 1000:.0f} ms"
    head = Text.assemble((f" {label} ", style), f"  {_summary(result)}  ", (milliseconds, "dim"))
    rows = _grid()
    match, liveness = result.match, result.liveness
    if match is not None and match.score is not None:
        bar = _scale_bar(match.score, match.threshold, match.scale, passed=match.is_match)
        rows.add_row("match", bar)
        for name, score in zip(gallery, match.gallery_scores, strict=False):
            if len(gallery) > 1:
                shown = "".join(c if c.isprintable() else "?" for c in name)
                rows.add_row("", f"{score:.3f}  {shown}" if score is not None else shown)
    if liveness is not None and liveness.score is not None:
        bar = _scale_bar(liveness.score, liveness.threshold, liveness.scale, passed=liveness.passed)
        rows.add_row("liveness", bar)
    if liveness is not None and liveness.reason:
        rows.add_row("reason", liveness.reason)
    rows.add_row("provider", f"{result.provider} ({result.plugin}, {result.lineage})")
    if len(result.attempts) > 1:
        rows.add_row("attempts", Text(", ".join(map(_attempt, result.attempts))))
    for warning in result.warnings:
        rows.add_row("note", Text(warning, "yellow"))
    return Group(head, rows)


def _attempt(attempt: Attempt) -> str:
    picture = f" on {attempt.image}" if attempt.image else ""
    step = f" {attempt.step}" if attempt.step else ""
    return f"{attempt.provider}{step}{picture}: {attempt.error_code or attempt.outcome}"


def failure(error: FacegateError) -> RenderableType:
    """One error: its code, or why the picture was rejected, and its message."""
    kind = str(error.reason) if isinstance(error, CaptureRejected) else error.code
    return Text.assemble((f" {kind} ", "bold white on red"), f"  {error}")


def provider_table(
    providers: Mapping[str, Provider | FacegateError],
    needed: Mapping[str, str],
    absent: Mapping[str, str],
) -> RenderableType:
    """All providers, a line each.

    Args:
        providers: the providers by name, or the error that each ends in.
        needed: settings that those lack which nobody has configured, by name.
        absent: distributions that are not installed, by the name of their plugin.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("provider", "plugin", "operations", "sees the picture", "keeps it", "state"):
        table.add_column(column)
    failed = list[Text]()
    for name, provider in providers.items():
        if isinstance(provider, FacegateError):
            table.add_row(name, "", "", "", "", Text("not usable", "red"))
            failed.append(Text(f"- {name}: {provider.message}"))
            continue
        handling, lacks = provider.info.handling, needed.get(name)
        table.add_row(
            name,
            provider.info.plugin,
            ", ".join(sorted(provider.capabilities)),
            handling.recipient,
            str(handling.keeps),
            Text(f"needs {lacks}", "yellow") if lacks else "ready",
        )
    for name, distribution in absent.items():
        table.add_row(name, name, "", "", "", Text(f"pip install {distribution}", "dim"))
    return Group(table, *failed)


_TRAINS = {True: "trains on them", False: "does not train on them", None: "may train on them"}


def _kept(handling: Handling) -> str:
    kept = {Kept.NOTHING: "nothing", Kept.TEMPLATE: "templates", Kept.PICTURE: "pictures"}
    limit = handling.keeps_for_s
    return kept[handling.keeps] + ("" if limit is None else f" for {limit:g} s")


def provider_page(provider: Provider) -> RenderableType:
    """One provider: what it does, what becomes of a picture there, its settings and notes."""
    info, handling = provider.info, provider.info.handling
    rows = _grid()
    rows.add_row("plugin", info.plugin)
    rows.add_row("operations", ", ".join(sorted(provider.capabilities)))
    rows.add_row("lineage", info.lineage)
    rows.add_row("pictures", ", ".join(sorted(info.formats)))
    several = info.several_faces
    rows.add_row("several faces", f"{several.probe} (probe), {several.gallery} (gallery)")
    rows.add_row("recipient", handling.recipient + (f", {handling.region}" * bool(handling.region)))
    rows.add_row(
        "there",
        f"keeps {_kept(handling)}, "
        f"{'enrols' if handling.enrols else 'does not enrol'} people, "
        f"{'searches' if handling.searches else 'does not search'} among others, "
        f"{_TRAINS[handling.trains]}",
    )
    for name, spec in (("threshold", info.match), ("liveness_threshold", info.liveness)):
        if spec:
            rows.add_row(name, _spec(spec))
            for line in _rates(spec):
                rows.add_row("", line)
    settings = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("setting", "value", ""):
        settings.add_column(column)
    for name, field in provider.settings_type.model_fields.items():
        value = getattr(provider.settings, name)
        settings.add_row(name, "" if value is None else str(value), field.description or "")
    notes = [Text(f"- {note}") for note in info.notes]
    title = Text(provider.name, "bold")
    return Group(title, rows, "", settings, *([Text("\nnotes", "bold")] if notes else []), *notes)


def route_tree(route: Mapping[str, Any]) -> RenderableType:
    """A route as the plan describes it: who is asked, in which order, and within which limits."""
    facts = [
        *_way(route),
        f"within {route['deadline_s']:g} s",
        f"attempts: {route['max_attempts']}",
        *(["consent required"] if route["require_consent"] else []),
    ]
    tree = Tree(Text.assemble((route["name"], "bold"), f"  {', '.join(facts)}"))
    _branch_out(tree, route)
    for operation, policy in route["policy"].items():
        terms = ", ".join(f"{key} {_text(value)}" for key, value in policy.items() if value)
        tree.add(Text.assemble((f"policy for {operation}", "dim"), f"  {terms}"))
    warnings = [Text(f"- {warning}", "yellow") for warning in route["warnings"]]
    return Group(tree, *warnings)


def _branch_out(tree: Tree, node: Mapping[str, Any]) -> None:
    total = sum(child["weight"] or 0 for child in node["children"])
    for child in node["children"]:
        share = "" if child["weight"] is None else f"{100 * child['weight'] / total:.4g} % "
        _branch(tree, child, share)
    if shadow := node["shadow"]:
        _branch(tree, shadow["to"], f"shadow, {100 * shadow['sample']:g} % ")


def _branch(tree: Tree, child: Mapping[str, Any], before: str) -> None:
    name = Text.assemble((before, "cyan"), (child["name"], "bold"))
    if "children" in child:
        _branch_out(tree.add(name + Text(f"  {', '.join(_way(child))}")), child)
        return
    where = ", ".join(filter(None, (child["recipient"], child["region"])))
    facts = [child["plugin"], f"engine {child['lineage']}", f"seen by {where}"]
    facts += ["breaker"] * bool(child["breaker"])
    facts += [f"{key} {value}" for key, value in (child["limits"] or {}).items() if value]
    tree.add(name + Text(f"  {'; '.join(facts)}"))


def _way(node: Mapping[str, Any]) -> Sequence[str]:
    way = [] if node["way"] == "to" else [node["way"]]
    return [*way, *([f"each asked up to {r['attempts']} times"] if (r := node["retry"]) else [])]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{each} for {name}" for name, each in value.items())
    return str(value)


def _summary(result: VerificationResult) -> str:
    review, parts = result.decision is Decision.REVIEW, []
    if result.operation is not Operation.LIVENESS and (match := result.match) is not None:
        different = "a near miss" if review else "not the same person"
        same = "same person" if match.is_match else different
        parts.append("perhaps the same person" if match.uncertain else same)
    if result.operation is not Operation.COMPARE and (liveness := result.liveness) is not None:
        live = "live" if liveness.passed else "not live"
        parts.append("perhaps live" if liveness.uncertain else live)
    return ", ".join(parts) + (": a person should look" if review else "")


def _scale_bar(score: float, threshold: float | None, scale: Scale | None, *, passed: bool) -> Text:
    """The score as a bar on its scale, with a mark where the threshold lies."""
    low, high = (scale.low, scale.high) if scale else (0.0, 1.0)
    place = [round((value - low) / (high - low) * _BAR) for value in (score, threshold or low)]
    reached, left = "=-" if console().options.ascii_only else "━─"
    bar = Text()
    for column in range(_BAR + 1):
        if threshold is not None and column == place[1]:
            bar.append("|", "bold")
        elif column <= place[0]:
            bar.append(reached, "green" if passed else "red")
        else:
            bar.append(left, "dim")
    bar.append(f"  {score:.3f}")
    if threshold is not None:
        bar.append(f" {'>=' if score >= threshold else '<'} {threshold:g}", "dim")
    return bar


def _spec(spec: ScoreSpec) -> str:
    low, high = spec.bounds
    return f"default {spec.threshold:g}, from {low:g} to {high:g}"


def _rates(spec: ScoreSpec) -> Iterator[str]:
    """The known rates, each with what it is within groups; who measured them, and on whom."""
    rates = spec.rates
    if rates is None:
        return
    if rates.refusal:
        yield f"no rates: {rates.refusal}"
        return
    for rate, threshold in rates.presets.items():
        within = rates.within.get(rate, {})
        groups = ", ".join(f"{each:.1e} among {group}" for group, each in within.items())
        yield f"{preset(rate, rates.kind)} = {threshold:g}" + (f": {groups}" * bool(groups))
    yield rates.provenance


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    return table
