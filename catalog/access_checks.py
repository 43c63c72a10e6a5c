"""Checks of the matrix of access: grants that contradict their tier, that nobody could use, that show pupils' data without a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from catalog import names
from catalog.access import Action, Scope, Tier
from catalog.facts import Facts, Finding
from catalog.problems import shown
from catalog.resource import DataRule, Grant, Holding, Resource
from catalog.wording import did_you_mean

WIDTH: Final = tuple(Scope)
"""From the narrowest to the widest."""
WITHIN: Final = {
    Scope.CLASS: (Scope.SCHOOL, Scope.ALLIANCE, Scope.DISTRICT, Scope.CITY, Scope.PUBLIC),
    Scope.SCHOOL: (Scope.ALLIANCE, Scope.DISTRICT, Scope.CITY, Scope.PUBLIC),
    **dict.fromkeys((Scope.OWN, Scope.CHILD, Scope.AGREEMENT, Scope.ALLIANCE, Scope.DISTRICT), (Scope.CITY, Scope.PUBLIC)),
    Scope.CITY: (Scope.PUBLIC,),
}  # fmt: skip
"""Scope -> the scopes that reach all of it anyway."""
OF_PERSONS: Final = frozenset({Scope.OWN})
"""Scopes that mean something only where a person holds the resource."""
OUTSIDE: Final = {Scope.AGREEMENT: frozenset({Scope.AGREEMENT}), Scope.PUBLIC: frozenset({Scope.PUBLIC})}
"""Tiers that belong to no school: their scope -> the scopes that can hold for them."""


@dataclass(frozen=True)
class At:
    """One grant: its resource's row, its place in it, and both."""

    index: int
    position: int
    resource: Resource
    grant: Grant

    def finding(self, message: str, *path: str | int) -> Finding:
        """A problem of this grant."""
        return Finding("resources", self.index, ("grants", self.position, *path), message)


def access_checks() -> tuple[Callable[[Facts], Iterator[Finding]], ...]:
    """The checks of this file."""
    return (known_names, partner_tiers, ceilings, scopes, cells, personal_data, rules_used, rights_used, core_resources)


def grants(facts: Facts) -> Iterator[At]:
    """Every grant of every valid resource."""
    for index, resource in facts.of("resources").items():
        yield from (At(index, position, resource, grant) for position, grant in enumerate(resource.grants))


def known_names(facts: Facts) -> Iterator[Finding]:
    """A grant to a tier, or under a rule, that nothing declares: a grant to nobody. One entry twice in one list."""
    tiers, rules = facts.declared("tiers"), facts.declared("data_rules")
    for at in grants(facts):
        for position, tier in enumerate(at.grant.tiers):
            if tier not in tiers:
                message = f"{shown(tier)} is not one of the city's tiers{did_you_mean(tier, tiers)}"
                yield at.finding(message, "tiers", position)
        if at.grant.rule is not None and at.grant.rule not in rules:
            message = f"{shown(at.grant.rule)} is not one of the city's data_rules{did_you_mean(at.grant.rule, rules)}"
            yield at.finding(message, "rule")
        for name in ("tiers", "actions", "scopes"):
            listed = getattr(at.grant, name)
            for position, entry in enumerate(listed):
                if entry in listed[:position]:
                    yield at.finding(f"{shown(entry)} stands twice in this list: keep one", name, position)


def partner_tiers(facts: Facts) -> Iterator[Finding]:
    """A tier that lives by agreements without a kind of partner, or another tier with one."""
    for index, tier in facts.of("tiers").items():
        if (tier.scope is Scope.AGREEMENT) != (tier.partner_kind is not None):
            wanted = "what agreements open is for the people of a partner: name its kind"
            message = wanted if tier.partner_kind is None else f"its scope is `{tier.scope}`: write null"
            yield Finding("tiers", index, ("partner_kind",), message)


def ceilings(facts: Facts) -> Iterator[Finding]:
    """A grant that contradicts its tier: an action that the tier does not have, or a reach beyond its own."""
    for at, position, tier in _tiers(facts):
        for action in at.grant.actions:
            if action not in tier.actions:
                yield at.finding(f"`{tier.id}` may not `{action}` at all: its row of tiers says so", "tiers", position)
        for scope in at.grant.scopes:
            if message := _beyond(tier, scope, at.resource):
                yield at.finding(message, "tiers", position)


def _beyond(tier: Tier, scope: Scope, resource: Resource) -> str:
    """Why ``scope`` cannot hold for ``tier`` with this class of resources, or nothing."""
    able = OUTSIDE.get(tier.scope)
    if (able is not None and scope not in able) or (scope is Scope.CHILD and tier.scope is not Scope.CHILD):
        return f"the scope `{scope}` never holds for `{tier.id}`, whose own is `{tier.scope}`"
    if (scope is Scope.PUBLIC) > (tier.scope is Scope.PUBLIC):
        return f"the scope `{scope}` is of whoever has not signed in, and `{tier.id}` is not: write `{Scope.CITY}`"
    opened = {Scope.AGREEMENT, *((Scope.ALLIANCE,) if resource.id in names.OPENED_BY_ALLIANCE else ())}
    if scope not in opened and WIDTH.index(scope) > WIDTH.index(tier.scope):
        return f"the scope `{scope}` is wider than that of `{tier.id}`, `{tier.scope}`"
    return ""


