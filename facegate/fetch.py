"""Fetching a picture from an https URL, for those who turn it on.

Whoever can name a URL to a server can point it inwards (server-side request forgery). So every hop
is resolved first, refused unless all of its addresses are public, and then connected to by the
very address that was checked, so that a second look-up cannot answer differently.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urljoin, urlsplit

from facegate.errors import FacegateError, ImageRejected, ProviderError
from facegate.flow import Flow, HttpReply, HttpRequest, Transport, call, send
from facegate.images import Image, ImageLimits

_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What may be fetched.

    Attributes:
        timeout_s: seconds to wait for a connection, and between any two parts of a reply.
        max_redirects: hops followed; each is checked as the first one was.
        networks: private networks that may be fetched from all the same, in CIDR notation.
        ca_file: PEM file of the authorities to trust instead of the public ones.
    """

    timeout_s: float = 10.0
    max_redirects: int = 3
    networks: tuple[str, ...] = ()
    ca_file: str | None = None

    def permits(self, address: IPv4Address | IPv6Address) -> bool:
        mapped = getattr(address, "ipv4_mapped", None) or address
        if any(mapped in ip_network(network) for network in self.networks):
            return True
        return bool(mapped.is_global) and not mapped.is_multicast


def fetch(url: str, policy: FetchPolicy, limits: ImageLimits) -> Flow[Image]:
    """Fetch one picture.

    Raises:
        ImageRejected: not https, an address that is not public, an error status, too many
            redirects, no answer in time, too large, or no picture.
    """
    transport = Transport(
        connect_s=policy.timeout_s,
        read_s=policy.timeout_s,
        max_reply_bytes=limits.max_bytes,
        ca_file=policy.ca_file,
    )
    for _ in range(policy.max_redirects + 1):
        request = yield from _checked_request(url, policy)
        try:
            reply = yield from send(request, transport)
        except ProviderError as error:
            raise ImageRejected(f"the URL could not be fetched: {error.message}") from None
        if reply.status not in _REDIRECTS:
            return _image(reply, limits)
        url = urljoin(url, reply.headers.get("location", ""))
    raise ImageRejected(f"the URL redirects more than {policy.max_redirects} times")


def _checked_request(url: str, policy: FetchPolicy) -> Flow[HttpRequest]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 443
    except ValueError:
        raise ImageRejected("the URL cannot be read") from None
    if parts.scheme != "https" or not host or parts.username:
        raise ImageRejected("only https URLs without a user name are fetched")
    addresses = yield from call(partial(_resolve, host, port))
    if not all(policy.permits(address) for address in addresses):
        raise ImageRejected(f"{host} is not a public address; it is not fetched")
    address = addresses[0]
    literal = f"[{address}]" if address.version == 6 else str(address)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpRequest("GET", f"https://{literal}:{port}{path}", server_name=host)


def _resolve(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ImageRejected(f"{host} cannot be resolved") from None
    return [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]


def _image(reply: HttpReply, limits: ImageLimits) -> Image:
    if reply.status != 200:
        raise ImageRejected(f"the URL answered {reply.status}")
    try:
        return Image.from_bytes(reply.body, limits)
    except FacegateError as error:
        raise ImageRejected(f"what the URL holds: {error.message}") from None
