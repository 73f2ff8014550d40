"""Forms that an API is sent: read as they were written, or refused, within bounds."""

from __future__ import annotations

import tracemalloc
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import unquote_plus, urlencode

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acme import DOCUMENT, PASSPORT, PROBE, SAME, Engine
from acme_api import AcmeApi, acme_api, front
from facegate.plugin import (
    Answer,
    DecodedRequest,
    Form,
    FormLimits,
    HttpRequest,
    Image,
    InvalidRequest,
    Operation,
    multipart,
)

NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20)
FIELDS = st.lists(st.tuples(NAMES, st.binary(max_size=200)), max_size=8)


PARTS = "multipart/form-data; boundary=b"


def sent(body: bytes, kind: str = PARTS) -> HttpRequest:
    return HttpRequest("POST", "http://gateway/", {"content-type": kind}, (body,))


def part(content: bytes = b"x", head: bytes = b'form-data; name="a"', more: bytes = b"") -> bytes:
    return b"--b\r\nContent-Disposition: " + head + more + b"\r\n\r\n" + content + b"\r\n"


def read(form: Form) -> list[tuple[str, bytes]]:
    return [(name, bytes(content)) for name, content in form.parts]


def written(**how: Any) -> HttpRequest:
    """As a real client writes it."""
    request = httpx.Request("POST", "http://gateway/", **how)
    return HttpRequest("POST", "http://gateway/", dict(request.headers), (request.read(),))


# What was sent


@given(FIELDS)
def test_parts_are_read_as_a_client_wrote_them(fields: list[tuple[str, bytes]]) -> None:
    if fields:
        files = [(name, ("a.bin", content)) for name, content in fields]
        assert read(multipart(written(files=files))) == fields


@given(st.lists(st.tuples(NAMES, st.text()), max_size=8))
@example([("a", "100% + 1 = 1&2\r\n"), ("a", "=41"), ("b", "a=\n"), ("c", " \t ")])
def test_a_plain_form_is_read_as_a_client_wrote_it(fields: list[tuple[str, str]]) -> None:
    plain = "application/x-www-form-urlencoded"
    form = multipart(sent(urlencode(fields).encode(), plain))
    assert [(name, str(content, "utf-8")) for name, content in form.parts] == fields


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("letter", ["=", "%3D", "+", "a", "%41"])
def test_a_heavy_plain_form_takes_little_more_than_what_it_holds(before: int, letter: str) -> None:
    count = 4 * 2**20 // len(letter)
    request = sent(
        b"a=" + b"-" * before + letter.encode() * count, "application/x-www-form-urlencoded"
    )
    tracemalloc.start()
    content = multipart(request).text("a")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert content == "-" * before + unquote_plus(letter) * count
    assert peak < 4 * len(request.body[0])


def test_a_picture_is_a_view_into_the_body_and_copied_once() -> None:
    request = written(files={"probe": PROBE, "document": DOCUMENT})
    form = multipart(request)
    for name, picture in (("probe", PROBE), ("document", DOCUMENT)):
        content = form.one(name)
        assert content is not None
        assert content.obj is request.body[0]
        assert Image.from_bytes(content).data == picture


@pytest.mark.parametrize(
    "kind",
    [
        'multipart/form-data; boundary="b"',
        "Multipart/Form-Data; charset=utf-8; Boundary=b",
        "multipart/form-data;boundary=b ; x=y",
    ],
)
def test_the_ways_to_name_a_boundary(kind: str) -> None:
    assert read(multipart(sent(part() + b"--b--\r\n", kind))) == [("a", b"x")]


@pytest.mark.parametrize(
    "head",
    [
        b'Form-Data; name="a"; filename="f\\"ace.jpg"',
        b"form-data; name=a; filename=face.jpg; filename*=utf-8''face.jpg",
        b'form-data; filename="Jos\xc3\xa9; name=b"; name="a"',
        b'form-data; name="a"\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: binary',
    ],
)
def test_the_ways_to_name_a_field(head: bytes) -> None:
    assert read(multipart(sent(part(head=head) + b"--b--"))) == [("a", b"x")]


