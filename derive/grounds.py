"""Why the answer was yes: one ground that is enough by itself. Worked out after the decision and for a yes only, never on the way to it.

Each scope of a cell, and each agreement, is tried alone by the walk that decides, so that a ground cannot say what the decision would not.
A ground names rows of the city's facts and nobody: it stands on the audit record, and in what evaluators are given of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from catalog.access import Scope
from derive.cells import NARROWEST, Cell
from derive.questions import Question
from derive.tables import Opening, Tables

Facts = Mapping[str, str | int]
GRANT: Final = "grant"
"""Fact that every grant has: of the matrix ``<class>.<tier>.<action>``, as its policy in `access.cedar` is called, else one of these."""
EVERYBODY, ROSTER, ACCOUNT = "everybody", "roster", "account"
"""What anybody may ask for; what the roster says somebody is; what their account says."""
FACTS: Final = (GRANT, "scope", "agreement", "alliance", "licence", "seat", "rule", "consent")
"""Every fact that a ground can have on record, in the order in which people read them."""
_WIDTH: Final[Mapping[str, int]] = {scope.value: width for width, scope in enumerate(NARROWEST)}


class Ground(NamedTuple):
    """Rows of the city's facts that are enough for a yes, all of them together."""

    grant: str
    """See `GRANT`."""
    scope: str
    """With whose: the one of the grant's scopes in which the resource lies."""
    agreement: str | None = None
    """Id of the agreement that opens it, where that is the scope."""
    alliance: str | None = None
    """Id of the alliance, where that is the scope and the resource is of another school than theirs."""
    licence: str | None = None
    """Id of the licence under which it is open; None where licences have no say."""
    seat: bool = False
    """Whether the licence counts seats: they hold one then."""
    rule: str | None = None
    """Id of the rule by which a pupil's personal data may be seen."""
    consent: bool = False
    """Whether the rule needed a guardian's consent, which was there."""

    @property
    def facts(self) -> Facts:
        """What goes on record; what has no say is left out."""
        return {name: value for name in FACTS if (value := getattr(self, name))}


def ground(tables: Tables, opening: Iterable[Opening], until: int = 0) -> Ground | None:
    """Why the answer is yes from now to ``until`` at least (Unix seconds), by the cells that say so; None where there are none.

    Of several grounds it is the one with the narrowest scope, in the order of `Scope`, and an agreement only where no scope reaches so
    far by itself; of these the first in the order of ``opening``, then of the document's agreements that hold so long. The document's first
    alliance is named where the schools share more than one.
    """
    found = (way for each in opening if (way := _narrowest(tables, each, until)))
    best = min(found, key=_width, default=None)
    return _named(tables, *best) if best else None


def of_record(facts: Facts) -> dict[str, str | int]:
    """The ground among the facts of a grant on record, as people read it; nothing of one from before there were grounds."""
    return {name: facts[name] for name in FACTS if name in facts}


def _narrowest(tables: Tables, opening: Opening, until: int) -> Opening | None:
    """The narrowest way by which a cell says yes for so long."""
    tier, cell, question = opening
    ways = tables.ways(cell, question)
    return next(((tier, way, question) for way in ways if tables.until(way, question) >= until), None)


def _width(way: Opening) -> int:
    (scope,) = way[1].scopes
    return _WIDTH[scope]


def _named(tables: Tables, tier: str, way: Cell, question: Question) -> Ground:
    what, (scope,) = question.what, way.scopes
    terms = tables.licences[what.licence or ""] if way.use is not None else None
    return Ground(
        f"{what.resource}.{tier}.{question.action.value}",
        scope,
        agreement=way.agreements[0].id if way.agreements else None,
        alliance=_shared(tables, question) if scope == Scope.ALLIANCE else None,
        licence=what.licence if terms else None,
        seat=terms.seats if terms else False,
        rule=way.rule,
        consent=bool(way.consent_below) and (what.age is None or what.age < way.consent_below),
    )


def _shared(tables: Tables, question: Question) -> str | None:
    """The alliance by which the resource's school is near; None: it is their own."""
    owner, theirs = question.what.school, question.who.schools
    if owner in theirs:
        return None
    leagues = tables.alliances.items()
    return next((name for name, each in leagues if owner in each and not each.isdisjoint(theirs)), None)
