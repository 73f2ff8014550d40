"""The client of the cloud API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, model_validator

from facegate import plugin as fg
from facegate_opencv.fr_cloud import wire
from facegate_opencv.fr_cloud.errors import CODES


class FrCloudSettings(fg.HttpSettings):
    """What can be set for the cloud API."""

    base_url: str = Field("", description="Where the API is, if not where `region` says.")
    region: Literal["us", "eu", "sg"] | None = fg.moves_scores(
        None, description="The one chosen at sign-up; or give `base_url`."
    )
    api_key: fg.HeaderSecret = Field(description="Sent as x-api-key.")
    search_mode: wire.SearchMode = fg.per_call(
        "FAST", moves_scores=True, description="Speed, or accuracy."
    )
    os: wire.Os = fg.per_call("DESKTOP", moves_scores=True, description="What took the probe.")

    @model_validator(mode="before")
    @classmethod
    def _located(cls, values: Any) -> Any:
        """Settings that were completed here once come back whole when an option is merged in."""
        region, base_url = values.get("region"), values.get("base_url")
        if region is None:
            if base_url is None:
                raise ValueError("give region (us, eu or sg), or base_url")
            return values
        if region not in ("us", "eu", "sg"):
            raise ValueError("region must be us, eu or sg")
        if base_url not in (None, f"https://{region}.opencv.fr"):
            raise ValueError("region and base_url are both given; give one")
        return {**values, "base_url": f"https://{region}.opencv.fr"}


class FrCloud(fg.HttpProvider[FrCloudSettings]):
    """OpenCV FR cloud API: scores without verdicts, so facegate decides by the thresholds."""

    settings_type = FrCloudSettings
    errors = CODES.table
    info = fg.ProviderInfo(
        plugin="opencv_cloud",
        lineage="seventh-sense",
        handling=fg.Handling(
            "Seventh Sense (OpenCV FR cloud)", keeps=fg.Kept.NOTHING, enrols=False, searches=False
        ),
        formats=wire.FORMATS,
        match=wire.MATCH,
        liveness=wire.LIVE,
        max_gallery=wire.MOST_IMAGES,
        billed=fg.Billed.MAYBE,
        notes=(
            "The vendor says the same person above 0.81, or from 0.75 for photos years apart.",
            "Its recommended threshold was 0.70 in 2024: a score means something only to the model"
            " it came from.",
            "A gallery of several pictures gets one score; how they are combined is not published.",
            "Liveness wants a face of at least 224x224 pixels, 25 pixels from every border, and 80"
            " pixels between the pupils.",
            "Processing happens in the region that the account was opened in.",
            "What is billed, and the limits of rate and size, are not published.",
        ),
    )

    def __init__(self, settings: FrCloudSettings, name: str | None = None) -> None:
        super().__init__(settings, name)
        handling = replace(self.info.handling, region=settings.region)
        self.info = replace(self.info, handling=handling)

    def headers(self) -> Mapping[str, str]:
        return {wire.KEY: self.settings.api_key.get_secret_value()}

    def compare(self, request: fg.CompareRequest[FrCloudSettings]) -> fg.Flow[fg.Answer]:
        message = wire.Compare[fg.Picture](
            gallery=list(request.gallery),
            probe=[request.probe],
            search_mode=request.settings.search_mode,
        )
        reply = yield from self.post(wire.COMPARE, message, wire.Similarity)
        return fg.Answer(match=wire.MATCH.match(reply.score, request.threshold))

    def compare_live(self, request: fg.CompareLiveRequest[FrCloudSettings]) -> fg.Flow[fg.Answer]:
        message = wire.CompareLive[fg.Picture](
            gallery=list(request.gallery),
            probe=request.probe,
            liveness_min_score=request.liveness_threshold,
            os=request.settings.os,
            search_mode=request.settings.search_mode,
        )
        reply = yield from self.post(wire.COMPARE_LIVE, message, wire.Both)
        return fg.Answer(
            match=wire.MATCH.match(reply.score, request.threshold),
            liveness=wire.LIVE.liveness(reply.liveness_score, request.liveness_threshold),
        )

    def liveness(self, request: fg.LivenessRequest[FrCloudSettings]) -> fg.Flow[fg.Answer]:
        message = wire.CheckLiveness[fg.Picture](image=request.probe, os=request.settings.os)
        reply = yield from self.post(wire.LIVENESS, message, wire.Liveliness)
        liveness = wire.LIVE.liveness(reply.liveness_score, request.liveness_threshold)
        return fg.Answer(liveness=liveness)
