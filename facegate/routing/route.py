"""A route as it was configured: the nodes it leads to, and the rules for a request on it."""

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
        terms: its terms by provider name, or the error of a provider that it cannot be put to.
    """

    wanted: Wanted
    terms: TermsByProvider


@dataclass(frozen=True)
class Route:
    """A route: where requests go, and the limits that each keeps.

    Attributes:
        name: the configured name; None for a provider that is asked without a route.
        node: the outermost node that it leads to.
        deadline_s: seconds for one request, everything included; above 0.
        max_attempts: most times that providers are asked for one request, however nodes are nested.
        require_consent: whether requests without a consent are refused.
        policy: thresholds by operation, for requests that name none.
        digest: SHA-256, in hex, of the configuration that it comes from, without its secrets.
        shadow: a candidate that is asked too, in the background; None where there is none.
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
        """The way to one provider, without a configured route."""
        return cls(None, Leaf(provider), provider.settings.deadline_s, 1)

    @lazy
    def providers(self) -> Sequence[Provider]:
        """The providers that may be asked, each once, in order."""
        return list({id(provider): provider for provider in self.node.providers()}.values())

    @property
    def nodes(self) -> Sequence[Node]:
        """Every node of it, arms of no weight and the shadow's candidate included."""
        nodes = [self.node, self.shadow.candidate] if self.shadow else [self.node]
        for node in nodes:  # grows on the way
            nodes += node.children()
        return nodes

    @property
    def held(self) -> Sequence[Provider]:
        """The providers that there are to close, each once, whether they may be asked or not."""
        leaves = [node.provider for node in self.nodes if isinstance(node, Leaf)]
        return list({id(provider): provider for provider in leaves}.values())

    @property
    def max_gallery(self) -> int | None:
        """Most gallery pictures that any of its providers takes; None for no limit."""
        limits = [provider.info.max_gallery for provider in self.providers]
        return None if None in limits else max(most for most in limits if most is not None)

    def check(self, question: Question, gallery: int | None = None) -> Checked:
        """A question's thresholds and terms on this route, before any I/O.

        Args:
            question: the question.
            gallery: number of gallery pictures; as far as the question knows if absent.

        Raises:
            ConsentRefused: there is no consent, or it permits none of the providers.
            UnsupportedOperation, UnsupportedOption, InvalidRequest: see :meth:`terms`.
        """
        if self.require_consent and question.consent is None:
            raise ConsentRefused(f"route {self.name!r} takes no request without consent")
        size = question.gallery_size if gallery is None else gallery
        checked = self.terms(question.operation, question.wanted, question.options, size)
        if not self.node.permits(question.consent):
            raise self.node.not_permitted()
        return checked

    def terms(
        self,
        operation: Operation,
        wanted: Wanted = NOTHING_WANTED,
        options: Options | None = None,
        gallery: int = 1,
    ) -> Checked:
        """Thresholds and terms of a question, before any I/O; the route's policy fills the gaps.

        Args:
            operation: the question.
            wanted: the thresholds that the caller asks for.
            options: per-request options, by plugin.
            gallery: number of gallery pictures.

        Raises:
            UnsupportedOperation, UnsupportedOption, InvalidRequest: nobody can be asked so; the
                error is the first provider's.
        """
        self._check_options(options)
        self.refuse_ambiguous(wanted)
        if policy := self.policy.get(operation):
            names = [provider.name for provider in self.providers]
            wanted = wanted.filled_from(Wanted.of(policy), names)
        terms = self.node.terms(operation, wanted, options, gallery)
        # One that cannot be told this is passed over later, as long as another one can.
        refusals = [refusal for refusal in terms.values() if isinstance(refusal, FacegateError)]
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
