"""Plugins that each break a rule of every provider, and the check that has to find it."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydantic import ConfigDict, field_validator

from acme import INFO, MATCH, Acme, CompareReply, Settings
from broken.found import found_by
from broken.http import Compare, message
from facegate.plugin import (
    Answer,
    BlockingProvider,
    CompareRequest,
    Flow,
    ImageFormat,
    Match,
    PictureLimits,
    ProviderSettings,
)


class OpenSettings(Settings):
    token: str = ""  # type: ignore[assignment]


@found_by("test_settings_and_the_provider_show_no_secret")
class ShowsItsToken(Acme):
    settings_type = OpenSettings  # type: ignore[assignment]

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Token {self.settings.token}"}


class LaxSettings(Settings):
    model_config = ConfigDict(extra="ignore")


@found_by("test_a_setting_that_does_not_exist_is_refused_by_name")
class TakesAnySetting(Acme):
    settings_type = LaxSettings


@found_by("test_a_verdict_tells_its_threshold_and_its_scale")
class TellsNoThreshold(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        reply = yield from self.post("/v1/compare", message(request), CompareReply)
        return Answer(Match(is_match=reply.score >= 0.8, score=reply.score))


@found_by("test_a_threshold_is_used_or_refused")
class DropsTheThreshold(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        asked = message(request, min_score=0.8)
        reply = yield from self.post("/v1/compare", asked, CompareReply)
        return Answer(MATCH.match(reply.score, 0.8))


@found_by("test_the_event_loop_is_never_blocked")
class Sleeps(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        time.sleep(0.001)
        return (yield from super().compare(request))


@found_by("test_the_event_loop_is_never_blocked")
class ComputesOnTheLoop(BlockingProvider[ProviderSettings]):
    info = INFO
    settings_type = ProviderSettings

    def compare(self, request: CompareRequest[ProviderSettings]) -> Answer:
        return Answer(MATCH.match(0.9, request.threshold))

    def answer(self, request: Any) -> Flow[Answer]:
        yield from ()
        return self.compare(request)


@found_by("test_the_registry_finds_it_by_its_name")
class IsNotRegistered(Acme):
    info = replace(INFO, plugin="acme-two")


@found_by("test_a_secret_of_the_wrong_type_is_not_shown")
class QuotesASettingItDoesNotLike(Acme):
    class Picky(Settings):
        @field_validator("token", mode="before")
        @classmethod
        def _no_list(cls, token: Any) -> Any:
            if isinstance(token, list):
                raise ValueError(f"one token, not {token}")  # noqa: TRY004  pydantic's way
            return token

    settings_type = Picky


@found_by("test_every_operation_answers_what_was_asked")
class LeavesTheMatchOpen(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        yield from super().compare(request)
        return Answer()


@found_by("test_an_operation_it_lacks_is_refused_unasked")
class AsksAsSoonAsItIsMade(Acme):
    def __init__(self, settings: Settings, name: str | None = None) -> None:
        super().__init__(settings, name)
        with suppress(OSError):  # it is a refusal, of course
            urllib.request.urlopen(f"{settings.base_url}/v1/liveness", b"{}")  # noqa: S310


@found_by("test_a_threshold_out_of_bounds_is_refused_unasked")
class TakesAnyThreshold(Acme):
    def __init__(self, settings: Settings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self.info = replace(INFO, match=replace(MATCH, settable=(0.1, 100.0)))


@found_by("test_pictures_it_does_not_take_are_refused_unasked")
class TakesAnyPicture(Acme):
    info = replace(INFO, formats=frozenset({ImageFormat.JPEG}))

    def __init__(self, settings: Settings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self.info = INFO


@found_by("test_results_survive_json_and_a_pickle")
class AnswersWithAWordOfItsOwn(Acme):
    class Verdict(Match):
        quality: float

    def compare(self, request: Compare) -> Flow[Answer]:
        yield from super().compare(request)
        verdict = self.Verdict(is_match=True, quality=0.7)
        return Answer(verdict)


@found_by("test_eight_at_once_get_what_one_gets")
class TiresOfManyQuestions(BlockingProvider[ProviderSettings]):
    info = INFO
    settings_type = ProviderSettings

    def __init__(self, settings: ProviderSettings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self.busy = 0

    def compare(self, request: CompareRequest[ProviderSettings]) -> Answer:
        self.busy += 1
        time.sleep(0.02)
        score = 0.9 if self.busy == 1 else 0.1
        self.busy -= 1
        return Answer(MATCH.match(score, request.threshold))


@found_by("test_no_face_and_no_secret_shows")
class PutsTheFaceIntoAWarning(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        answer = yield from super().compare(request)
        return replace(answer, warnings=(f"asked about {request.probe.data!r}",))


@found_by("test_the_version_of_the_contract_is_stated", contract_version=99)
class WasWrittenForAContractToCome(Acme):
    pass


@found_by("test_the_picture_types_it_takes_are_the_documented_ones")
class ClaimsToTakeWebP(Acme):
    info = replace(INFO, formats=INFO.formats | {ImageFormat.WEBP})


@found_by("test_an_option_it_does_not_have_is_refused_unasked")
class TakesAnyOption(Acme):
    class Lax(Settings):
        @classmethod
        def per_call_fields(cls) -> frozenset[str]:
            return super().per_call_fields() | {"no_such_thing"}

        no_such_thing: int = 0

    settings_type = Lax


@found_by("test_more_gallery_pictures_than_it_takes_are_refused_unasked")
class TakesAnyGallery(Acme):
    def __init__(self, settings: Settings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self.info = replace(INFO, max_gallery=None)


@found_by("test_the_picture_limits_are_the_documented_ones")
class TakesLighterPicturesThanTheVendor(Acme):
    info = replace(INFO, pictures=PictureLimits(max_bytes=1_000_000))
