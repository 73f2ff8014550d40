"""The client of Fennholt."""

from __future__ import annotations

from pydantic import Field

from facegate import plugin as fg
from facegate_fennholt import wire
from facegate_fennholt.errors import ERRORS


class FennholtSettings(fg.HttpSettings):
    """What can be set for Fennholt, beside what every provider behind HTTP has."""

    base_url: str = Field("https://api.fennholt.example", description="Where the API is.")
    client_id: str = Field(min_length=1, description="The account.")
    client_secret: fg.HeaderSecret = Field(description="Its secret, for which tokens are granted.")
    poll_s: float = Field(0.5, gt=0, description="Seconds until a check is looked at again.")


class Fennholt(fg.HttpProvider[FennholtSettings]):
    """Fennholt's checks: a verdict at the threshold that was sent, or that it is not sure."""

    settings_type = FennholtSettings
    errors = ERRORS
    info = fg.ProviderInfo(
        plugin="fennholt",
        lineage="fennholt-2",
        handling=fg.Handling(
            "Fennholt",
            keeps=fg.Kept.PICTURE,
            keeps_for_s=86_400,
            enrols=False,
            searches=False,
            trains=False,
            region="IS",
        ),
        formats=wire.FORMATS,
        match=wire.MATCH,
        max_gallery=1,
        notes=("It does not say which of two pictures it could not use.",),
    )

    def __init__(self, settings: FennholtSettings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self.tokens = fg.Tokens(self._token)

    def _token(self) -> fg.Flow[fg.Token]:
        given = self.settings
        url, transport = f"{given.base_url}{wire.TOKENS}", given.transport
        return fg.client_credentials(url, given.client_id, given.client_secret, transport=transport)

    def failed(self, reply: fg.HttpReply) -> bool:
        # A 200 may hold an error: whatever has a code, and another one than 0.
        return super().failed(reply) or self.error_code(reply) not in (None, "0")

    def compare(self, request: fg.CompareRequest[FennholtSettings]) -> fg.Flow[fg.Answer]:
        begun = yield from self.exchange("POST", wire.CHECKS, wire.Begun, body=_body(request))
        check = yield from self.poll(
            f"{wire.CHECKS}/{begun.check}",
            wire.Check,
            lambda check: check.state == "done",
            every_s=self.settings.poll_s,
        )
        if check.result is None:
            raise fg.BadReply("a check that is done, without a result")
        match = wire.MATCH.verdict(
            check.result.verdict == "same",
            check.result.likeness,
            request.threshold,
            uncertain=check.result.verdict == "unsure",
        )
        return fg.Answer(match=match, vendor_reference=begun.check)


def _body(request: fg.CompareRequest[FennholtSettings]) -> fg.Body:
    (document,) = request.gallery
    same_from = wire.MATCH.threshold if request.threshold is None else request.threshold
    return fg.multipart_body(
        wire.Pair(portrait=request.probe, document=document, same_from=same_from)
    )
