"""Checks of licences and agreements: limits that contradict each other, rights that nobody could use, parties without terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from catalog.access import USES, Action, Licence, LicenceReach, Scope, Tier
from catalog.access_checks import grants
from catalog.agreement import Agreement
from catalog.facts import Facts, Finding
from catalog.problems import shown

TOO_FAR: Final = {
    LicenceReach.ANYONE: frozenset[Scope](),
    LicenceReach.CITY: frozenset({Scope.AGREEMENT, Scope.PUBLIC}),
    LicenceReach.SCHOOL: frozenset({Scope.AGREEMENT, Scope.DISTRICT, Scope.CITY, Scope.PUBLIC}),
}
"""Reach of a licence -> the scopes of tiers that stand outside it."""


def licence_checks() -> tuple[Callable[[Facts], Iterator[Finding]], ...]:
    """The checks of this file."""
    return (windows, reaches, licensed_rights, agreement_terms, signatures, agreements_open, subjects_apart)


def windows(facts: Facts) -> Iterator[Finding]:
    """A window that closes before it opens."""
    for index, licence in facts.of("licences").items():
        if licence.window and licence.window.ends < licence.window.starts:
            message = f"{licence.window.ends} is before the start, {licence.window.starts}"
            yield Finding("licences", index, ("window", "ends"), message)


def reaches(facts: Facts) -> Iterator[Finding]:
    """A licence that names a tier which its own limits shut out, or one that can use nothing that stands under a licence."""
    tiers = {tier.id: tier for tier in facts.of("tiers").values()}
    users = {tier for tier, _ in _licensed(facts)}
    for index, licence in facts.of("licences").items():
        if licence.seats and any(name in tiers and tiers[name].scope is Scope.PUBLIC for name in licence.tiers):
            yield Finding("licences", index, ("seats",), "whoever has not signed in cannot hold a seat: write null")
        for position, name in enumerate(licence.tiers):
            if message := _shut_out(licence, tiers.get(name), users):
                yield Finding("licences", index, ("tiers", position), message)


def _shut_out(licence: Licence, tier: Tier | None, users: set[str]) -> str:
    if tier is None:
        return ""
    if tier.scope in TOO_FAR[licence.reach]:
        return f"the licence reaches no farther than the {licence.reach}, and `{tier.id}` is outside: it opens nothing to it"
    return (
        "" if not users or tier.id in users else f"no grant lets `{tier.id}` use anything that stands under a licence"
    )


def licensed_rights(facts: Facts) -> Iterator[Finding]:
    """A grant that no licence ever lets its tier use."""
    allowed = {
        (tier, use) for licence in facts.of("licences").values() for tier in licence.tiers for use in licence.uses
    }
    known = facts.declared("tiers")
    for at in grants(facts):
        for position, tier in enumerate(at.grant.tiers if at.resource.licensed and allowed else ()):
            wanting = [a for a in at.grant.actions if tier in known and a in USES and (tier, USES[a]) not in allowed]
            for action in wanting:
                yield at.finding(
                    f"no licence lets `{tier}` `{action}`: it needs the use `{USES[action]}`", "tiers", position
                )


def agreement_terms(facts: Facts) -> Iterator[Finding]:
    """A party without terms or with two rows of them; terms of one that is no party."""
    for index, agreement in facts.of("agreements").items():
        yield from _rows(index, agreement, "terms")
        if silent := [party for party in agreement.parties if party not in {term.party for term in agreement.terms}]:
            message = f"what {', '.join(silent)} gives and owes is not said: add a row for each"
            yield Finding("agreements", index, ("terms",), message)


def signatures(facts: Facts) -> Iterator[Finding]:
    """A signature twice, of one that is no party, or of a day on which the agreement already held."""
    for index, agreement in facts.of("agreements").items():
        yield from _rows(index, agreement, "signatures")
        for position, signature in enumerate(agreement.signatures):
            if signature.on > agreement.starts:
                message = f"{signature.on} is after its first day, {agreement.starts}: it starts when all have signed"
                yield Finding("agreements", index, ("signatures", position, "on"), message)


def _rows(index: int, agreement: Agreement, section: str) -> Iterator[Finding]:
    parties = [row.party for row in getattr(agreement, section)]
    for position, party in enumerate(parties):
        path = (section, position, "party")
        if party not in agreement.parties:
            yield Finding("agreements", index, path, f"{shown(party)} is no party to this agreement")
        elif party in parties[:position]:
            yield Finding("agreements", index, path, f"{shown(party)} stands twice: keep one row")


def agreements_open(facts: Facts) -> Iterator[Finding]:
    """An agreement in a service of which nothing is opened by agreement."""
    opened = {at.resource.service for at in grants(facts) if Scope.AGREEMENT in at.grant.scopes}
    for index, agreement in facts.of("agreements").items() if facts.of("resources") else ():
        for position, service in enumerate(agreement.services):
            if service in facts.declared("services") and service not in opened:
                message = f"no resource of `{service}` has a grant by agreement: it opens nothing there"
                yield Finding("agreements", index, ("services", position), message)


def subjects_apart(facts: Facts) -> Iterator[Finding]:
    """One word for two subjects: a lesson under it would be opened by an agreement about the other."""
    taken: dict[str, str] = {}
    for index, subject in facts.of("subjects").items():
        for word in subject.words:
            if (other := taken.setdefault(word, subject.id)) != subject.id:
                yield Finding("subjects", index, ("name",), f"{shown(word)} is the word for `{other}` already")


def _licensed(facts: Facts) -> set[tuple[str, Action]]:
    """Tier and action of every grant that a licence has to allow as well."""
    listed = (at for at in grants(facts) if at.resource.licensed)
    return {(tier, action) for at in listed for tier in at.grant.tiers for action in at.grant.actions if action in USES}
