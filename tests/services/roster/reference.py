"""Which rows of the roster each role sees and changes, written down a second time: plain Python over the rows themselves.

It says what docs/decisions/0182-a-role-for-each-reach.md says and shares nothing with `services.roster`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Row = Mapping[str, str]
"""Column -> value as text."""
Facts = Mapping[str, Sequence[Row]]
"""Table -> all its rows."""
Said = Mapping[str, str]
"""What the transaction says of itself: whose rows it wants, or what it does."""

COLUMNS = {
    "people": ("id",),
    "roles": ("person", "place", "role", "begins"),
    "classes": ("id", "school"),
    "enrolments": ("person", "class", "role", "begins", "school"),
    "guardians": ("guardian", "child"),
    "imports": ("id",),
    "consents": ("id", "pupil", "guardian"),
    "seats": ("id", "person"),
}
"""Table -> columns by which a row is known, and by which it is somebody's."""
KEEPER_NEVER = {
    *(("people", "DELETE"), ("guardians", "UPDATE"), ("consents", "DELETE"), ("seats", "DELETE")),
    *(("imports", "UPDATE"), ("imports", "DELETE")),
}
"""People are switched off and never deleted, a link is there or is not (only what the adult is may differ), a consent or seat is withdrawn,
and what was taken in stays on record."""
UNSEEN = {
    *(("roster_reader", "imports"), ("roster_school", "imports")),
    *(("roster_school", "consents"), ("roster_school", "seats")),
}
"""Imports are nobody's, and no school asks for consents or seats yet."""
PURPOSES = {"consents": "consent", "seats": "seat"}
"""Table -> what the keeper says that it is at, where it is not an import."""


def allowed(role: str, table: str, statement: str) -> bool:
    """Whether the role may try at all."""
    if role == "roster_owner":
        return True
    if role == "roster_keeper":
        return (table, statement) not in KEEPER_NEVER
    return statement == "SELECT" and (role, table) not in UNSEEN


def inserts(role: str, said: Said, table: str) -> bool:
    """Whether a new row is taken: only from who takes a roster or a consent in, or gives seats out, and says so."""
    return allowed(role, table, "INSERT") and role == "roster_keeper" and _doing(said, table)


def reached(role: str, said: Said, table: str, facts: Facts) -> Sequence[Row]:
    """The rows that the role sees, and changes where it may."""
    if role == "roster_keeper":
        return facts[table] if _doing(said, table) else []
    if role == "roster_reader":
        return _of_person(said.get("huiju.person"), table, facts)
    if role == "roster_school":
        return _of_school(said.get("huiju.school"), table, facts)
    return []


def _doing(said: Said, table: str) -> bool:
    """Whether the keeper says that it is at what this table is for: an import sees no consent and no seat, and who is at one only those."""
    return said.get("huiju.purpose") == PURPOSES.get(table, "import")


Kept = Mapping[str, Callable[[Row], bool]]


def _of_person(person: str | None, table: str, facts: Facts) -> Sequence[Row]:
    near = {person} | {link["child"] for link in facts["guardians"] if link["guardian"] == person}
    classes = {(row["class"], row["school"]) for row in facts["enrolments"] if row["person"] in near}
    kept: Kept = {
        "people": lambda row: row["id"] in near,
        "roles": lambda row: row["person"] in near,
        "enrolments": lambda row: row["person"] in near,
        "classes": lambda row: (row["id"], row["school"]) in classes,
        "guardians": lambda row: person in {row["guardian"], row["child"]},
        "consents": lambda row: row["pupil"] in near,
        "seats": lambda row: row["person"] == person,
    }
    return [row for row in facts[table] if person and kept[table](row)]


def _of_school(school: str | None, table: str, facts: Facts) -> Sequence[Row]:
    here = {row["person"] for row in facts["roles"] if row["place"] == school}
    kept: Kept = {
        "people": lambda row: row["id"] in here,
        "roles": lambda row: row["place"] == school,
        "enrolments": lambda row: row["school"] == school,
        "classes": lambda row: row["school"] == school,
        "guardians": lambda row: row["child"] in here,
    }
    return [row for row in facts[table] if school and kept[table](row)]
