"""HTTP/1.1 as servers and proxies really speak it: what is sent, and where a reply ends."""

from __future__ import annotations

import socket
import sys
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from both import Run, every_driver, run_sync
from facegate import BadReply, ConfigurationError, ConnectionFailed, FacegateError
from facegate.runtime.flow import Flow, HttpReply, HttpRequest, Transport, send
from loopback import Act, PendingRequest, Server, authority, message, raw, reply, tls, tunnel

OK = b"HTTP/1.1 200 OK\r\n"


def get(url: str, **transport: Any) -> Flow[HttpReply]:
    return send(HttpRequest("GET", url), Transport(**transport))


WHOLE = {
    "a length": message(200, b"fine"),
    "chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nfin\r\n1;x=y\r\ne\r\n0\r\nX: y\r\n\r\n",
    "the end of the connection": OK + b"\r\nfine",
    "hints before it": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 2
    + message(200, b"fine"),
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nfine",
}


@every_driver
@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_a_reply_ends_where_it_says(run: Run, data: bytes) -> None:
    with Server(raw(data)) as server:
        assert run(get(server.url)).body == b"fine"


@every_driver
def test_a_reply_without_a_body_ends_with_its_head(run: Run) -> None:
    with Server(raw(b"HTTP/1.1 204 No Content\r\n\r\n", then=lambda _: True)) as server:
        for method in ("GET", "HEAD", "DELETE"):
            assert run(send(HttpRequest(method, server.url), Transport())).body == b""


@every_driver
@pytest.mark.parametrize("says", [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"])
def test_another_protocol_is_no_reply(run: Run, says: bytes) -> None:
    headers = {"Connection": "upgrade", "Upgrade": "x"}
    with Server(raw(says)) as server:
        for asked in (HttpRequest("GET", server.url), HttpRequest("GET", server.url, headers)):
            with pytest.raises(BadReply):
                run(send(asked, Transport()))


def says_goodbye(line: PendingRequest) -> bool:
    line.socket.sendall(OK + b"\r\nfine")
    line.socket.unwrap()  # type: ignore[attr-defined]
    return False


@every_driver
def test_encrypted_the_end_has_to_be_the_servers_own(run: Run, tmp_path: Path) -> None:
    with Server(raw(OK + b"\r\nfi"), says_goodbye, tls=tls("127.0.0.1")) as server:
        with pytest.raises(BadReply, match="broke before the reply was complete"):
            run(get(server.url, ca_file=authority(tmp_path)))
        assert run(get(server.url, ca_file=authority(tmp_path))).body == b"fine"


def test_a_header_that_comes_twice_is_one() -> None:
    with Server(raw(OK + b"X-A: 1\r\nContent-Length: 0\r\nx-a: 2 \xe9\r\n\r\n")) as server:
        assert run_sync(get(server.url)).headers["x-a"] == "1, 2 é"


URLS = {
    "/a/b?c=d&e=/f?": "/a/b?c=d&e=/f?",
    "": "/",
    "?q": "/?q",
    "/a b/ü?q=ü ü": "/a%20b/%C3%BC?q=%C3%BC%20%C3%BC",
    "/%20%c3": "/%20%c3",
    "/<\">?'": "/%3C%22%3E?'",
    "/a#fragment": "/a",
}


@pytest.mark.parametrize(("path", "target"), URLS.items(), ids=URLS)
def test_a_url_on_the_wire(path: str, target: str) -> None:
    with Server(reply(204)) as server:
        run_sync(get(server.url + path))
    assert server.seen[0].target == target


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Api.Example:80/", "api.example"),
        ("http://api.example:8080/", "api.example:8080"),
        ("http://[::1]/", "[::1]"),
        ("http://bücher.example/", "xn--bcher-kva.example"),
        ("http://faß.example/", "xn--fa-hia.example"),
    ],
)
def test_a_host_on_the_wire(url: str, host: str) -> None:
    with Server(reply(204)) as proxy:
        run_sync(get(url, proxy=proxy.url))
    (seen,) = proxy.seen
    assert (seen.target, seen.headers["host"]) == (f"http://{host}/", host)


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("GET", "http://127.0.0.1/\r\nX: y"),
        HttpRequest("GET", "http://127.0.0.1:port/"),
        HttpRequest("GET", "http://[::1/"),
        HttpRequest("GET", "ftp://127.0.0.1/"),
        HttpRequest("GET", f"http://{'ü' * 70}.example/"),
        HttpRequest("GET", "http://127.0.0.1/", {"X-A": "a\r\nX-B: b"}),
        HttpRequest("GET", "http://127.0.0.1/", {"X A": "a"}),
        HttpRequest("G T", "http://127.0.0.1/"),
    ],
    ids=lambda each: repr(each.url),
)
def test_what_http_cannot_say_is_not_sent(request_: HttpRequest) -> None:
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        run_sync(send(request_, Transport()))


