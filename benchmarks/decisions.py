"""How long does one access decision take in process: by the kit's tables, by Cedar, and by Casbin?

All decide the same questions about the worked city by the same matrix: half of them allowed, half refused, made from a seed. In every
round all give the same verdicts, or the run fails. Cedar is asked with policies and entities parsed once; the person and the resource
of a question come with it (as in a service), or are all known beforehand (its best case), or are asked a hundred at a time. Casbin has
one policy line for each cell, and asks the kit's own tables whether that one cell's conditions hold, which is kinder to it than
expressions would be. Figures are of the processor, for one decision; the rounds go in turns.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import casbin
import cedarpy

from catalog import City, load_named
from catalog.access import Action
from policies.access import entities
from policies.access.deciding import Judge, Question
from policies.access.entities import Person, Thing
from policies.access.tables import Tables

TITLE = "Access decisions in process"
CITY, SEED = "neijiang", 20260901
EACH = 500
"""Allowed questions, and refused ones."""
ROUNDS, BATCH = 7, 100
MODEL = """
[request_definition]
r = question, tier, resource, action
[policy_definition]
p = tier, resource, action, cell
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.resource == p.resource && r.action == p.action && (p.tier == "*" || r.tier == p.tier) && holds(r.question, p.cell)
"""
Decide = Callable[[list[Question]], list[bool]]


def run() -> list[dict[str, Any]]:
    """One row for each way to decide."""
    city = load_named(CITY)
    tables, judge = Tables.of(city), Judge.of(city)
    asked = questions(city, tables)
    ways = {
        "the kit's tables": lambda listed: [tables.allows(each) for each in listed],
        "cedarpy, one question with its person and resource": lambda listed: [
            by_cedar(judge, [each])[0] for each in listed
        ],
        "cedarpy, one question, everybody known beforehand": known(judge, asked),
        f"cedarpy, {BATCH} questions at a time": lambda listed: batches(judge, listed),
        "pycasbin, one question": by_casbin(tables),
    }
    wanted = [tables.allows(each) for each in asked]
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, decide in ways.items():
            began = time.process_time()
            verdicts = decide(asked)
            taken[name].append((time.process_time() - began) / len(asked))
            if verdicts != wanted:
                raise AssertionError(f"{name} differs from the tables")
    return [_row(name, seconds) for name, seconds in taken.items()]


def questions(city: City, tables: Tables) -> list[Question]:
    """``EACH`` allowed and ``EACH`` refused questions, mixed."""
    dice = random.Random(SEED)  # noqa: S311  # no secret
    found: dict[bool, list[Question]] = {True: [], False: []}
    for question in _drawn(city, dice):
        listed = found[tables.allows(question)]
        if len(listed) < EACH:
            listed.append(question)
        if all(len(each) == EACH for each in found.values()):
            break
    mixed = [*found[True], *found[False]]
    dice.shuffle(mixed)
    return mixed


def _drawn(city: City, dice: random.Random) -> Iterator[Question]:
    """People of every tier ask for everything, half the time for what is of their own school."""
    codes, start = list(city.by_code), int(time.mktime((2026, 10, 1, 8, 0, 0, 0, 0, 0)))
    for number in range(1_000_000):
        school, tier, resource = dice.choice(codes), dice.choice(city.tiers), dice.choice(city.resources)
        owner, close = dice.choice((school, dice.choice(codes))), dice.random() < 0.5  # noqa: PLR2004  # half
        district = city.school(school).district if tier.scope == "district" else None
        who = Person(
            f"person-{number}", tier.id, schools=() if district else (school,), classes=("class",) if close else (),
            children=("pupil",) if close else (), district=district, city=tier.scope == "city",
        )  # fmt: skip
        what = Thing(
            f"thing-{number}", resource.id, school=owner, person="pupil", group="class", age=dice.choice((None, 13, 15)),
            consent=dice.random() < 0.5, licence=dice.choice(city.licences).id, published=start,  # noqa: PLR2004
        )  # fmt: skip
        yield Question(who, dice.choice(list(Action)), what, start + dice.randrange(60 * entities.DAY_SECONDS))


def by_cedar(judge: Judge, asked: list[Question]) -> list[bool]:
    """Verdicts by Cedar, the facts of the questions given with them."""
    return [verdict.allowed for verdict in judge.decide(asked)]


def batches(judge: Judge, asked: list[Question]) -> list[bool]:
    """The same, ``BATCH`` at a time."""
    parts = (asked[at : at + BATCH] for at in range(0, len(asked), BATCH))
    return [allowed for part in parts for allowed in by_cedar(judge, part)]


def known(judge: Judge, asked: list[Question]) -> Decide:
    """Decides by Cedar with every person and resource in the entities already."""
    facts = [fact for q in asked for fact in (entities.person(judge.city, q.who), entities.thing(judge.city, q.what))]
    everybody = judge.base.with_added_json_str(json.dumps(facts))
    requests = {id(each): judge.request(each) for each in asked}

    def decide(listed: list[Question]) -> list[bool]:
        return [bool(cedarpy.is_authorized(requests[id(each)], judge.policies, everybody).allowed) for each in listed]

    return decide


def by_casbin(tables: Tables) -> Decide:
    """Decides by Casbin: one line of policy a cell, whose conditions the tables judge."""
    model = casbin.model.Model()
    model.load_model_from_text(MODEL)
    enforcer = casbin.Enforcer(model)
    cells: dict[str, Tables] = {}
    for (resource, action), row in tables.cells.items():
        for tier, cell in row.items():
            name = f"{resource}.{tier}.{action}"
            cells[name] = replace(tables, cells={(resource, action): {tier: cell}}, everybody=(tier,))
            enforcer.add_policy("*" if tier in tables.everybody else tier, resource, action, name)
    enforcer.add_function("holds", lambda question, cell: cells[cell].allows(question))

    def decide(listed: list[Question]) -> list[bool]:
        return [bool(enforcer.enforce(q, q.who.tier, q.what.resource, q.action.value)) for q in listed]

    return decide


def _row(name: str, seconds: list[float]) -> dict[str, Any]:
    middle = statistics.median(seconds)
    return {
        "name": name,
        "n": ROUNDS,
        "unit": "us",
        "median": middle * 1e6,
        "min": min(seconds) * 1e6,
        "max": max(seconds) * 1e6,
        "cpu_seconds": middle,
        "note": f"{2 * EACH:,} questions a round, same verdicts by all",
    }
