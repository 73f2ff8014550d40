"""A route as it was configured: what it leads to, and what holds for a request on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from facegate.errors import ConsentRefused, FacegateError, InvalidRequest, UnsupportedOption
from facegate.model import Operation, Thresholds
from facegate.policy import Policy, Terms
from facegate.providers.provider import Provider
from facegate.question import Question
from facegate.routing.node import Leaf, Node
from facegate.routing.shadow import Shadow
from facegate.runtime.lazy import lazy


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
    def to(cls, provider: Provider[Any]) -> Route:
        """To one provider, without a route."""
        return cls(None, Leaf(provider), provider.settings.deadline_s, 1)

    @lazy
    def providers(self) -> Sequence[Provider[Any]]:
        """Those that may be asked, each once."""
        return list({id(leaf.provider): leaf.provider for leaf in self.node.leaves()}.values())

    @property
    def nodes(self) -> Sequence[Node]:
        """Every part of it, arms of no weight and the shadow's candidate included."""
        nodes = [self.node, self.shadow.candidate] if self.shadow else [self.node]
        for node in nodes:  # grows on the way
            nodes += node.parts()
        return nodes

    @property
    def held(self) -> Sequence[Provider[Any]]:
        """All that there are to close, each once."""
        found = [node.provider for node in self.nodes if isinstance(node, Leaf)]
        return list({id(provider): provider for provider in found}.values())

    @property
    def max_gallery(self) -> int | None:
        """Most gallery pictures that any of its providers takes; None for no limit."""
        limits = [provider.info.max_gallery for provider in self.providers]
        return None if None in limits else max(most for most in limits if most is not None)

    def check(self, question: Question) -> Question:
        """The question as the route puts it; refuses what nobody could be asked, before any I/O.

        What the caller leaves open is filled in from the route's policy.

        Raises:
            ConsentRefused: there is no consent, or none of the providers is covered by it.
            UnsupportedOperation, UnsupportedOption, InvalidRequest: see :meth:`Node.check`.
        """
        if self.require_consent and question.consent is None:
            raise ConsentRefused(f"route {self.name!r} takes no request without consent")
        self._check_options(question.options)
        self.check_threshold("threshold", question.threshold)
        self.check_threshold("liveness_threshold", question.liveness_threshold)
        question = self._governed(question)
        self.node.check(question)
        if not self.node.permits(question.consent):
            raise self.node.not_permitted()
        return question

    def terms(self, question: Question) -> Sequence[tuple[Provider[Any], Terms[Any]]]:
        """What the question means to each provider that it can be put to.

        Raises:
            UnsupportedOperation, UnsupportedOption, InvalidRequest: to none; what the first says.
        """
        question = self._governed(question)
        found: dict[str, tuple[Provider[Any], Terms[Any]]] = {}
        refusals = []
        for leaf in self.node.leaves():
            try:
                found[leaf.name] = leaf.provider, leaf.terms(question)
            except FacegateError as error:
                refusals.append(error)
        if not found:
            raise refusals[0]
        return list(found.values())

    def _governed(self, question: Question) -> Question:
        policy = self.policy.get(question.operation)
        if policy is None:
            return question
        return replace(
            question,
            request_id=question.id,
            threshold=self._filled(question.threshold, policy.threshold),
            liveness_threshold=self._filled(question.liveness_threshold, policy.liveness_threshold),
            review_from=policy.review_from,
        )

    def _filled(self, asked: Any, policy: Thresholds | None) -> Thresholds | None:
        if not isinstance(asked, Mapping):
            return policy if asked is None else asked
        if policy is not None and not isinstance(policy, Mapping):
            policy = {provider.name: policy for provider in self.providers}
        said = {name: value for name, value in asked.items() if value is not None}
        return {**(policy or {}), **said}

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

    def check_threshold(self, name: str, value: Thresholds | None) -> None:
        """Refuse one number held against scores of different scales, and names of nobody here.

        Raises:
            UnsupportedOption: saying what to write instead.
        """
        if isinstance(value, Mapping):
            names = [provider.name for provider in self.held]
            for key in value:
                if key not in names:
                    raise UnsupportedOption(
                        f"a {name} for {key!r}, but the request goes to {' or '.join(names)}"
                    )
            return
        if value is None or (isinstance(value, str) and value.startswith("fmr:")):
            return
        kind = "liveness" if name == "liveness_threshold" else "match"
        specs = [getattr(provider.info, kind) for provider in self.providers]
        if len({spec.scale.name for spec in specs if spec}) > 1:
            raise UnsupportedOption(
                f"a {name} as a number means something else to each provider of this route; give"
                ' each its own, by name, or a measured rate such as "fmr:1e-4"'
            )
