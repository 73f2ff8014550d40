"""Fetching pictures: what is refused, hop by hop, with the network played by hand."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from acme import DOCUMENT, PROBE, SAME, Scripted
from both import Ask, both_ways
from drawn import claiming
from facegate import (
    ConfigurationError,
    Image,
    ImageFormat,
    ImageLimits,
    ImageRejected,
    ProviderTimeout,
)
from facegate.images.fetch import FetchPolicy, fetch
from facegate.images.intake import Intake
from facegate.runtime.flow import Call, HttpReply, HttpRequest, Send
from loopback import Act, Server, authority, drip, reply, stall, tls

PUBLIC = "93.184.215.14"
PICTURE = HttpReply(200, body=PROBE)


class Network:
    """Names and replies, and what was asked of them."""

    def __init__(self, names: Mapping[str, list[str]], *replies: HttpReply | Exception) -> None:
        self.names = names
        self.replies = list(replies)
        self.requests: list[HttpRequest] = []

    def fetch(
        self, url: str, policy: FetchPolicy | None = None, limits: ImageLimits | None = None
    ) -> Image:
        flow = fetch(url, policy or FetchPolicy(), limits or ImageLimits())
        try:
            effect = next(flow)
            while True:
                try:
                    outcome = self._perform(effect)
                except Exception as error:  # noqa: BLE001
                    effect = flow.throw(error)
                else:
                    effect = flow.send(outcome)
        except StopIteration as done:
            image: Image = done.value
            return image

    def _perform(self, effect: Any) -> Any:
        if isinstance(effect, Call):
            return effect.function()
        assert isinstance(effect, Send)
        self.requests.append(effect.request)
        answer = self.replies.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        if host not in self.names:
            raise socket.gaierror
        return [(None, None, None, "", (address, port)) for address in self.names[host]]


Play = Callable[..., Network]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    def playing(*replies: HttpReply | Exception, **more: list[str]) -> Network:
        names = {"pictures.example": [PUBLIC], "cdn.example": ["2606:2800:21f:cb07::1"], **more}
        network = Network(names, *replies)
        monkeypatch.setattr(socket, "getaddrinfo", network.getaddrinfo)
        return network

    return playing


def to(location: str, status: int = 302) -> HttpReply:
    return HttpReply(status, {"location": location})


def test_the_address_that_was_checked_is_the_one_connected_to(play: Play) -> None:
    network = play(PICTURE)
    assert network.fetch("https://pictures.example/a/b.png?size=1#top").data == PROBE
    (request,) = network.requests
    assert request.url == f"https://{PUBLIC}:443/a/b.png?size=1"
    assert request.server_name == "pictures.example"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_checked_again(play: Play, status: int) -> None:
    network = play(to("//cdn.example:8443/b.png", status), PICTURE)
    assert network.fetch("https://pictures.example/a.png").data == PROBE
    assert network.requests[1].url == "https://[2606:2800:21f:cb07::1]:8443/b.png"
    assert network.requests[1].server_name == "cdn.example"


def test_a_relative_redirect_stays_on_its_host(play: Play) -> None:
    network = play(to("b.png"), PICTURE)
    network.fetch("https://pictures.example/a/a.png")
    assert network.requests[1].url == f"https://{PUBLIC}:443/a/b.png"


def test_a_name_in_any_script_is_resolved_and_checked_as_dns_spells_it(play: Play) -> None:
    network = play(PICTURE, **{"xn--bcher-kva.example": [PUBLIC]})
    network.fetch("https://bücher.example/ä.png")
    assert network.requests[0].server_name == "xn--bcher-kva.example"


INWARD = {
    "loopback": "127.0.0.1",
    "loopback, IPv6": "::1",
    "this host": "0.0.0.0",  # noqa: S104
    "private": "10.1.2.3",
    "private, 172": "172.16.0.1",
    "private, 192": "192.168.1.1",
    "carrier's": "100.64.0.1",
    "link-local, cloud metadata": "169.254.169.254",
    "link-local, IPv6": "fe80::1",
    "unique local": "fd00::1",
    "site-local": "fec0::1",
    "protocol assignments": "192.0.0.9",
    "relays of 6to4": "192.88.99.1",
    "translation, local": "64:ff9b:1::1",
    "dummy": "100:0:0:1::1",
    "ORCHIDv2": "2001:20::1",
    "documentation, new": "3fff::1",
    "segment routing": "5f00::1",
    "multicast": "224.0.0.1",
    "multicast, IPv6": "ff0e::1",
    "broadcast": "255.255.255.255",
    "reserved": "240.0.0.1",
    "documentation": "192.0.2.1",
    "IPv4 in IPv6": "::ffff:10.1.2.3",
    "IPv4 in IPv6, the old way": "::10.1.2.3",
    "IPv4 behind NAT64": "64:ff9b::a01:203",
    "IPv4 behind 6to4": "2002:a01:203::1",
    "Teredo": "2001:0:a01:203::1",
}


@pytest.mark.parametrize("address", INWARD.values(), ids=INWARD)
def test_an_address_inside_is_refused_at_the_first_hop_and_at_every_other(
    play: Play, address: str
) -> None:
    network = play(to("https://inside.example/"), **{"inside.example": [address]})
    for url in ("https://inside.example/", "https://pictures.example/"):
        with pytest.raises(ImageRejected, match=r"inside\.example is not a public address"):
            network.fetch(url)
    assert [request.server_name for request in network.requests] == ["pictures.example"]


@pytest.mark.parametrize("address", ["64:ff9b::5db8:d70e", "2002:5db8:d70e::1", "2606:2800::1"])
def test_an_address_outside_is_not_refused(address: str) -> None:
    assert FetchPolicy().permits(ipaddress.ip_address(address))


def test_one_address_inside_is_enough_to_refuse(play: Play) -> None:
    network = play(PICTURE, **{"mixed.example": [PUBLIC, "10.0.0.1"]})
    with pytest.raises(ImageRejected, match="not a public address"):
        network.fetch("https://mixed.example/")
    assert not network.requests


def test_a_network_of_ones_own_can_be_allowed(play: Play) -> None:
    network = play(PICTURE, **{"store.internal": ["10.1.2.3"]})
    with pytest.raises(ImageRejected, match="not a public address"):
        network.fetch("https://store.internal/", FetchPolicy(networks=("10.2.0.0/16", "fd00::/8")))
    network.fetch("https://store.internal/", FetchPolicy(networks=("10.1.0.0/16",)))
    assert network.requests[0].url == "https://10.1.2.3:443/"


def test_a_network_that_is_none_is_a_matter_of_configuration() -> None:
    with pytest.raises(ConfigurationError, match="CIDR"):
        FetchPolicy(networks=("10.1.2.3/8",))


NO_URL = {
    "http": "http://pictures.example/",
    "file": "file:///etc/passwd",
    "no host": "https://:443/a.png",
    "user": "https://user@pictures.example/",
    "password": "https://:secret@pictures.example/",
    "port": "https://pictures.example:99999/",
    "half an address": "https://[::1/",
    "control character": "https://pictures.example/\0",
    "empty label": "https://pictures..example/",
    "too long": f"https://pictures.example/{'x' * 9000}",
    "unknown name": "https://nowhere.example/",
}


@pytest.mark.parametrize("url", NO_URL.values(), ids=NO_URL)
def test_a_url_that_is_not_fetched(play: Play, url: str) -> None:
    network = play(to(url))
    for first in (url, "https://pictures.example/redirect"):
        with pytest.raises(ImageRejected) as caught:
            network.fetch(first)
        assert "secret" not in str(caught.value)
    assert len(network.requests) == 1


WRONG = {
    "endless": ([to("/again")] * 9, "more than 3 times"),
    "nowhere": ([HttpReply(302)], "redirects nowhere"),
    "missing": ([HttpReply(404, body=PROBE)], "answered 404"),
    "partial": ([HttpReply(206, body=PROBE)], "answered 206"),
    "a page": ([HttpReply(200, body=b"<html>")], "not a picture"),
    "nothing": ([HttpReply(200)], "empty"),
    "cut short": ([HttpReply(200, body=PROBE[:-20])], "cut short"),
    "a bomb": ([HttpReply(200, body=claiming(ImageFormat.PNG, 60_000, 60_000))], "megapixels"),
    "no answer": ([ProviderTimeout("no answer in time")], "no answer in time"),
}


@pytest.mark.parametrize(("replies", "why"), WRONG.values(), ids=WRONG)
def test_what_was_fetched_is_refused(
    play: Play, replies: list[HttpReply | Exception], why: str
) -> None:
    with pytest.raises(ImageRejected, match=why):
        play(*replies).fetch("https://pictures.example/")


def test_no_more_is_read_than_a_picture_may_weigh() -> None:
    flow = fetch(f"https://{PUBLIC}/", FetchPolicy(timeout_s=7), ImageLimits(max_bytes=1000))
    resolve = next(flow)
    assert isinstance(resolve, Call)
    effect = flow.send([ipaddress.ip_address(PUBLIC)])
    assert isinstance(effect, Send)
    assert (effect.transport.max_reply_bytes, effect.transport.read_s) == (1000, 7)


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    policy = FetchPolicy(networks=("127.0.0.0/8",), ca_file=authority(tmp_path))
    return Intake(ImageLimits(max_bytes=100_000), policy)


def same(request: Any) -> Any:
    yield from ()
    return SAME


@both_ways
def test_a_picture_from_a_real_server(
    ask: Ask, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def named(host: str | bytes, *rest: Any, **options: Any) -> Any:
        return look_up("127.0.0.1" if host == "pictures.test" else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", named)
    acts = reply(302, Location="/b.png"), reply(200, PROBE)
    with Server(*acts, tls=tls("pictures.test")) as server:
        url = server.url.replace("127.0.0.1", "pictures.test")
        assert ask(Scripted(same), intake=intake, probe=url, gallery=DOCUMENT).accepted
    assert [seen.target for seen in server.seen] == ["/", "/b.png"]
    assert server.seen[0].headers == {
        "host": f"pictures.test:{server.port}",
        "accept-encoding": "identity",
        "content-length": "0",
    }


@both_ways
def test_a_server_with_anothers_certificate_is_refused(ask: Ask, intake: Intake) -> None:
    why = pytest.raises(ImageRejected, match="could not be fetched: no connection")
    with Server(reply(200, PROBE), tls=tls("other.example")) as server, why as caught:
        ask(Scripted(same), intake=intake, probe=DOCUMENT, gallery=[server.url])
    assert caught.value.image == "gallery[0]"
    assert not server.seen


@both_ways
@pytest.mark.parametrize("act", [stall, drip(b"HTTP/1.1 200 OK\r\n" * 99)], ids=["silent", "drip"])
def test_fetching_keeps_the_deadline(ask: Ask, act: Act, intake: Intake) -> None:
    late = pytest.raises(ImageRejected, match=r"deadline of 0\.5 s")
    with Server(act, tls=tls("127.0.0.1")) as server, late:
        ask(Scripted(same, deadline_s=0.5), intake=intake, probe=server.url, gallery=DOCUMENT)


@both_ways
def test_a_picture_that_is_too_heavy_is_refused(ask: Ask, intake: Intake) -> None:
    heavy = reply(200, b"\x89PNG" + bytes(10**6))
    why = pytest.raises(ImageRejected, match="limit of 100000 bytes")
    with Server(heavy, tls=tls("127.0.0.1")) as server, why:
        ask(Scripted(same), intake=intake, probe=server.url, gallery=DOCUMENT)


@both_ways
def test_nothing_is_fetched_unless_turned_on(ask: Ask) -> None:
    why = pytest.raises(ImageRejected, match="fetch_urls = true")
    with Server(reply(200, PROBE), tls=tls("127.0.0.1")) as server, why as caught:
        ask(Scripted(same), probe=server.url, gallery=DOCUMENT)
    assert caught.value.image == "probe"
    assert not server.connections
