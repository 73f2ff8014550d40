"""The client of Tencent Cloud's face recognition."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from pydantic import Field

from facegate import plugin as fg
from facegate_tencent import wire
from facegate_tencent.errors import ERRORS


class TencentSettings(fg.HttpSettings):
    """What can be set for Tencent Cloud, beside what every provider behind HTTP has."""

    base_url: str = Field("https://iai.tencentcloudapi.com", description="Where the API is.")
    region: str = Field(pattern="^[a-z0-9-]+$", description="Sent as X-TC-Region.")
    secret_id: fg.HeaderSecret = Field(description="The SecretId of an API key.")
    secret_key: fg.HeaderSecret = Field(description="Its SecretKey, which signs and is not sent.")
    token: fg.HeaderSecret | None = Field(None, description="Of temporary credentials.")
    model_version: wire.Model = fg.moves_scores(wire.NEWEST, description="Model that compares.")
    quality_control: int = fg.per_call(0, ge=0, le=4, description="Quality needed, 0 (any) to 4.")
    parallel: int = Field(4, ge=1, le=32, description="Gallery pictures asked about at a time.")


_Probe = fg.LivenessRequest[TencentSettings] | fg.CompareLiveRequest[TencentSettings]
_Pair = fg.CompareRequest[TencentSettings] | fg.CompareLiveRequest[TencentSettings]


class Tencent(fg.HttpProvider[TencentSettings]):
    """Scores, so facegate decides. Liveness is asked for first, and a spoof is not compared."""

    settings_type = TencentSettings
    errors = ERRORS.table
    info = fg.ProviderInfo(
        plugin="tencent",
        lineage="tencent-iai",
        # It does not say that they are deleted.
        handling=fg.Handling("Tencent", keeps=fg.Kept.PICTURE, enrols=False, searches=False),
        formats=wire.FORMATS,
        match=wire.MATCH[wire.NEWEST],
        liveness=wire.LIVE,
        pictures=wire.PICTURES,
        several_faces=fg.SeveralFaces(fg.FacePolicy.LARGEST, fg.FacePolicy.LARGEST),
        steps=frozenset({"liveness", "compare"}),
        notes=(
            "Tencent measured the error rates of its thresholds itself, on pictures of its own.",
            "Its liveness looks for a face on a screen or in print, on one picture, and no more.",
            "compare_live is two calls, each charged for; a spoof is one, as it is not compared.",
            "A gallery of n pictures takes n calls; up to n times as many strangers match.",
            "It does not say which of two pictures it could not use.",
        ),
    )

    def __init__(self, settings: TencentSettings, name: str | None = None) -> None:
        super().__init__(settings, name)
        handling = replace(self.info.handling, region=settings.region)
        self.info = replace(self.info, handling=handling, match=wire.MATCH[settings.model_version])

    def headers(self) -> Mapping[str, str]:
        region, token = self.settings.region, self.settings.token
        of_token = {wire.TOKEN: token.get_secret_value()} if token else {}
        return {wire.VERSION: wire.OF_2020, "x-tc-region": region, **of_token}

    def signed(self, request: fg.HttpRequest) -> fg.HttpRequest:
        given = self.settings
        return wire.SIGNING.signed(request, given.secret_id, given.secret_key, self.clock())

    def failed(self, reply: fg.HttpReply) -> bool:
        return super().failed(reply) or self.error_code(reply) is not None

    def error_code(self, reply: fg.HttpReply) -> str | None:
        try:
            return str(json.loads(reply.body)["Response"]["Error"]["Code"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def compare(self, request: _Pair) -> fg.Flow[fg.Answer]:
        model = request.settings.model_version

        def ask(image: fg.Image) -> fg.Flow[wire.Scored]:
            asked = wire.Compare[fg.Picture](
                ImageA=request.probe,
                ImageB=image,
                FaceModelVersion=model,
                QualityControl=request.settings.quality_control,
                FaceMatchingStrategy=wire.LARGEST_FACE,
            )
            return self.step("compare", self._scored(wire.COMPARE, model, asked))

        told = yield from self.for_each(request.gallery, ask, request.settings.parallel)
        scores = tuple(each.Score for each in told)
        best = told[scores.index(max(scores))]
        match = wire.MATCH[model].match(best.Score, request.threshold, scores)
        return fg.Answer(match, None, best.RequestId, engine=best.FaceModelVersion)

    def liveness(self, request: _Probe) -> fg.Flow[fg.Answer]:
        asked = wire.CheckLiveness[fg.Picture](Image=request.probe)
        try:
            told = yield from self.step("liveness", self._scored(wire.LIVENESS, wire.NEWEST, asked))
        except (fg.CaptureRejected, fg.ImageRejected) as error:
            error.image = "probe"
            raise
        live = wire.LIVE.liveness(told.Score, request.liveness_threshold)
        return fg.Answer(None, live, told.RequestId, engine=told.FaceModelVersion)

    def compare_live(self, request: fg.CompareLiveRequest[TencentSettings]) -> fg.Flow[fg.Answer]:
        judged = yield from self.liveness(request)
        if judged.liveness is None or not judged.liveness.passed:
            return judged
        return replace((yield from self.compare(request)), liveness=judged.liveness)

    def _scored(self, action: str, model: str, message: fg.WireModel) -> fg.Flow[wire.Scored]:
        """A score, of the model that was asked for."""
        reply = yield from self.post("/", message, wire.Reply, headers={wire.ACTION: action})
        fg.same_engine(model, reply.Response.FaceModelVersion)
        return reply.Response
