"""Failover: another provider steps in where one cannot answer."""

from __future__ import annotations

from collections.abc import Sequence

from facegate.errors import FacegateError, ProviderError
from facegate.model import VerificationResult
from facegate.routing.node import Node, Run, Share
from facegate.runtime.flow import Flow


class Failover(Node):
    """Several nodes, asked one after the other until one answers.

    The error's class says whether the next one is asked (``fails_over``): an outage leads on, a
    picture that cannot be decided on does not. A node that the request's consent does not permit
    is passed over.

    The time that is left is shared out evenly among those still to come, so that one that stalls
    leaves the next one its part. What a provider's own ``deadline_s`` does not let it use goes to
    those after it.
    """

    def __init__(self, name: str, nodes: Sequence[Node]) -> None:
        self.name = name
        self.nodes = tuple(nodes)

    def children(self) -> Sequence[Node]:
        return self.nodes

    def ask(self, run: Run, share: Share) -> Flow[VerificationResult]:
        failed: FacegateError | None = None
        nodes = [node for node in self.nodes if node.permits(run.question.consent)]
        for index, node in enumerate(nodes):
            if failed and (run.budget <= 0 or not share.deadline.left()):
                break
            before = len(run.attempts)
            try:
                # Shared out anew each time: the seconds that one did not use go to those after it.
                # The fair share stays that of all: by it the breaker tells whether a timeout was
                # the provider's fault, or that of those before it.
                return (yield from node.ask(run, share.part(len(nodes) - index, len(nodes))))
            except FacegateError as error:
                # Being refused unasked says less than how an earlier one failed.
                if len(run.attempts) > before or not isinstance(failed, ProviderError):
                    failed = error
                if not error.fails_over:
                    break
        raise failed or self.not_permitted()
