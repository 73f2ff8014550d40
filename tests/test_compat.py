"""What every compatible API does alike: messages, pictures, and errors that say more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from pydantic import Field, ValidationError

from drawn import picture
from facegate import FacegateError, Image, ImageRejected, InvalidRequest
from facegate.plugin import (
    CompatibleApi,
    CompatibleApiSettings,
    HeaderSecret,
    HttpRequest,
    Misfit,
    VendorError,
    WireModel,
)

FACE, OTHER = (Image.of(picture(seed=seed)) for seed in (1, 2))
URI = f"data:image/png;base64,{FACE.base64.decode()}"


class Message(WireModel):
    selfie: str
    scores: list[float] = Field(min_length=1)


class Account(WireModel):
    key: HeaderSecret


class Lenient(CompatibleApi[CompatibleApiSettings]):
    errors: ClassVar = {"bad_request": VendorError(400, {"code": "bad_request"})}
    failures: ClassVar = {FacegateError: "bad_request"}
    settings_type = CompatibleApiSettings


class Strict(Lenient):
    data_uris = False

    def details(self, name: str, error: FacegateError) -> Mapping[str, Any]:
        return {"why": [name, error.message]}


def posted(body: bytes) -> HttpRequest:
    return HttpRequest("POST", "http://gateway/v1/compare?x=1", body=(body,))


def misfit(body: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        Strict(CompatibleApiSettings()).message(posted(body), Message)
    return caught.value


def test_a_message_is_read() -> None:
    read = Strict(CompatibleApiSettings()).message(
        posted(b'{"selfie": "s", "scores": [1]}'), Message
    )
    assert (read.selfie, read.scores) == ("s", [1])


def test_what_does_not_fit_is_named_with_its_place_and_not_shown() -> None:
    error = misfit(b'{"scores": [1, "sentinel"]}')
    assert [(each.place, each.kind) for each in error.misfits] == [
        (("selfie",), "missing"),
        (("scores", 1), "float_parsing"),
    ]
    assert error.message == "selfie: Field required"
    assert "sentinel" not in f"{error} {error.misfits} {vars(error)}"


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"selfie'])
def test_what_is_no_message_at_all_is_a_misfit_too(body: bytes) -> None:
    assert isinstance(misfit(body).misfits[0], Misfit)


def test_pictures_of_a_gallery_are_named_by_their_place() -> None:
    texts = [each.base64.decode() for each in (FACE, OTHER)]
    api = Strict(CompatibleApiSettings())
    assert [each.digest for each in api.gallery(texts)] == [FACE.digest, OTHER.digest]
    with pytest.raises(ImageRejected) as caught:
        api.gallery([texts[0], "%"])
    assert caught.value.image == "gallery[1]"


@pytest.mark.parametrize("chosen", [None, True, False])
@pytest.mark.parametrize("kind", [Lenient, Strict])
def test_data_uris_are_taken_as_the_vendor_does_or_as_the_operator_says(
    kind: type[Lenient], *, chosen: bool | None
) -> None:
    api = kind(CompatibleApiSettings(data_uris=chosen))
    if kind.data_uris if chosen is None else chosen:
        assert api.picture(URI, "probe").digest == FACE.digest
    else:
        with pytest.raises(ImageRejected, match="data URI") as caught:
            api.picture(URI, "probe")
        assert caught.value.image == "probe"
    assert api.picture(FACE.base64.decode(), "probe").digest == FACE.digest


def test_an_error_may_say_more_than_its_name() -> None:
    reply = Strict(CompatibleApiSettings()).encode_error(InvalidRequest("too many"))
    assert json.loads(reply.body) == {"code": "bad_request", "why": ["bad_request", "too many"]}


def test_the_path_of_a_request_has_no_query() -> None:
    assert posted(b"").path == "/v1/compare"


@pytest.mark.parametrize("key", ["", "a key", "k\r\nX: y", "ключ"])
def test_a_secret_that_fits_no_header_is_refused_and_not_shown(key: str) -> None:
    assert Account.model_validate({"key": "tok-5"}).key.get_secret_value() == "tok-5"
    with pytest.raises(ValidationError, match="must be letters") as caught:
        Account.model_validate({"key": key})
    assert not key or key not in repr(caught.value)
