"""The client of the FR Server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from pydantic import Field

from facegate import plugin as fg
from facegate_opencv.fr_server import wire
from facegate_opencv.fr_server.errors import LIVENESS_ERROR, SPOOF, TABLE


class FrServerSettings(fg.HttpSettings):
    """What can be set for an FR Server."""

    api_key: fg.HeaderSecret = Field(description="Sent as x-api-key.")
    parallel: int = Field(
        default=4, ge=1, description="Gallery pictures that are asked about at the same time."
    )
    liveness_by_self_compare: bool = Field(
        default=False,
        description="Offer liveness alone, by comparing the probe with itself: the server has no"
        " call for it.",
    )


class FrServer(fg.HttpProvider[FrServerSettings]):
    """OpenCV FR Server: one pair of pictures a call, and a verdict without a score.

    A gallery of n pictures takes n calls, and **any match is a match**. That costs security: where
    one comparison takes a stranger for the claimed person at a rate f, a gallery of n does so at up
    to n times f, or ``1 - (1 - f)**n`` if its pictures err independently of each other. Raise the
    threshold along with n, or send the one picture that counts.

    With liveness, every call judges the probe anew, and not live in any is not live. If a call
    fails, the question fails, even where another call found a match.
    """

    settings_type = FrServerSettings
    errors = TABLE
    info = fg.ProviderInfo(
        plugin="opencv_fr",
        lineage="seventh-sense",
        handling=fg.Handling(
            recipient="your own OpenCV FR Server",
            keeps=fg.Kept.NOTHING,
            enrols=False,
            searches=False,
            trains=False,
        ),
        formats=wire.FORMATS,
        match=wire.MATCH,
        scores=False,
        billed=fg.Billed.NO,
        notes=(
            "It answers yes or no to the threshold that was sent, and never a score.",
            (
                "A gallery of n pictures takes n calls; any match is a match, so up to n times as"
                " many strangers match."
            ),
            "No liveness threshold can be set, and liveness is there only if licensed.",
            (
                "Liveness wants at least 600x800 pixels, a face of 150x150 at least 15 pixels from"
                " every border, 50 pixels between the pupils, and at most 30 degrees of turn."
            ),
            "Which HTTP status each error has is not documented, so only its code counts.",
        ),
    )

    @classmethod
    def withheld(cls, settings: FrServerSettings) -> frozenset[fg.Operation]:
        return frozenset(() if settings.liveness_by_self_compare else {fg.Operation.LIVENESS})

    def headers(self) -> Mapping[str, str]:
        return {wire.KEY: self.settings.api_key.get_secret_value()}

    def failed(self, reply: fg.HttpReply) -> bool:
        return super().failed(reply) or super().error_code(reply) is not None

    def error_code(self, reply: fg.HttpReply) -> str | None:
        code = super().error_code(reply)
        if code != LIVENESS_ERROR:
            return code
        try:
            detail = json.loads(reply.body)["metadata"]["code"]
        except (KeyError, TypeError):
            return code
        return f"{code}:{detail}" if isinstance(detail, str) else code

    def not_live(self, reply: fg.HttpReply) -> fg.Liveness:  # noqa: ARG002  it says no more
        return fg.Liveness(passed=False, reason=SPOOF)

    def compare(self, request: fg.CompareRequest[FrServerSettings]) -> fg.Flow[fg.Answer]:
        return self._over_the_gallery(request, check_liveness=False)

    def compare_live(self, request: fg.CompareLiveRequest[FrServerSettings]) -> fg.Flow[fg.Answer]:
        return self._over_the_gallery(request, check_liveness=True)

    def _over_the_gallery(
        self,
        request: fg.CompareRequest[FrServerSettings] | fg.CompareLiveRequest[FrServerSettings],
        *,
        check_liveness: bool,
    ) -> fg.Flow[fg.Answer]:
        threshold = wire.MATCH.threshold if request.threshold is None else request.threshold

        def ask(image: fg.Image) -> fg.Flow[bool]:
            return self._ask(request.probe, image, threshold, check_liveness=check_liveness)

        found = yield from self.for_each(request.gallery, ask, request.settings.parallel)
        return fg.Answer(
            match=fg.Match(is_match=any(found), threshold=threshold, scale=wire.MATCH.scale),
            liveness=fg.Liveness(passed=True) if check_liveness else None,
        )

    def liveness(self, request: fg.LivenessRequest[FrServerSettings]) -> fg.Flow[fg.Answer]:
        """By comparing the probe with itself: the verdict on liveness is the server's own."""
        probe = request.probe
        same = yield from self._ask(probe, probe, wire.YEARS_APART, check_liveness=True)
        if not same:
            raise fg.BadReply("found that a picture does not match itself")
        return fg.Answer(liveness=fg.Liveness(passed=True))

    def completed(self, answer: fg.Answer, request: fg.BoundRequest[FrServerSettings]) -> fg.Answer:
        answer = super().completed(answer, request)
        if request.operation is not fg.Operation.LIVENESS:
            return answer
        told = "liveness was judged while comparing the probe with itself"
        return replace(answer, warnings=(told, *answer.warnings))

    def _ask(
        self, probe: fg.Image, image: fg.Image, threshold: float, *, check_liveness: bool
    ) -> fg.Flow[bool]:
        """Whether the two match."""
        message = wire.CompareMessage[fg.Picture](
            face_base_64=probe,
            ref_face_base_64=image,
            min_similarity_score=threshold,
            check_liveness=check_liveness,
        )
        reply = yield from self.post(wire.COMPARE, message, wire.CompareReply)
        return reply.is_match