def scopes(facts: Facts) -> Iterator[Finding]:
    """A scope that can never hold for the resource, or that another one of the same grant reaches anyway."""
    for at in grants(facts):
        held, listed = at.resource.held_by, at.grant.scopes
        for position, scope in enumerate(listed):
            wider = next((each for each in WITHIN.get(scope, ()) if each in listed), None)
            if held is Holding.CITY and scope not in (Scope.CITY, Scope.PUBLIC):
                yield at.finding(f"never holds: `{at.resource.id}` belongs to the whole city", "scopes", position)
            elif held is Holding.SCHOOL and scope in OF_PERSONS:
                yield at.finding(f"never holds: `{at.resource.id}` belongs to a school", "scopes", position)
            elif wider:
                yield at.finding(f"`{wider}` reaches all of `{scope}` anyway: leave it out", "scopes", position)


def cells(facts: Facts) -> Iterator[Finding]:
    """One tier and action in two grants of one resource: which of them holds is anybody's guess."""
    taken: dict[tuple[int, str, Action], int] = {}
    for at in grants(facts):
        for (position, tier), action in product(enumerate(at.grant.tiers), at.grant.actions):
            first = taken.setdefault((at.index, tier, action), at.position)
            if first != at.position:
                message = f"`{tier}` already has `{action}` by grants[{first}]: keep one row for it"
                yield at.finding(message, "tiers", position)


def personal_data(facts: Facts) -> Iterator[Finding]:
    """Pupils' personal data without a rule, by one that is not for the tier, for partners or the public; a rule where there are none."""
    rules: dict[str, DataRule] = {rule.id: rule for rule in facts.of("data_rules").values()}
    for at in grants(facts):
        rule = rules.get(at.grant.rule or "")
        if at.resource.personal and at.grant.rule is None:
            yield at.finding("nobody sees a pupil’s personal data except by a rule: name one of `data_rules`", "rule")
        if not at.resource.personal and at.grant.rule is not None:
            yield at.finding(f"`{at.resource.id}` holds no personal data: write null", "rule")
        for position, tier in enumerate(at.grant.tiers if rule else ()):
            if rule and tier not in rule.tiers:
                yield at.finding(f"the rule `{rule.id}` is not for `{tier}`", "tiers", position)
        for position, scope in enumerate(at.grant.scopes if at.resource.personal else ()):
            if scope in (Scope.AGREEMENT, Scope.PUBLIC):
                yield at.finding(f"a pupil’s personal data never go so far: `{scope}`", "scopes", position)


def rules_used(facts: Facts) -> Iterator[Finding]:
    """A rule about personal data that no grant names, or that names a tier to which no grant applies it."""
    used = {(at.grant.rule, tier) for at in grants(facts) for tier in at.grant.tiers}
    for index, rule in facts.of("data_rules").items():
        for position, tier in enumerate(rule.tiers):
            if tier in facts.declared("tiers") and (rule.id, tier) not in used:
                message = f"no grant lets `{tier}` see anything by the rule `{rule.id}`: it is out of use"
                yield Finding("data_rules", index, ("tiers", position), message)


def rights_used(facts: Facts) -> Iterator[Finding]:
    """An action of a tier that no grant lets it do with anything: a row that nothing reaches."""
    granted = {(tier, action) for at in grants(facts) for tier in at.grant.tiers for action in at.grant.actions}
    for index, tier in facts.of("tiers").items() if facts.of("resources") else ():
        for position, action in enumerate(tier.actions):
            if (tier.id, action) not in granted:
                message = f"no resource lets `{tier.id}` `{action}` anything: grant it or leave it out"
                yield Finding("tiers", index, ("actions", position), message)


def core_resources(facts: Facts) -> Iterator[Finding]:
    """Classes that the platform itself serves, left out; licensed ones that are personal data."""
    listed = facts.of("resources")
    missing = [name for name in names.CORE_RESOURCES if name not in facts.declared("resources")]
    if missing and listed:
        yield Finding("resources", min(listed), (), f"the city also needs the resources {', '.join(missing)}")
    for index, resource in listed.items():
        if resource.licensed and resource.personal:
            yield Finding("resources", index, ("licensed",), "personal data stand under no licence")
        if resource.licensed and resource.held_by is not Holding.SCHOOL:
            yield Finding("resources", index, ("held_by",), "what stands under a licence belongs to a school")
        if resource.personal != (resource.held_by is Holding.PERSON):
            message = "what a person holds is personal data, and nothing else is"
            yield Finding("resources", index, ("personal",), message)


def _tiers(facts: Facts) -> Iterator[tuple[At, int, Tier]]:
    """Every grant with each of its tiers that is known, and the tier's place in the grant."""
    tiers = {tier.id: tier for tier in facts.of("tiers").values()}
    for at in grants(facts):
        yield from ((at, position, tiers[tier]) for position, tier in enumerate(at.grant.tiers) if tier in tiers)
