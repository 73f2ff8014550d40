"""The client of Tarnside."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, SecretStr

from facegate.plugin import (
    Answer,
    CompareRequest,
    Flow,
    Handling,
    HttpProvider,
    HttpSettings,
    Kept,
    LivenessRequest,
    Picture,
    ProviderInfo,
    per_call,
)
from facegate_tarnside import wire
from facegate_tarnside.errors import ERRORS


class TarnsideSettings(HttpSettings):
    """What can be set for Tarnside, beside what every provider behind HTTP has."""

    base_url: str = Field("https://api.tarnside.example", description="Where the API is.")
    api_key: SecretStr = Field(min_length=1, description="Sent as X-Api-Key.")
    model: wire.Model = per_call("quick", description="Speed or accuracy of a comparison.")


class Tarnside(HttpProvider[TarnsideSettings]):
    """Tarnside's face API: scores, so facegate decides by the thresholds."""

    settings_type = TarnsideSettings
    errors = ERRORS.table
    info = ProviderInfo(
        plugin="tarnside",
        lineage="tarnside-1",
        handling=Handling(
            "Tarnside", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False, region="EU"
        ),
        formats=wire.FORMATS,
        match=wire.MATCH,
        liveness=wire.LIVE,
        max_gallery=1,
        notes=("It does not say which of two pictures it could not use.",),
    )

    def headers(self) -> Mapping[str, str]:
        return {wire.KEY: self.settings.api_key.get_secret_value()}

    def compare(self, request: CompareRequest[TarnsideSettings]) -> Flow[Answer]:
        (document,) = request.gallery
        message = wire.Compare[Picture](
            selfie=request.probe, document=document, model=request.settings.model
        )
        reply = yield from self.post(wire.COMPARE, message, wire.Similarity)
        match = wire.MATCH.match(reply.similarity, request.threshold)
        return Answer(match=match, vendor_reference=reply.id)

    def liveness(self, request: LivenessRequest[TarnsideSettings]) -> Flow[Answer]:
        message = wire.CheckLiveness[Picture](selfie=request.probe)
        reply = yield from self.post(wire.LIVENESS, message, wire.Liveliness)
        liveness = wire.LIVE.liveness(reply.liveness, request.liveness_threshold)
        return Answer(liveness=liveness, vendor_reference=reply.id)
