"""The API of acme's made-up vendor, target as its plugin would speak it; see :mod:`acme`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import httpx

from acme import DOCUMENT, PROBE, Scripted
from facegate import AsyncFaceVerifier
from facegate.gateway import Limits, Sandbox, create_app, serving
from facegate.model import Operation
from facegate.plugin import (
    Answer,
    CompatibleApi,
    CompatibleApiSettings,
    DecodedRequest,
    FacegateError,
    HttpReply,
    HttpRequest,
    Image,
    ImageRejected,
    Provider,
    RateLimited,
    Scale,
    ScoreSpec,
    VendorError,
    json_reply,
)

KEY = "key-5b1f0d7c92"
PERCENT = Scale(name="acme percent", high=100.0)


class ApiSettings(CompatibleApiSettings):
    shout: bool = False


class AcmeApi(CompatibleApi[ApiSettings]):
    """Scores in percent, a match from 70 on, live above 40."""

    plugin = "acme"
    routes: ClassVar = {
        "/v1/compare": frozenset({"POST"}),
        "/v1/compare-live": frozenset({"POST"}),
        "/v1/liveness": frozenset({"POST"}),
        "/v1/renew": frozenset({"GET"}),
    }
    match = ScoreSpec(PERCENT, 70.0)
    liveness = ScoreSpec(PERCENT, 40.0, strict=True)
    errors: ClassVar = {
        "bad_token": VendorError(401, {"code": "bad_token"}),
        "bad_image": VendorError(422, {"code": "bad_image"}),
        "bad_request": VendorError(400, {"code": "bad_request"}),
        "slow_down": VendorError(429, {"code": "slow_down"}),
        "down": VendorError(503, {"code": "down"}),
    }
    wrong_key = "bad_token"
    settings_type = ApiSettings

    def presented(self, request: HttpRequest) -> str:
        return super().presented(request).removeprefix("Token ")

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        path, _, query = request.url.removeprefix("http://gateway").partition("?")
        if path == "/v1/renew":
            return json_reply(200, {"renewed": query})
        try:
            message = json.loads(b"".join(request.body))
            operation = Operation(path.removeprefix("/v1/").replace("-", "_"))
        except ValueError:
            return self.error("bad_request")
        return DecodedRequest(
            operation,
            self._source(message["probe"], "probe"),
            tuple(
                self._source(each, f"gallery[{n}]")
                for n, each in enumerate(message.get("gallery", ()))
            ),
            message.get("minScore"),
            message.get("minLive"),
            {"mode": message["mode"]} if "mode" in message else {},
            context=path,
        )

    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        body: dict[str, Any] = {}
        if answer.match is not None:
            body |= {"same": answer.match.is_match, "score": answer.match.score}
        if answer.liveness is not None:
            body |= {"live": answer.liveness.passed, "liveScore": answer.liveness.score}
        return json_reply(200, body)

    def encode_error(self, error: FacegateError) -> HttpReply:
        more = {"class": error.code, "image": error.image}
        match error:
            case ImageRejected():
                return self.error("bad_image", **more)
            case RateLimited(retry_after=wait):
                return self.error("slow_down", retryAfter=wait, **more)
            case _ if error.http_status == 400:
                return self.error("bad_request", **more)
        return self.error("down", **more)

    def _source(self, text: str, role: str) -> Image | str:
        return text if text.startswith(("https:", "http:", "/")) else self.picture(text, role)


def acme_api(*keys: str, **settings: Any) -> AcmeApi:
    return AcmeApi(ApiSettings.model_validate(settings), keys)


def question(**more: Any) -> dict[str, Any]:
    """A whole request in the vendor's words."""
    probe, document = (base64.b64encode(each).decode() for each in (PROBE, DOCUMENT))
    return {"probe": probe, "gallery": [document], **more}


def saying(*answers: Answer | FacegateError) -> Callable[[Any], Any]:
    """A script that gives these answers, the last one ever after."""
    left = list(answers)

    def script(request: Any) -> Any:
        answer = left.pop(0) if len(left) > 1 else left[0]
        yield from ()
        if isinstance(answer, FacegateError):
            raise answer
        return answer

    return script


@contextmanager
def front(
    provider: Provider | Answer | FacegateError,
    *apis: CompatibleApi,
    limits: Limits | None = None,
    sandbox: Sandbox | None = None,
    public_url: str | None = None,
    **headers: str,
) -> Iterator[httpx.Client]:
    """A client of the API, which ``provider`` answers: one of its own, or of one answer."""
    asked = provider if isinstance(provider, Provider) else Scripted(saying(provider))
    app = create_app(
        apis or [acme_api()], lambda: AsyncFaceVerifier(asked), limits, sandbox, public_url
    )
    with (
        serving(app, limits) as url,
        httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as client,
    ):
        yield client
