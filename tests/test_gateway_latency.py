"""What would make every reply late."""

from __future__ import annotations

import socket

from facegate.gateway.server import listen


def test_a_body_does_not_wait_for_its_headers_to_be_confirmed() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
