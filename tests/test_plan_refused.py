"""Routes that cannot be, each refused with its path in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from configured import MAIN_AND_BACKUP, load
from facegate import ConfigurationError

REFUSED = [
    ("[routes.kyc]", "routes.kyc: give one of: to"),
    ('[routes.kyc]\nto = "main"\nfailover = ["main"]', "routes.kyc: give one of: to"),
    ("[routes.kyc]\nsplit = {}", "routes.kyc: give one of: to"),
    ('[routes.kyc]\nfailover = ["main", "main"]', "routes.kyc: failover names one twice"),
    ("[routes.kyc]\nsplit = { main = 0, backup = 0 }", "routes.kyc: split gives nobody any weight"),
    ("[routes.kyc]\nsplit = { main = -1 }", "routes.kyc.split.main: .*greater than or equal to 0"),
    ("[routes.kyc]\nsplit = { main = inf }", "routes.kyc.split.main: .*finite"),
    ('[routes.kyc]\nto = "mian"', "routes.kyc.to: .*'mian'; did you mean 'main'"),
    ('[routes.kyc]\nfailover = ["main", "x"]', "routes.kyc.failover: no .* is called 'x'$"),
    ('[routes.kyc]\nto = "main"\nshadow = { to = "x", sample = 1 }', "routes.kyc.shadow.to: no "),
    ('[routes.kyc]\nto = "main"\nshadow = { to = "backup", sample = 1.5 }', ".*shadow.sample: .*1"),
    (
        '[routes.kyc]\nto = "main"\nshadow = { to = "backup" }',
        "routes.kyc.shadow.sample: Fie",
    ),
    ('[routes.kyc]\nto = "main"\nmax_attempts = 0', "routes.kyc.max_attempts: .*equal to 1"),
    ('[routes.kyc]\nto = "main"\ndeadline_s = 0', "routes.kyc.deadline_s: .*greater than 0"),
    ('[routes.kyc]\nto = "main"\nretries = 2', "routes.kyc.retries: no such key"),
    ('[routes.kyc]\nto = "main"\nretry = { atempts = 2 }', "routes.kyc.retry.atempts: no such key"),
    ('[routes.main]\nto = "backup"', "routes.main: a provider is called 'main' as well"),
    ('[routes.kyc]\nto = "kyc"', "routes.kyc goes in a circle: kyc -> kyc"),
    (
        '[routes.a]\nfailover = ["main", "b"]\n[routes.b]\nto = "c"\n[routes.c]\nsplit = { a = 1 }',
        "routes.a goes in a circle: a -> b -> c -> a",
    ),
    (
        '[routes.kyc]\nto = "main"\nshadow = { to = "kyc", sample = 1 }',
        "routes.kyc goes in a circle: kyc -> kyc",
    ),
    (
        '[routes.a]\nto = "b"\n[routes.b]\nto = "main"\nshadow = { to = "backup", sample = 1 }',
        "routes.b.shadow: b is a part of a; .* in routes.a",
    ),
    (
        '[routes.a]\nto = "b"\n[routes.b]\nto = "main"\n[routes.b.policy.compare]\nthreshold = 0.9',
        "routes.b.policy: b is a part of a",
    ),
    (
        '[routes.kyc]\nto = "main"\n[routes.kyc.policy.liveness]\nthreshold = 0.9',
        "routes.kyc: policy.liveness.threshold would never be used",
    ),
    (
        '[routes.kyc]\nto = "main"\n[routes.kyc.policy.compare]\nliveness_threshold = 0.9',
        "routes.kyc: policy.compare.liveness_threshold would never be used",
    ),
    (
        '[routes.kyc]\nto = "main"\n[routes.kyc.policy.compare]\nthreshold = true',
        "routes.kyc.policy.compare.threshold: must be a number, not true or false",
    ),
    ('[routes.kyc]\nto = "main"\n[routes.kyc.policy.identify]', "routes.kyc.policy.identify: "),
    ("[breaker]\nopen = 3", "breaker: no such key: open; did you mean 'open_s'"),
    ("[breaker.main]\nopen = 3", "breaker.main.open: no such key"),
    ("[breaker.mian]\nopen_s = 3", "breaker.mian: .*'mian'; did you mean 'main'"),
    ("[limits.kyc]\nrate = '1/second'", "limits.kyc: no provider is called 'kyc'"),
    ("[limits.main]\nrate = '1/fortnight'", "limits.main.rate: .*10/second"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_is_refused_with_its_path(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"facegate\.toml: {message}"):
        load(tmp_path, MAIN_AND_BACKUP + text)