@pytest.mark.parametrize("proxy", ["http://me:secret/word@127.0.0.1", "socks5://127.0.0.1", "//a"])
def test_a_proxy_that_is_none_is_not_asked_and_not_shown(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be sent") as caught:
        run_sync(get("https://127.0.0.1/", proxy=proxy))
    assert "secret" not in str(caught.value)


def test_a_length_that_is_not_the_bodys_is_not_sent_on() -> None:
    for length in ("1", "3"):
        request = HttpRequest("POST", "", {"Content-Length": length}, (b"xx",))
        with Server(reply(204)) as server, pytest.raises(ConfigurationError, match="a length"):
            run_sync(send(replace(request, url=server.url), Transport()))
        assert not server.seen


@every_driver
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_large_body_is_not_copied(run: Run, scheme: str, tmp_path: Path) -> None:
    body = (b"x" * 8_000_000,) * 2  # there is no such letter in the head

    def swallow() -> None:
        accepted, _ = listener.accept()
        with (
            accepted
            if scheme == "http"
            else context.wrap_socket(accepted, server_side=True) as connection
        ):
            left = sum(map(len, body))
            while left:
                left -= connection.recv(4096).count(b"x")
            connection.sendall(message(204))

    context = tls("127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        swallowing = threading.Thread(target=swallow)
        swallowing.start()
        url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        transport = Transport(ca_file=authority(tmp_path))
        tracemalloc.start()
        try:
            assert run(send(HttpRequest("POST", url, body=body), transport)).status == 204
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
        finally:
            tracemalloc.stop()
            swallowing.join()


@every_driver
@pytest.mark.parametrize("encrypted", ["http", "https"])
def test_a_proxy_may_be_encrypted_itself(run: Run, encrypted: str, tmp_path: Path) -> None:
    inner = tls("127.0.0.1") if encrypted == "https" else None
    # What a tunnel leads to ends the connection, and with it the tunnel.
    ends: Act = reply(200, b"x" * 100_000, Connection="close")
    with (
        Server(tunnel if inner else ends, tls=tls("127.0.0.1")) as proxy,
        Server(lambda line: ends(line) and False, tls=inner) as server,
    ):
        settings = {"proxy": proxy.url, "ca_file": authority(tmp_path)}
        assert len(run(get(server.url, **settings)).body) == 100_000
    assert len(proxy.seen) == 1


@every_driver
def test_what_comes_with_a_proxys_consent_is_not_the_servers(run: Run) -> None:
    with (
        Server(raw(b"HTTP/1.1 200 Connected\r\n\r\nmore")) as proxy,
        pytest.raises(ConnectionFailed),
    ):
        run(get("https://api.example", proxy=proxy.url))


@every_driver
def test_what_is_said_of_a_body_before_it_was_read_is_heard(run: Run) -> None:
    """Where the system keeps what came before a reset, as Linux does."""

    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(10)
            connection.sendall(message(413, b"too large"))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        refusing = threading.Thread(target=refuse)
        refusing.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            status = run(
                send(HttpRequest("POST", url, body=(b"x" * 40_000_000,)), Transport())
            ).status
        except FacegateError as error:
            status = type(error)
        refusing.join()
    assert status in ({413} if sys.platform == "linux" else {413, BadReply})
