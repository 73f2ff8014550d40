"""A server that costs as little as Python can make it: reads a body, answers one fixed score.

``python benchmarks/sink.py`` listens on a free port of 127.0.0.1 and prints it. A process of its
own, so that it shares no interpreter lock with the client that is measured.
"""

from __future__ import annotations

import re
import selectors
import socket
from typing import Final

SCORE: Final = b'{"score":0.93}'
REPLY: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    % (len(SCORE), SCORE)
)
LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
MOST_OF_A_HEAD: Final = 4096


class Connection:
    """One client, and how many bytes of its request are still to come."""

    def __init__(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client = client
        self._left = 0

    def read(self, buffer: memoryview) -> bool:
        """Take what is there, and answer once a request is whole; False when the client is gone."""
        try:
            got = self.client.recv_into(buffer)
        except OSError:
            return False
        if got and not self._left:
            head = bytes(buffer[: min(got, MOST_OF_A_HEAD)])
            end = head.index(b"\r\n\r\n") + 4
            told = LENGTH.search(head, 0, end)
            self._left = end + (int(told[1]) if told else 0)
        self._left -= got
        if got and not self._left:
            self.client.sendall(REPLY)
        return got > 0


def serve(listener: socket.socket) -> None:
    """Answer whoever connects, for ever."""
    buffer = memoryview(bytearray(2**20))
    with selectors.DefaultSelector() as ready:
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.data is None:
                    connection = Connection(listener.accept()[0])
                    ready.register(connection.client, selectors.EVENT_READ, connection)
                elif not key.data.read(buffer):
                    ready.unregister(key.fileobj)
                    key.data.client.close()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        print(listener.getsockname()[1], flush=True)
        serve(listener)
