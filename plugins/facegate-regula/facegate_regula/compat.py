"""``/api/match``, answered by whatever provider is configured."""

from __future__ import annotations

from typing import ClassVar

from facegate import plugin as fg
from facegate_regula import wire
from facegate_regula.errors import ERRORS

_UNSUPPORTED = "FACER_COMMAND_IS_NOT_SUPPORTED"


class RegulaApi(fg.CompatibleApi[fg.CompatibleApiSettings]):
    """Answers ``/api/match`` as the service does: similarities, never a verdict.

    Its rules, where the vendor's words leave something open or facegate has no equal:

    - The first picture of the type ``LIVE``, or the first of all, is the probe; the others are the
      gallery. Pairs of two gallery pictures were not asked about, and are left out.
    - One face of each picture counts, whatever ``detectAll`` says. A face has no place and no crop,
      and a pair no ``score``: nothing is made up.
    - The caller decides by a threshold of its own: requests are recorded as judged by their caller.
    - A similarity that the provider did not give is never made up, and a picture of a liveness
      session is not at hand: ``FACER_COMMAND_IS_NOT_SUPPORTED``.
    - If a provider finds a spoof where a comparison was asked for: ``FACER_PASSIVE_LIVENESS_FAIL``.
    - An error does not say which picture it is about, since a failure no longer knows the numbers
      that the caller gave them: its ``detections`` are empty.
    - The vendor has no keys. Where facegate has some, a caller sends one as a Bearer token.
    - Whatever is wrong at the answering provider is a 500: a 403 is of the caller's own licence.
    """

    plugin = "regula"
    routes: ClassVar = {wire.COMPARE: frozenset({"POST"})}
    match = wire.MATCH
    liveness = wire.MATCH  # never asked for
    needs_scores = True
    errors = ERRORS.replies
    reasons = ERRORS.reasons
    failures: ClassVar = {
        fg.CaptureRejected: "FACER_LOW_QUALITY",
        fg.ImageRejected: "FR_IMAGE_DECODE_ERROR",
        fg.InvalidRequest: "400",
        fg.UnsupportedOption: "400",
        fg.ConsentRefused: _UNSUPPORTED,
        fg.UnsupportedOperation: _UNSUPPORTED,
        fg.FacegateError: "500",
    }
    wrong_key = "401"
    data_uris = False
    settings_type = fg.CompatibleApiSettings

    def presented(self, request: fg.HttpRequest) -> str:
        scheme, _, token = super().presented(request).partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def decode(self, request: fg.HttpRequest) -> fg.DecodedRequest | fg.HttpReply:
        images = self.message(request, wire.Match[str]).images
        if len(images) < 2:
            return self.error("FACER_LESS_THAN_TWO_IMAGES_IN_REQUEST")
        if any(each.liveness_transaction_id is not None for each in images):
            return self.error(_UNSUPPORTED)
        indices = [n if each.index is None else each.index for n, each in enumerate(images)]
        if len(set(indices)) < len(indices):
            raise fg.InvalidRequest("images: two have the same index")
        of_probe = next((n for n, each in enumerate(images) if each.type == wire.LIVE), 0)
        pictures = [*zip(indices, images, strict=True)]
        pictures.insert(0, pictures.pop(of_probe))
        probe, *gallery = (each.data or "" for _, each in pictures)
        types = {each.type for _, each in pictures[1:]}
        kinds = [kind for kind, number in wire.GALLERY_TYPES.items() if types == {number}]
        return fg.DecodedRequest(
            fg.Operation.COMPARE,
            self.picture(probe, "probe"),
            self.gallery(gallery),
            options={"gallery_type": kinds[0]} if kinds else {},
            context=[(index, each.type) for index, each in pictures],
            judged_by_caller=True,
        )

    def encode(self, asked: fg.DecodedRequest, answer: fg.Answer) -> fg.HttpReply:
        match, live = answer.match, answer.liveness
        if live is not None and not live.passed:
            return self.error("FACER_PASSIVE_LIVENESS_FAIL")
        (probe, kind), *gallery = asked.context
        scores = () if match is None else match.gallery_scores or (match.score,)
        if len(scores) != len(gallery) or None in scores:
            return self.error(_UNSUPPORTED)
        first = {"firstIndex": probe, "firstFaceIndex": 0, "first": kind}
        results = [
            {**first, "secondIndex": n, "secondFaceIndex": 0, "second": kind, "similarity": score}
            for (n, kind), score in zip(gallery, scores, strict=True)
        ]
        found = {"status": 0, "faces": [{"faceIndex": 0}]}
        detections = [{"imageIndex": n, **found} for n, _ in sorted(asked.context)]
        return fg.json_reply(200, {"code": 0, "results": results, "detections": detections})
