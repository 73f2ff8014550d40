"""A node around another one."""

from __future__ import annotations

from collections.abc import Sequence

from facegate.routing.node import Node


class Wrapper(Node):
    """Asks the node inside it, under conditions of its own; subclasses write :meth:`ask`.

    Attributes:
        node: the one inside.
    """

    def __init__(self, node: Node) -> None:
        self.node, self.name = node, node.name

    def children(self) -> Sequence[Node]:
        return (self.node,)
