"""A route as it was configured: what it leads to, and what holds for a request on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from facegate.errors import ConsentRefused, FacegateError, InvalidRequest, UnsupportedOption
from facegate.model import Operation
from facegate.providers.provider import Provider
from facegate.question import Options, Question
from facegate.routing.leaf import Leaf
from facegate.routing.node import Node, TermsByProvider
from facegate.routing.shadow import Shadow
from facegate.runtime.lazy import lazy
from facegate.thresholds import NOTHING_WANTED, Policy, Wanted


@dataclass(frozen=True, slots=True)
class Checked:
    """A question that a route can put to somebody.

    Attributes:
        wanted: the thresholds that the question and the route's policy ask for.
        terms: what it means to each provider, by name, or why it cannot be put to it.
    """

    wanted: Wanted
    terms: TermsByProvider


@dataclass(frozen=True)
class Route:
    """Where requests go, and the limits that each keeps.

    Attributes:
        name: as configured; None for a provider that is asked without a route.
        node: what it leads to.
        deadline_s: seconds for one request, everything included.
        max_attempts: how often providers may be asked for one request, whatever is nested.
        require_consent: refuse requests that carry none.
        policy: thresholds by operation, for requests that name none.
        digest: of the configuration that it comes from, without its secrets.
        shadow: a candidate that is asked too, in the background, or None.
    """

    name: str | None
    node: Node
    deadline_s: float
    max_attempts: int
    require_consent: bool = False
    policy: Mapping[Operation, Policy] = field(default_factory=dict)
    digest: str | None = None
    shadow: Shadow | None = None

    @classmethod
    def to(cls, provider: Provider) -> Route:
        """To one provider, without a route."""
        return cls(None, Leaf(provider), provider.settings.deadline_s, 1)

    @lazy
    def providers(self) -> Sequence[Provider]:
        """Those that may be asked, each once."""
        return list({id(provider): provider for provider in self.node.providers()}.values())

    @property
    def nodes(self) -> Sequence[Node]:
        """Every part of it, arms of no weight and the shadow's candidate included."""
        nodes = [self.node, self.shadow.candidate] if self.shadow else [self.node]
        for node in nodes:  # grows on the way
            nodes += node.children()
        return nodes

    @property
    def held(self) -> Sequence[Provider]:
        """All that there are to close, each once."""
        found = [node.provider for node in self.nodes if isinstance(node, Leaf)]
        return list({id(provider): provider for provider in found}.values())

    @property
    def max_gallery(self) -> int | None:
        """Most gallery pictures that any of its providers takes; None for no limit."""
        limits = [provider.info.max_gallery for provider in self.providers]
        return None if None in limits else max(most for most in limits if most is not None)

    def check(self, question: Question) -> Checked:
        """What a question comes to on this route; refuses what nobody could be asked.

        Raises:
            ConsentRefused: there is no consent, or it permits none of the providers.
            UnsupportedOperation, UnsupportedOption, InvalidRequest: see :meth:`terms`.
        """
        if self.require_consent and question.consent is None:
            raise ConsentRefused(f"route {self.name!r} takes no request without consent")
        checked = self.terms(question.operation, question.wanted, question.options)
        if not self.node.permits(question.consent):
            raise self.node.not_permitted()
        return checked

    def terms(
        self, operation: Operation, wanted: Wanted = NOTHING_WANTED, options: Options | None = None
    ) -> Checked:
        """What thresholds and options come to, before any I/O; the route's policy fills the gaps.

        Raises:
            UnsupportedOperation, UnsupportedOption, InvalidRequest: nobody can be asked so; what
                the first provider says.
        """
        self._check_options(options)
        self.refuse_ambiguous(wanted)
        if policy := self.policy.get(operation):
            names = [provider.name for provider in self.providers]
            wanted = wanted.filled_from(Wanted.of(policy), names)
        terms = self.node.terms(operation, wanted, options)
        refusals = [each for each in terms.values() if isinstance(each, FacegateError)]
        if len(refusals) == len(terms):
            raise refusals[0]
        return Checked(wanted, terms)

    def refuse_ambiguous(self, wanted: Wanted) -> None:
        """Refuse thresholds that say different things to different providers.

        Raises:
            UnsupportedOption: see :meth:`facegate.thresholds.Wanted.refuse_ambiguous`.
        """
        scored = {provider.name: provider.info for provider in self.providers}
        wanted.refuse_ambiguous(scored, [provider.name for provider in self.held])

    def _check_options(self, options: Any) -> None:
        if options is None:
            return
        if not isinstance(options, Mapping):
            raise InvalidRequest('options are a table keyed by plugin: {"plugin": {"key": ...}}')
        plugins = {provider.info.plugin: None for provider in self.providers}
        for name in options:
            if name not in plugins:
                asked = " or ".join(map(repr, plugins))
                raise UnsupportedOption(
                    f"options are keyed by plugin; the request goes to {asked}, not {name!r}"
                )
