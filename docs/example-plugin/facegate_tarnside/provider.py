"""The client of Tarnside."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from facegate import plugin as fg
from facegate_tarnside import wire
from facegate_tarnside.errors import ERRORS


class TarnsideSettings(fg.HttpSettings):
    """What can be set for Tarnside, beside what every provider behind HTTP has."""

    base_url: str = Field("https://api.tarnside.example", description="Where the API is.")
    api_key: fg.HeaderSecret = Field(description="Sent as X-Api-Key.")
    model: wire.Model = fg.per_call("quick", description="Speed or accuracy of a comparison.")


class Tarnside(fg.HttpProvider[TarnsideSettings]):
    """Tarnside's face API: scores, so facegate decides by the thresholds."""

    settings_type = TarnsideSettings
    errors = ERRORS.table
    info = fg.ProviderInfo(
        plugin="tarnside",
        lineage="tarnside-1",
        handling=fg.Handling(
            "Tarnside",
            keeps=fg.Kept.NOTHING,
            enrols=False,
            searches=False,
            trains=False,
            region="EU",
        ),
        formats=wire.FORMATS,
        match=wire.MATCH,
        liveness=wire.LIVE,
        max_gallery=1,
        notes=("It does not say which of two pictures it could not use.",),
    )

    def headers(self) -> Mapping[str, str]:
        return {wire.KEY: self.settings.api_key.get_secret_value()}

    def compare(self, request: fg.CompareRequest[TarnsideSettings]) -> fg.Flow[fg.Answer]:
        (document,) = request.gallery
        message = wire.Compare[fg.Picture](
            selfie=request.probe, document=document, model=request.settings.model
        )
        reply = yield from self.post(wire.COMPARE, message, wire.Similarity)
        match = wire.MATCH.match(reply.similarity, request.threshold)
        return fg.Answer(match=match, vendor_reference=reply.id)

    def liveness(self, request: fg.LivenessRequest[TarnsideSettings]) -> fg.Flow[fg.Answer]:
        message = wire.CheckLiveness[fg.Picture](selfie=request.probe)
        reply = yield from self.post(wire.LIVENESS, message, wire.Liveliness)
        liveness = wire.LIVE.liveness(reply.liveness, request.liveness_threshold)
        return fg.Answer(liveness=liveness, vendor_reference=reply.id)
