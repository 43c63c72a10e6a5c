"""The matrix as rows, one for each tier and class of resources, and those rows on a terminal and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from catalog import City
from catalog.access import USES, Scope
from catalog.resource import Resource
from derive import grants, points
from derive.grants import Cell
from derive.points import Held
from ops.accesses import words
from policies.access.words import ACTIONS, Both, whose


@dataclass(frozen=True)
class Row:
    """What one tier may do with one class, in words."""

    cell: Cell
    action: Both
    whose: Both
    rule: Both | None
    """Name of the rule about pupils' data by which it is allowed."""
    consent: bool
    """Whether that rule asks for a guardian's consent."""
    licences: tuple[str, ...]
    """Ids of the licences that let it happen; empty where licences have no say."""
    given: tuple[Both, ...]
    """What is to be said of who gives it to them; empty where the platform does."""


def rows(city: City, resource: Resource) -> list[Row]:
    """Every row of one class, in catalog order."""
    held = grants.held(city, resource.id)
    return [_row(city, resource, cell, held[cell.tier]) for cell in grants.cells(city) if cell.resource == resource.id]


def _row(city: City, resource: Resource, cell: Cell, held: Held) -> Row:
    rule = next((each for each in city.data_rules if each.id == cell.rule), None)
    use = USES.get(cell.action)
    fitting = [each.id for each in city.licences if use in each.uses and cell.tier in each.tiers]
    return Row(
        cell,
        ACTIONS[cell.action],
        words.either(whose(resource.held_by, scope) for scope in cell.scopes),
        (rule.name.zh, rule.name.en) if rule else None,
        bool(rule and rule.guardian_consent),
        tuple(fitting) if resource.licensed and use else (),
        tuple(_given(resource, cell, held)),
    )


def _given(resource: Resource, cell: Cell, held: Held) -> Iterator[Both]:
    """A sentence for each giver but the platform, with whose where not all is by the same."""
    found = points.givers(resource.id, cell.action, held)
    for giver, scopes in found.items():
        if giver in words.GIVERS:
            (zh, en), part = words.GIVERS[giver], words.either(whose(resource.held_by, Scope(each)) for each in scopes)
            yield (zh, en) if len(found) == 1 else (f"{zh}：{part[0]}", f"{en}: {part[1]}")


def lines(city: City, resource: Resource) -> list[tuple[Row, Both]]:
    """The rows of one class, those of a tier that differ in the action only taken together: the first of them, and all their actions."""
    found: dict[object, list[Row]] = {}
    for row in rows(city, resource):
        found.setdefault((row.cell.tier, row.whose, row.rule, row.licences, row.given), []).append(row)
    return [(each[0], words.joined(row.action for row in each)) for each in found.values()]


def terminal(city: City) -> RenderableType:
    """One table for each class."""
    return Group(*(_table(city, resource) for resource in city.resources))


def _table(city: City, resource: Resource) -> Table:
    title = Text.assemble((f"{resource.name.zh} {resource.name.en}", "bold"), f"  {resource.description.en}")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("谁 who", "做什么 may", "谁的 whose", "条件 under"):
        table.add_column(column, overflow="fold")
    last = None
    for row, actions in lines(city, resource):
        who = " ".join(words.tier(city, row.cell.tier)) if row.cell.tier != last else ""
        table.add_row(
            who,
            "\n".join(actions),
            "\n".join(row.whose),
            "\n".join((*under(city, row), *(line for pair in row.given for line in pair))).strip(),
        )
        last = row.cell.tier
    return table


def under(city: City, row: Row) -> Both:
    """The conditions of a row: the licences that allow it, or the rule about pupils' data; empty where there is none."""
    if row.rule:
        age = city.minors.guardian_consent_below
        zh, en = (f"；未满 {age} 岁须监护人同意", f"; a guardian’s consent below {age}") if row.consent else ("", "")
        return f"规则“{row.rule[0]}”{zh}", f"the rule “{row.rule[1]}”{en}"
    names = {each.id: each.name for each in city.licences}
    zh, en = words.joined((names[each].zh, names[each].en) for each in row.licences)
    return (f"许可：{zh}", f"licence: {en}") if row.licences else ("", "")


COLUMNS = (
    "resource", "resource_zh", "resource_en", "tier", "tier_zh", "tier_en", "action", "action_zh", "action_en",
    "scopes", "scopes_zh", "scopes_en", "rule", "guardian_consent_below", "licences", "given_zh", "given_en",
)  # fmt: skip


def csv_text(city: City) -> str:
    """Every row, with a byte order mark so that a spreadsheet reads the Chinese."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_records(city))
    return "\ufeff" + out.getvalue()


def _records(city: City) -> Iterator[tuple[str, ...]]:
    for resource in city.resources:
        for row in rows(city, resource):
            cell, given = row.cell, words.joined(row.given)
            age = str(city.minors.guardian_consent_below) if row.consent else ""
            yield (
                cell.resource, *words.resource(city, cell.resource), cell.tier, *words.tier(city, cell.tier),
                cell.action.value, *row.action, " ".join(cell.scopes), *row.whose, cell.rule or "", age, " ".join(row.licences), *given,
            )  # fmt: skip