def test_fields_are_asked_for_by_name() -> None:
    named = part(b"\xc3\xa9", b"form-data; name=c")
    form = multipart(sent(part(b"1") + part(b"2") + named + b"--b--"))
    assert [bytes(each) for each in form.all("a")] == [b"1", b"2"]
    assert (form.text("c"), form.one("d"), form.text("d"), form.all("d")) == ("é", None, None, ())
    with pytest.raises(InvalidRequest, match="the field a comes 2 times"):
        form.one("a")
    broken = multipart(sent(part(b"\xff") + b"--b--"))
    with pytest.raises(InvalidRequest, match="the field a is not UTF-8"):
        broken.text("a")


def test_a_form_shows_nothing_of_what_it_holds() -> None:
    assert "hush" not in repr(multipart(sent(part(b"hush") + b"--b--")))


# What is refused

REFUSED = {
    b"": "does not begin",
    b"preamble\r\n" + part() + b"--b--": "does not begin",
    part(): "part 1 of the form: it does not end",
    part() + b"--b-": "does not end with",
    part() + b"--b--\r\nmore": "does not end with",
    part()[:-2]: "part 1 of the form: it does not end",
    b"--b\r\n\r\nx\r\n--b--": "part 1 of the form: a header that is none",
    part(more=b"\r\n folded: yes") + b"--b--": "a header that is none",
    part(more=b"\r\nX: \0") + b"--b--": "a header that is none",
    part(more=b'\r\ncontent-disposition: form-data; name="b"') + b"--b--": "comes twice",
    part(more=b"\r\nContent-Transfer-Encoding: base64") + b"--b--": "without Content-Transfer",
    part(head=b'form-data; name="a"; name="b"') + b"--b--": "no Content-Disposition",
    part(head=b'form-data; name="a') + b"--b--": "no Content-Disposition",
    part(head=b'attachment; name="a"') + b"--b--": "no Content-Disposition",
    part(head=b"form-data") + b"--b--": "a name of 1 to 100",
    part(head=b'form-data; name=""') + b"--b--": "a name of 1 to 100",
    part(head=b'form-data; name="\xc3\xa9"') + b"--b--": "a name of 1 to 100",
    part(b"x\r\n--bad") + b"--b--": "does not end with",
    part(b"x\n--b\r\n") + b"--b--": "it holds the boundary",
    part(b"\n--b--") + b"--b--": "it holds the boundary",
    part(b"x\r--b\r") + b"--b--": "it holds the boundary",
    part(b"x---b") + b"--b--": "it holds the boundary",
    part(b"--b--") + b"--b--": "it holds the boundary",
    part(head=b"form-data; name=a=b") + b"--b--": "no Content-Disposition",
    part(head=b"form-data; name=a:") + b"--b--": "no Content-Disposition",
}


@pytest.mark.parametrize(("body", "why"), REFUSED.items(), ids=map(str, range(len(REFUSED))))
def test_what_only_some_would_read_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        multipart(sent(body))


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "application/json",
        "multipart/form-data",
        "multipart/mixed; boundary=b",
        "multipart/form-data; boundary=b; boundary=c",
        "multipart/form-data; boundary=" + "b" * 71,
        'multipart/form-data; boundary="b" oops',
        "multipart/form-data; boundary=\xe9",
    ],
)
def test_what_is_no_form_is_refused(kind: str) -> None:
    with pytest.raises(InvalidRequest, match="a form is"):
        multipart(sent(part() + b"--b--", kind))


@pytest.mark.parametrize("body", [b"a=%4", b"a=%zz", b"a=\xe9", b"a= ", b"a=1\r\n", b"=1", b"&"])
def test_a_plain_form_that_is_not_escaped_or_named_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        multipart(sent(body, "application/x-www-form-urlencoded"))


# Within bounds

