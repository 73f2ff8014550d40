"""What the native API answers to the console, from lists that a test changes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from browsers import opened
from facegate.errors import FacegateError, InvalidRequest
from facegate.gateway import serving
from facegate.gateway.console.routes import console_routes
from facegate.gateway.console.session import Sessions
from facegate.gateway.keys import Caller, KeyRefused
from facegate.gateway.native.problems import of_error

Json = dict[str, Any]

KEY = "fg_reviewer"
CLAIM_ENDS = "2026-03-02T09:30:00Z"
ME, OTHER = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
SCOPES = ("verify", "decisions:read", "label", "review", "metrics", "admin")
EVIL = "<img src=x onerror=alert(1)>\u202egnp.exe<script>document.title='owned'</script>&amp;'\""
"""A name that would be markup, and turns the direction of writing."""
HOSTILE = EVIL + "w" * (200 - len(EVIL))


def row(seq: int, **changes: Any) -> Json:
    """A decision, as the journal tells of it."""
    return {
        "seq": seq,
        "at": f"2026-03-02T09:{seq // 60 % 60:02}:{seq % 60:02}.218000Z",
        "request_id": f"order-{seq}",
        "operation": "compare_live",
        "route": "kyc",
        "arm": "main",
        "shadow": False,
        "provider": "main",
        "plugin": "acme",
        "plugin_version": "0.1.0",
        "lineage": "acme/one",
        "engine": None,
        "decision": "accept",
        "final": "accept",
        "error_code": None,
        "match_score": 0.84463,
        "match_threshold": 0.7,
        "liveness_score": 0.9997,
        "liveness_threshold": 0.5,
        "seconds": 0.231,
        "attempts": 1,
        "billed": "yes",
        "cost": 0.05,
        "caller": ME,
        "configuration": "5d1f0c7a9b21",
        "calibration": "0123456789ab",
        "consent_reference": "consent-2026-0412",
        "consent_purpose": "opening an account",
        "judged_by_caller": False,
        "genuine": None,
        "spoof": None,
        "review": None,
        **changes,
    }


def case(number: int, **changes: Any) -> Json:
    """A near miss that waits for somebody."""
    near = row(number, decision="review", final="review", review="open", match_score=0.69)
    return {
        "request_id": near["request_id"],
        "at": near["at"],
        "route": "kyc",
        "decision": near,
        "claimed_by": None,
        "claimed_until": None,
        "verdict": None,
        "verdict_by": None,
        "verdict_until": None,
        "reason": None,
        "confirmations_left": None,
        "case_url": f"https://kyc.example/case/{near['request_id']}",
        **changes,
    }


def key(name: str, key_id: str = ME, **changes: Any) -> Json:
    """A key, as it is listed."""
    return {
        "id": key_id,
        "name": name,
        "home": "journal",
        "scopes": ["verify", "decisions:read"],
        "routes": None,
        "operations": None,
        "rate": "20/second",
        "at_once": 40,
        "budget": "200/day",
        "soft_budget": None,
        "made": "2026-01-01T00:00:00Z",
        "expires": None,
        "revoked": None,
        "rotated_until": None,
        **changes,
    }


PROVIDERS: list[Json] = [
    {
        "name": "main",
        "plugin": "acme",
        "lineage": "acme/one",
        "operations": ["compare", "compare_live", "liveness"],
        "unable": {},
        "resting": ["liveness"],
        "findings": ["the credential ends on 2026-03-31"],
        "limits": {"concurrency": 8, "rate": "20/second", "shared": False},
        "hour": {"requests": 1204, "errors": 3, "p50": 0.231, "p95": 1.28, "cost": 6.2},
        "today": {"requests": 9021, "errors": 8, "p50": 0.24, "p95": 1.31, "cost": 61.25},
        "calibration": {
            "digest": "0123456789ab",
            "by": "measured on 5,693 people",
            "until": "2026-03-01T00:00:00Z",
            "out": True,
        },
        "changed": None,
    },
    {
        "name": "backup",
        "plugin": "local",
        "lineage": "zoo/two",
        "operations": ["compare"],
        "unable": {"compare": "the model is missing; facegate models pull fetches it"},
        "resting": [],
        "findings": [],
        "limits": None,
        "hour": None,
        "today": None,
        "calibration": None,
        "changed": None,
    },
]


def node(kind: str, name: str, *children: Json, **changes: Any) -> Json:
    """A node of a route."""
    more = {"weight": None, "asked_now": True, "attempts": 1, **changes}
    return {"kind": kind, "name": name, "children": list(children), **more}


ROUTES: list[Json] = [
    {
        "name": "kyc",
        "default": True,
        "operations": ["compare", "compare_live"],
        "deadline_s": 10.0,
        "max_attempts": 3,
        "require_consent": True,
        "policy": {"compare": {"threshold": "fmr:1e-4", "review_from": 0.65}},
        "tree": node(
            "split",
            "trial",
            node(
                "failover",
                "steady",
                node("provider", "main", attempts=2),
                node("provider", "backup", asked_now=False),
                weight=0.9,
            ),
            node("provider", "new", weight=0.1),
        ),
        "shadow": node("provider", "candidate"),
        "sample": 0.05,
    },
]
TRIAL: Json = {
    "route": "kyc",
    "headline": "new accepts 2.1 points more people. This does not say who is right more often.",
    "period": "route kyc, 2026-02-01 00:00 to 2026-03-02 09:15 UTC, 12,345 records",
    "statements": [
        {"kind": "differs", "about": "acceptance", "text": "new accepts 2.1 points more people."},
        {"kind": "note", "about": "ratio", "text": "The split is as configured."},
    ],
    "tables": [
        {
            "title": "People",
            "head": ["", "main", "new"],
            "rows": [["people", "9,021", "1,003"], ["accepted", "94.1 %", "96.2 %"]],
        }
    ],
}


@contextlib.contextmanager
def console(browser: Browser, service: Service, page: str = "", **options: Any) -> Iterator[Page]:
    """The console, after the key was typed, at one of its pages."""
    with (
        serving(service.app) as url,
        opened(browser, f"{url}{service.prefix}/console#/{page}", **options) as tab,
    ):
        tab.get_by_label("Key").fill(KEY)
        tab.keyboard.press("Enter")
        expect(tab.get_by_role("button", name="Sign out")).to_be_visible()
        yield tab


class Service:
    """The service; a test puts into its lists what there is, and sees what it was asked.

    Args:
        prefix: the path that leads to it.
        scopes: of the key that signs in.
    """

    def __init__(self, prefix: str = "", scopes: tuple[str, ...] = SCOPES) -> None:
        self.prefix, self.scopes = prefix, scopes
        self.rows: list[Json] = []
        self.cases: list[Json] = []
        self.keys = [key("Review team")]
        self.providers, self.routes = deepcopy((PROVIDERS, ROUTES))
        self.standings: list[Json] = []
        self.trial: Json | None = TRIAL
        self.problems: list[str] = []
        self.four_eyes = False
        self.people: dict[str, str] = {}
        self.unlisted = self.keyless = False
        self.asked: list[str] = []
        self._sessions = Sessions(b"the secret of the tests")

    @property
    def app(self) -> Starlette:
        """The service as an application."""
        everything = Route(
            "/v1/{path:path}", self._answer, methods=["GET", "POST", "PUT", "DELETE"]
        )
        console = console_routes(self, self._sessions, self.prefix)  # type: ignore[arg-type]
        return Starlette(routes=[Mount(self.prefix, routes=[*console, everything])])

    async def sign_in(self, headers: Mapping[str, str]) -> Caller:
        """As the door does it."""
        if headers.get("authorization") != f"Bearer {KEY}" or self._revoked(ME):
            raise KeyRefused("no such key")
        return replace(Caller.local(), id=ME)

    def refuse_foreign(self, headers: Mapping[str, str]) -> None:
        """As the door does it, where all are at home."""

    async def _answer(self, request: Request) -> Response:
        query = request.url.query and f"?{request.url.query}"
        self.asked.append(f"{request.method} {request.path_params['path']}{query}")
        try:
            return await self._reply(request)
        except FacegateError as error:
            reply = of_error(error)
            return Response(reply.body, reply.status, dict(reply.headers))

    async def _reply(self, request: Request) -> Response:
        holder = self._sessions.holder(request.method, request.headers)
        if not self.keyless and (holder is None or self._revoked(ME)):
            raise KeyRefused("present a key")
        body = await request.json() if await request.body() else {}
        match request.path_params["path"].split("/"):
            case ["reviews", *where]:
                return self._review(request.method, where, body)
            case ["keys", *where]:
                return self._key(request.method, where, body)
            case ["decisions", *where]:
                found = self._decision(where[0]) if where else self._decisions(request)
                return JSONResponse(found)
            case ["journal", "verification"]:
                return StreamingResponse(self._verified(), media_type="application/x-ndjson")
            case ["trial"] if self.trial is None:
                return _problem(404, "NotFound", "the route is on no trial")
        who, name = ("local", "local") if self.keyless else (ME, "Review team")
        told = {
            "session": {"caller": who, "name": name, "scopes": self.scopes},
            "providers": {"providers": self.providers},
            "routes": {"routes": self.routes},
            "sentinel": {"providers": self.standings},
            "trial": self.trial,
            "journal": {"head": "20:1f2e3d", "records": 10_000, "begins": 1, "keyed": True},
        }
        return JSONResponse(told[request.path_params["path"]])

    def _decisions(self, request: Request) -> Json:
        query = dict(request.query_params)
        if person := request.headers.get("x-facegate-subject"):
            query["request_id"] = self.people[person.encode("latin-1").decode()]
        limit, after, before = (int(query.pop(n, 0)) for n in ("limit", "after", "before"))
        head = max((each["seq"] for each in self.rows), default=0)
        fitting = [
            each
            for each in self.rows
            if all(each.get(name) == value for name, value in query.items())
            and each["seq"] > after
            and (not before or each["seq"] < before)
        ]
        newest_first = "after" not in request.query_params
        fitting.sort(key=lambda each: each["seq"], reverse=newest_first)
        more = len(fitting) > limit
        page = fitting[:limit]
        return {"decisions": page, "next": page[-1]["seq"] if more else None, "head": head}

    def _decision(self, request_id: str) -> Json:
        found = next((each for each in self.rows if each["request_id"] == request_id), None)
        if found is None:
            raise InvalidRequest(f"no request is called {request_id!r}")
        attempt = {
            "at": found["at"],
            "number": 1,
            "provider": found["provider"],
            "plugin": found["plugin"],
            "plugin_version": found["plugin_version"],
            "image": None,
            "step": None,
            "error_code": "ProviderTimeout",
            "seconds": 5.0,
            "billed": "maybe",
            "cost": 0.05,
            "calibration": found["calibration"],
        }
        review = {"at": found["at"], "caller": OTHER, "verdict": "reject", "found": "impostor"}
        label = {"at": found["at"], "caller": OTHER, "genuine": False, "spoof": None}
        return {
            "decision": found,
            "attempts": [attempt, attempt | {"number": 2, "error_code": None}],
            "shadows": [found | {"shadow": True, "provider": "candidate"}],
            "labels": [label, label | {"genuine": None, "withdraws": True}],
            "reviews": [review | {"act": "verdict", "reason": HOSTILE}],
            "repeats": [f"{request_id}.2"],
            "case_url": "https://kyc.example/case/81",
        }

    async def _verified(self) -> AsyncIterator[bytes]:
        told: Json = {"proves": None, "problems": [], "head": None, "of": 10_000}
        for done in (0, 5_000, 10_000):
            yield _line({"state": "running", "done": done, **told})
        proves = "proves that nobody without the key altered a record"
        last = {"proves": proves, "problems": self.problems, "head": "20:1f2e3d"}
        yield _line({"state": "done", "done": 10_000, **told, **last})

    def _review(self, method: str, where: list[str], body: Json) -> Response:
        if not where:
            shown = [each for each in self.cases if not each["verdict"] or self.four_eyes]
            return JSONResponse({"reviews": shown, "four_eyes": self.four_eyes})
        one = next(each for each in self.cases if each["request_id"] == where[0])
        if one["claimed_by"] == OTHER:
            return _problem(409, "Conflict", "somebody else looks at it")
        claim = {"claimed_by": ME, "claimed_until": CLAIM_ENDS}
        none = {"claimed_by": None, "claimed_until": None}
        match method, where[1:]:
            case "POST", ["claim"]:
                one |= claim
            case "DELETE", ["claim"]:
                one |= none
            case "POST", []:
                left = 1 if self.four_eyes else 0
                given = {"verdict_by": ME, "verdict_until": CLAIM_ENDS, "confirmations_left": left}
                one |= none | body | given
            case "DELETE", []:
                one |= claim | {"verdict": None, "verdict_by": None, "confirmations_left": None}
        return JSONResponse(one)

    def _key(self, method: str, where: list[str], body: Json) -> Response:
        match method, where:
            case "GET", []:
                return JSONResponse({"keys": [] if self.unlisted else self.keys})
            case "POST", []:
                if body.get("rate") == "often":
                    raise InvalidRequest("rate: give one such as 20/second")
                self.keys.append(key(key_id="cccccccccccc", **body))
                return JSONResponse({**self.keys[-1], "key": "fg_cccccccccccc_secret"}, 201)
            case "POST", [key_id, "rotation"]:
                return JSONResponse({**self._named(key_id), "key": f"fg_{key_id}_new"})
            case "DELETE", [key_id]:
                self._named(key_id)["revoked"] = "2026-03-02T09:15:00Z"
                return Response(status_code=204)
        raise AssertionError(where)

    def _named(self, key_id: str) -> Json:
        return next(each for each in self.keys if each["id"] == key_id)

    def _revoked(self, key_id: str) -> bool:
        return self._named(key_id)["revoked"] is not None


def _line(state: Json) -> bytes:
    return bytes(JSONResponse(state).body) + b"\n"


def _problem(status: int, code: str, detail: str) -> Response:
    return JSONResponse({"code": code, "detail": detail, "status": status}, status)
