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

from facegate.errors import ConfigurationError, FacegateError, ImageRejected, ProviderError
from facegate.images.image import Image, ImageLimits
from facegate.runtime.flow import Flow, HttpReply, HttpRequest, Transport, call, send

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 3
"""Redirects that are followed; each is checked as the first URL was."""
_LONGEST_URL = 8192
_CARRIERS = (ip_network("64:ff9b::/96"), ip_network("::/96"))
"""IPv6 networks whose last 32 bits are the IPv4 address that is meant (RFC 6052, RFC 4291)."""

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """The bounds of fetching.

    Attributes:
        timeout_s: seconds to wait for a connection, and between any two parts of a reply; above 0.
        networks: private networks that may be fetched from all the same, in CIDR notation.
        ca_file: PEM file of the authorities to trust instead of the public ones.

    Raises:
        ConfigurationError: a network that cannot be read.
    """

    timeout_s: float = 10.0
    networks: tuple[str, ...] = ()
    ca_file: str | None = None

    def __post_init__(self) -> None:
        for network in self.networks:
            try:
                ip_network(network)
            except ValueError:
                raise ConfigurationError(f"{network!r} is no network in CIDR notation") from None

    def permits(self, address: Address) -> bool:
        """Whether an address is a public one, or in one of ``networks``."""
        meant = _meant(address)
        if any(form in ip_network(net) for net in self.networks for form in (address, meant)):
            return True
        special = any(meant in network for network in _NOT_PUBLIC)
        return meant.is_global and not meant.is_multicast and not special


def fetch(url: str, policy: FetchPolicy, limits: ImageLimits) -> Flow[Image]:
    """Fetch one picture.

    Args:
        url: https, absolute, without a user name.
        policy: the bounds of fetching.
        limits: bytes and pixels of the picture.

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
    for _ in range(_MOST_REDIRECTS + 1):
        try:
            request = yield from _checked_request(url, policy)
            reply = yield from send(request, transport)
        except ProviderError as error:
            raise ImageRejected(f"the URL could not be fetched: {error.message}") from None
        if reply.status not in _REDIRECTS:
            return _image(reply, limits)
        url = _next(url, reply)
    raise ImageRejected(f"the URL redirects more than {_MOST_REDIRECTS} times")


def _checked_request(url: str, policy: FetchPolicy) -> Flow[HttpRequest]:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port or 443
    except ValueError:
        raise ImageRejected("the URL cannot be read") from None
    if len(url) > _LONGEST_URL or not url.isprintable():
        raise ImageRejected("the URL is too long, or holds what no URL may hold")
    if parts.scheme != "https" or not host or "@" in parts.netloc:
        raise ImageRejected("only https URLs without a user name are fetched")
    addresses = yield from call(partial(_resolve, host, port))
    # All of them: a name that leads inwards as well is no public one.
    if not all(policy.permits(address) for address in addresses):
        raise ImageRejected(f"{host} is not a public address; it is not fetched")
    address = addresses[0]
    literal = f"[{address}]" if address.version == 6 else str(address)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpRequest("GET", f"https://{literal}:{port}{path}", server_name=host)


def _resolve(host: str, port: int) -> list[Address]:
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ImageRejected(f"{host} cannot be resolved") from None
    return [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in addresses]


def _next(url: str, reply: HttpReply) -> str:
    try:
        return urljoin(url, reply.headers["location"])
    except (KeyError, ValueError):
        raise ImageRejected("the URL redirects nowhere") from None


def _image(reply: HttpReply, limits: ImageLimits) -> Image:
    if reply.status != 200:
        raise ImageRejected(f"the URL answered {reply.status}")
    try:
        return Image.from_bytes(reply.body, limits)
    except FacegateError as error:
        raise ImageRejected(f"what the URL holds: {error.message}") from None


def _meant(address: Address) -> Address:
    """The address where a packet ends up: IPv6 has several ways to say an IPv4 one."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _CARRIERS) and int(address) > 0xFFFF:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            *("192.0.0.0/24", "192.88.99.0/24"),
            *("fec0::/10", "64:ff9b:1::/48", "100:0:0:1::/64", "2001:20::/28", "3fff::/20"),
            "5f00::/16",
        ),
    )
)
"""Networks of no public host that one Python or another takes for global: the IANA's registries of
special-purpose addresses, and site-local ones (RFC 3879)."""
