"""Decisions by the compiled policies themselves, by Cedar."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import cedarpy

from catalog import City
from derive import questions
from policies.access import cedar, entities, matrix
from policies.access.cedar import Json
from policies.access.conditions import Obstacle

Question = questions.Question
"""May who do what with which resource, when."""


@dataclass(frozen=True)
class Verdict:
    """Yes or no, and the ids of the policies that said yes."""

    allowed: bool
    policies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judge:
    """Decides for one city; read once, asked often."""

    city: City
    policies: cedarpy.PolicySet = field(repr=False)
    base: cedarpy.Entities = field(repr=False)

    @classmethod
    def of(cls, city: City) -> Judge:
        """The judge by the catalog as it is here; ValueError where Cedar does not take what was compiled."""
        base = cedarpy.Entities.from_json_str(entities.text(city), entities.schema())
        return cls(city, cedarpy.PolicySet.from_json_str(matrix.policy_set(city)), base)

    def decide(self, questions: Sequence[Question]) -> list[Verdict]:
        """The verdicts, in order. A question whose facts Cedar does not understand is refused."""
        known = self.base.with_added_json_str(json.dumps(list(self._facts(questions)), ensure_ascii=False))
        asked = [self.request(each) for each in questions]
        return [_verdict(each) for each in cedarpy.is_authorized_batch(asked, self.policies, known)]

    def obstacles(self, question: Question) -> list[tuple[matrix.Policy, tuple[Obstacle, ...]]]:
        """Every policy about this tier, action and class -> what stands in its way; nothing does where it says yes.

        Each condition is asked of Cedar by itself, so that an explanation cannot differ from the decision.
        """
        what = (question.what.resource, question.action)
        found = [
            policy
            for policy in matrix.compiled(self.city)
            if (policy.resource.id, policy.action) == what and (policy.everybody or policy.tier == question.who.tier)
        ]
        alone = {
            f"{number}.{name}": {
                **policy.json(),
                "principal": {"op": "All"},
                "conditions": [{"kind": "when", "body": body}],
            }
            for number, policy in enumerate(found)
            for name, body in policy.when
        }
        document = json.dumps({"staticPolicies": alone, "templates": {}, "templateLinks": []}, ensure_ascii=False)
        asker = replace(self, policies=cedarpy.PolicySet.from_json_str(document))
        held = set(asker.decide([question])[0].policies)
        return [
            (policy, tuple(name for name, _ in policy.when if f"{number}.{name}" not in held))
            for number, policy in enumerate(found)
        ]

    def _facts(self, questions: Iterable[Question]) -> Iterable[Json]:
        people = {each.who.id: entities.person(self.city, each.who) for each in questions}
        things = {each.what.id: entities.thing(self.city, each.what) for each in questions}
        return [*people.values(), *things.values()]

    def request(self, question: Question) -> dict[str, Json]:
        """The question as Cedar takes it."""
        return {
            "principal": cedar.uid(cedar.PERSON, question.who.id),
            "action": cedar.uid(cedar.ACTION, question.action.value),
            "resource": cedar.uid(entities.type_of(self.city, question.what), question.what.id),
            "context": {"now": question.now, "seat": question.seat},
        }


def _verdict(result: cedarpy.AuthzResult) -> Verdict:
    return Verdict(bool(result.allowed), tuple(result.diagnostics.reasons) if result.allowed else ())
