"""The difference between two states: each changed fact is told from the side of those who gain or lose, and nothing else is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from catalog import DATA, City, load_named
from catalog.access import Action, LicenceReach, Scope
from catalog.errors import UserError
from catalog.roster import RosterRole
from catalog.types import Names
from ops.accesses import states
from ops.accesses.difference import Change, changes
from ops.rosters.counting import Group
from policies.access import entities, matrix
from tests import builders

TINY = load_named("tiny")
DAY = timedelta(days=1)


def changed(**facts: Any) -> City:
    return builders.changed(TINY, **facts)


def first(rows: tuple[Any, ...], **facts: Any) -> tuple[Any, ...]:
    return (rows[0].model_copy(update=facts), *rows[1:])


def regranted(**facts: Any) -> City:
    lesson = TINY.resources[0]
    return changed(resources=first(TINY.resources, grants=first(lesson.grants, **facts)))


AGREEMENT = TINY.agreements[0]
EDITS: dict[str, tuple[City, str, int]] = {
    "a right less": (regranted(actions=(Action.VIEW,)), "-", 1),
    "a right more": (regranted(actions=(Action.VIEW, Action.LEARN, Action.DOWNLOAD)), "+", 1),
    "a wider scope": (regranted(scopes=(Scope.ALLIANCE, Scope.AGREEMENT)), "~", 2),
    "an agreement less": (changed(agreements=TINY.agreements[1:]), "-", 1),
    "an agreement that lost a signature": (changed(agreements=first(TINY.agreements, signatures=())), "-", 1),
    "an agreement a day longer": (changed(agreements=first(TINY.agreements, ends=AGREEMENT.ends + DAY)), "~", 1),
    "an agreement about fewer subjects": (
        changed(agreements=first(TINY.agreements, subjects=(TINY.subjects[0].id,))),
        "~",
        1,
    ),
    "a licence less": (changed(licences=TINY.licences[1:]), "-", 1),
    "a licence for fewer": (changed(licences=first(TINY.licences, tiers=TINY.licences[0].tiers[1:])), "~", 1),
    "a licence of less reach": (changed(licences=first(TINY.licences, reach=LicenceReach.CITY)), "~", 1),
    "no consent asked for": (
        changed(data_rules=(*TINY.data_rules[:-1], TINY.data_rules[-1].model_copy(update={"guardian_consent": False}))),
        "~",
        1,
    ),
    "an older age": (changed(minors=TINY.minors.model_copy(update={"guardian_consent_below": 16})), "~", 1),
    "relatives who may agree": (
        changed(
            minors=TINY.minors.model_copy(update={"guardian_consent_by": (RosterRole.PARENT, RosterRole.RELATIVE)})
        ),
        "~",
        1,
    ),
    "a second factor": (changed(tiers=first(TINY.tiers, two_factor=True)), "~", 1),
    "an alliance less": (changed(alliances=TINY.alliances[1:]), "-", 2),
    "a school in another district": (changed(schools=first(TINY.schools, district=TINY.districts[1].id)), "+", 4),
}
"""What changed -> the other state, the sign of its changes, and how many there are of that sign."""


@pytest.mark.parametrize("edit", EDITS)
def test_a_changed_fact_is_told(edit: str) -> None:
    city, sign, number = EDITS[edit]
    found = changes(TINY, city)
    told = [each for each in found if each.sign == sign]
    if edit == "an alliance less":
        # It had two members of the small city's alliances of another stage; only what is lost is told.
        assert told and len(told) == len(found)
        return
    assert len(told) == number, found
    assert all(each.said[0] and each.said[1] for each in found)


@pytest.mark.parametrize("edit", EDITS)
def test_the_way_back_turns_gains_into_losses(edit: str) -> None:
    other = {"+": "-", "-": "+", "~": "~"}
    there, back = changes(TINY, EDITS[edit][0]), changes(EDITS[edit][0], TINY)
    assert sorted(each.sign for each in there) == sorted(other[each.sign] for each in back)


@pytest.mark.parametrize("edit", [each for each in EDITS if each not in {"a second factor", "relatives who may agree"}])
def test_where_the_compiled_policies_differ_something_is_told(edit: str) -> None:
    city = EDITS[edit][0]
    assert (matrix.policies(city), entities.entities(city)) != (matrix.policies(TINY), entities.entities(TINY))
    assert changes(TINY, city)


def test_what_somebody_is_in_the_roster_makes_them_another_tier() -> None:
    giver = next(each for each in TINY.tiers if each.roster_roles)
    taker = next(each for each in TINY.tiers if each.roster_roles and each is not giver)
    roles = {giver.id: giver.roster_roles[1:], taker.id: (*taker.roster_roles, giver.roster_roles[0])}
    tiers = tuple(
        each.model_copy(update={"roster_roles": roles.get(each.id, each.roster_roles)}) for each in TINY.tiers
    )
    found = changes(TINY, changed(tiers=tiers))
    assert [each.sign for each in found] == ["~", "~"]
    assert all(giver.roster_roles[0] in each.said[1] for each in found)


def test_a_narrower_agreement_says_its_subjects_and_so_does_one_whose_subject_is_called_otherwise() -> None:
    narrow = changed(agreements=first(TINY.agreements, subjects=(TINY.subjects[0].id,)))
    [found] = changes(TINY, narrow)
    assert "subjects Chinese (chinese) (was all)" in found.said[1]
    assert "学科 语文（chinese）（原为 全部）" in found.said[0]
    name = Names(zh="国文", en=TINY.subjects[0].name.en)
    called = first(TINY.subjects, name=name)
    [found] = changes(narrow, narrow.model_copy(update={"subjects": called}))
    assert "subject chinese" in found.said[1] and "国文" in found.said[1]
    assert found.whom and found.whom.schools == tuple(sorted(TINY.agreements[0].schools)), "of nobody else's agreements"
    assert changes(TINY, changed(subjects=called)) == [], "of a subject that no agreement names"


def test_facts_that_give_nobody_a_right_are_not_told() -> None:
    renamed = first(TINY.tiers, name=TINY.tiers[1].name)
    reordered = tuple(reversed(TINY.licences))
    terms = first(TINY.agreements, terms=AGREEMENT.terms[::-1])
    assert changes(TINY, changed(tiers=renamed, licences=reordered, agreements=terms, waves=())) == []


def test_a_lost_right_names_who_what_and_whose_in_both_languages() -> None:
    [change] = changes(TINY, regranted(actions=(Action.VIEW,)))
    tier, resource = TINY.tiers[0], TINY.resources[0]
    assert change.section == "rights"
    for language, said in zip(("zh", "en"), change.said, strict=True):
        assert getattr(tier.name, language) in said
        assert getattr(resource.name, language) in said


def test_a_school_that_leaves_its_alliances_is_told_with_those_it_loses() -> None:
    alliances = tuple(each.model_copy(update={"guiding": ()}) for each in TINY.alliances)
    gone = TINY.alliances[0].guiding[0]
    told = [
        each
        for each in changes(TINY, changed(alliances=alliances))
        if each.said[1].startswith(TINY.school(gone).name.en)
    ]
    assert [each.sign for each in told] == ["-"]
    assert TINY.schools[0].code in told[0].said[1]


def test_a_change_says_whose_rights_differ_as_a_roster_knows_them() -> None:
    codes = tuple(sorted(AGREEMENT.schools))
    cities = (TINY, EDITS["a school in another district"][0])
    known: dict[str, set[tuple[str, ...] | None]] = {
        "an agreement less": {codes},
        "a right less": {None},
        "a school in another district": {
            tuple(
                sorted({each.code, *(city.district(city.by_code[each.code].district).division_code for city in cities)})
            )
            for each in TINY.schools
        },
    }
    for edit, wanted in known.items():
        for change in changes(TINY, EDITS[edit][0]):
            assert change.whom is None or change.whom.schools in wanted, change
    [second] = changes(TINY, EDITS["a second factor"][0])
    assert second.whom == Group((TINY.tiers[0].id,))
    public = next(each.id for each in TINY.tiers if each.scope is Scope.PUBLIC)
    [licence] = changes(TINY, EDITS["a licence less"][0])
    assert public in TINY.licences[0].tiers and licence.whom is None, "everybody is in no roster"
    [age] = changes(TINY, EDITS["an older age"][0])
    assert age.whom is None
    [longer] = changes(TINY, EDITS["an agreement a day longer"][0])
    assert longer.whom and longer.whom.tiers and longer.whom.schools == codes


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """A git repository with the small city; ``clone(old, new)`` commits an edit and gives the revision before it."""
    folder = tmp_path / "clone"
    data = folder / "catalog" / "data" / "tiny"
    data.mkdir(parents=True)
    for file in (DATA / "tiny").glob("*.yaml"):
        (data / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(states, "ROOT", folder)

    def git(*words: str) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True
        ).stdout

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")

    def commit(old: str, new: str) -> str:
        before = git("rev-parse", "HEAD").strip()
        for file in data.glob("*.yaml"):
            file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        git("commit", "--quiet", "-am", "second")
        return before

    return commit


def told(old: str, new: str) -> list[Change]:
    return changes(states.state(old, "tiny"), states.state(new, "tiny"))


def test_a_revision_of_the_clone_is_compared_with_another_and_with_the_files(clone: Callable[[str, str], str]) -> None:
    before = clone("window_days: 365", "window_days: 366")
    assert len(told(before, "HEAD")) == 1
    assert told("HEAD", "HEAD") == []
    assert len(told("HEAD", "tiny")) == 1


def test_a_folder_is_given_with_a_slash_and_hides_no_revision_and_no_city(
    clone: Callable[[str, str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone("window_days: 365", "window_days: 366")
    here = tmp_path / "here"
    for name in ("HEAD", "tiny"):
        shutil.copytree(DATA / "neijiang", here / name)
    monkeypatch.chdir(here)
    assert [states.state(name, "tiny").id for name in ("HEAD", "tiny")] == ["tiny", "tiny"]
    assert [states.state(name, "tiny").id for name in ("./HEAD", str(here / "tiny"))] == ["neijiang", "neijiang"]
    monkeypatch.chdir(here / "tiny")
    assert states.state(".", "tiny").id == "neijiang"


@pytest.mark.parametrize("name", ["no-such-revision", "--output=/tmp/x", "HEAD:..", "HEAD; true", ""])
def test_what_is_no_state_is_an_error_with_what_there_is(name: str, clone: Callable[[str, str], str]) -> None:
    with pytest.raises(UserError, match="is no city, no folder and no git revision"):
        states.state(name, "tiny")


def test_a_revision_whose_facts_are_of_another_form_is_an_error(clone: Callable[[str, str], str]) -> None:
    clone("window_days", "days")
    with pytest.raises(UserError, match="cannot be read by the catalog as it is here"):
        states.state("HEAD", "tiny")