TIGHT = FormLimits(max_parts=2, max_part_bytes=10, max_header_bytes=80, max_name_bytes=5)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (part() * 3 + b"--b--", "more than 2 parts"),
        (part(b"x" * 11) + b"--b--", "part 1 of the form: more than"),
        (part(more=b"\r\nX: " + b"x" * 80) + b"--b--", "headers without an end"),
        (part(head=b'form-data; name="abcdef"') + b"--b--", "a name of 1 to 5"),
    ],
)
def test_a_form_goes_to_its_limits_and_no_further(body: bytes, why: str) -> None:
    multipart(sent(part(b"x" * 10, b'form-data; name="abcde"') + part() + b"--b--"), TIGHT)
    with pytest.raises(InvalidRequest, match=why):
        multipart(sent(body), TIGHT)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"a=1&b=2&c=3", "more than 2 parts"),
        (b"a=12345678901", "part 1 of the form: more than"),
        (b"abcdef=1", "a name of 1 to 5"),
    ],
)
def test_a_plain_form_has_the_same_limits(body: bytes, why: str) -> None:
    plain = "application/x-www-form-urlencoded"
    multipart(sent(b"abcde=1&b=1234567890", plain), TIGHT)
    with pytest.raises(InvalidRequest, match=why):
        multipart(sent(body, plain), TIGHT)


WHOLE = part(b"one") + part(b"two\r\n-", b'form-data; name="c"; filename="f"') + b"--b--\r\n"
PIECES = st.sampled_from(
    [b"\r\n", b"--b", b"--", b"\r", b"\n", b'"', b";", b":", b"\0", b"%", b"&"]
)


CHANGES = st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 30), PIECES), max_size=5)


def spoilt(changes: list[tuple[int, int, bytes]]) -> bytes:
    body = WHOLE
    for place, length, piece in changes:
        body = body[:place] + piece + body[place + length :]
    return body


@given(CHANGES, st.sampled_from([PARTS, "application/x-www-form-urlencoded"]))
def test_hostile_input_is_read_within_the_limits_or_refused(
    changes: list[tuple[int, int, bytes]], kind: str
) -> None:
    body = spoilt(changes)
    try:
        form = multipart(sent(body, kind), FormLimits(max_parts=3, max_part_bytes=40))
    except InvalidRequest:
        return
    assert len(form.parts) <= 3
    assert all(len(content) <= 40 for _, content in form.parts)
    assert sum(len(content) for _, content in form.parts) <= len(body)


@given(CHANGES)
def test_what_is_taken_another_reader_reads_alike(changes: list[tuple[int, int, bytes]]) -> None:
    body = spoilt(changes)
    try:
        form = multipart(sent(body))
    except InvalidRequest:
        return
    head = f"Content-Type: {PARTS}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    names = [each.get_param("name", header="content-disposition") for each in message.iter_parts()]
    assert [name for name, _ in form.parts] == names


@given(st.binary(max_size=300), st.text(max_size=60))
def test_noise_is_refused(body: bytes, kind: str) -> None:
    for each in (kind, f"multipart/form-data; boundary={kind}"):
        with pytest.raises(InvalidRequest):
            multipart(sent(body, each))


# Over the wire


class FormApi(AcmeApi):
    """Takes a form, with the pictures as files."""

    def decode(self, request: HttpRequest) -> DecodedRequest:
        form = multipart(request)
        pictures = [self.picture(each, f"gallery[{n}]") for n, each in enumerate(form.all("face"))]
        return DecodedRequest(
            Operation.COMPARE, self.picture(form.one("probe") or b"", "probe"), tuple(pictures)
        )


def test_an_api_takes_pictures_as_files() -> None:
    seen: list[bytes] = []

    def find(request: Any) -> Answer:
        seen.extend(each.data for each in (request.probe, *request.gallery))
        return SAME

    with front(Engine(find), FormApi(acme_api().settings)) as client:
        files = [("probe", PROBE), ("face", DOCUMENT), ("face", PASSPORT)]
        said = client.post("/v1/compare", files=files)
        assert said.json() == {"same": True, "score": 85.0}
        twice = client.post("/v1/compare", files=[("probe", PROBE), ("probe", PROBE)])
        assert (twice.status_code, twice.json()["class"]) == (400, "InvalidRequest")
        torn = client.post("/v1/compare", files={"probe": PROBE[:40]})
        assert (torn.status_code, torn.json()["image"]) == (422, "probe")
    assert seen == [PROBE, DOCUMENT, PASSPORT]
