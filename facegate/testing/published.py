"""Examples that a vendor published, kept as cassettes, as rows of the contract's data.

::

    EXAMPLES = Path(__file__).parents[3] / "cassettes" / "acme"

    class TestAcme(HttpProviderContract):
        documented = documented_in(EXAMPLES, [COMPARE, LIVENESS])
        failures = failures_in(EXAMPLES, [COMPARE, LIVENESS])
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from facegate import CaptureReason, errors
from facegate.testing.cases import Documented, Failure, VendorCall
from facegate.testing.cassettes import PathLike, Scenario, read

_MEANING = {"error", "reason"}


def documented_in(
    folder: str | os.PathLike[str], calls: Sequence[VendorCall]
) -> tuple[Documented, ...]:
    """Every published answer in a folder of cassettes.

    Args:
        folder: of one provider.
        calls: every way of asking; an example belongs to the first with its operation and path.

    Raises:
        FileNotFoundError: the folder has no cassettes.
        LookupError: an example belongs to none of the calls.
    """
    return tuple(
        Documented(
            call,
            body,
            {"accepted": scenario.expected["decision"] == "accept", **scenario.expected},
            status,
            path.stem,
            asked=_asked(scenario),
        )
        for path, scenario, call, status, _, body in _examples(folder, calls)
        if "error" not in scenario.expected
    )


def failures_in(folder: str | os.PathLike[str], calls: Sequence[VendorCall]) -> tuple[Failure, ...]:
    """Every published error in a folder of cassettes; see :func:`documented_in`."""
    return tuple(
        Failure(
            status,
            body,
            _raises(scenario.expected),
            headers,
            {name: value for name, value in scenario.expected.items() if name not in _MEANING},
            call,
            path.stem,
            asked=_asked(scenario),
        )
        for path, scenario, call, status, headers, body in _examples(folder, calls)
        if "error" in scenario.expected
    )


def _examples(
    folder: PathLike, calls: Sequence[VendorCall]
) -> Iterator[tuple[Path, Scenario, VendorCall, int, Mapping[str, str], Any]]:
    paths = sorted(Path(folder).glob("*.yaml"))
    if not paths:
        raise FileNotFoundError(f"no cassettes in {os.fspath(folder)}")
    for path in paths:
        scenario = Scenario.load(path)
        if scenario.source == "documentation":
            exchange = read(path)["interactions"][-1]
            reply = exchange["response"]
            headers = {name: values[0] for name, values in reply["headers"].items()}
            call = _call(scenario, exchange["request"]["uri"], calls)
            yield path, scenario, call, reply["status"]["code"], headers, _data(reply)


def _call(scenario: Scenario, url: str, calls: Sequence[VendorCall]) -> VendorCall:
    whole = urlsplit(url).path
    for call in calls:
        path = call.endpoint.path.partition("?")[0]
        if call.operation is scenario.question.operation and whole.endswith(path):
            return call
    raise LookupError(f"{scenario.question.operation} at {whole} is not among the calls")


def _data(reply: Mapping[str, Any]) -> Any:
    text = reply["body"]["string"]
    try:
        return json.loads(text)
    except ValueError:
        return text if isinstance(text, bytes) else text.encode()


def _raises(expected: Mapping[str, Any]) -> Any:
    reason = expected.get("reason")
    return CaptureReason(reason) if reason else getattr(errors, expected["error"])


def _asked(scenario: Scenario) -> dict[str, Any]:
    question = scenario.question
    thresholds = {
        "threshold": question.threshold,
        "liveness_threshold": question.liveness_threshold,
    }
    given: dict[str, Any] = {name: each for name, each in thresholds.items() if each is not None}
    return given | {"options": (question.options or {}).get(scenario.plugin, {})}
