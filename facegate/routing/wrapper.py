"""A node around another one."""

from __future__ import annotations

from collections.abc import Sequence

from facegate.routing.node import Node


class Wrapper(Node):
    """A node around another; subclasses write :meth:`ask`, with conditions of their own.

    Attributes:
        node: the node inside.
    """

    def __init__(self, node: Node) -> None:
        self.node, self.name = node, node.name

    def children(self) -> Sequence[Node]:
        return (self.node,)
