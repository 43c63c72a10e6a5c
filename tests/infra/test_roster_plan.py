"""The roster as planned: a Job that signs in as the owner, and a key that no pod mounts."""

from __future__ import annotations

import json

from catalog import City, names
from infra.plan import database, entitlement, roster
from tests.infra.conftest import SEED, Settings


def test_the_job_is_another_one_when_its_input_is(tiny: City, settings: Settings) -> None:
    def job(**changes: object) -> str:
        (found,) = [each.name for each in roster.plan(tiny, settings(**changes)) if each.kind == "Job"]
        return found

    images = {name: f"{text[:-1]}1" if name == "kit" else text for name, text in settings().images.items()}
    assert job() == job() != job(images=images)


def test_it_signs_in_as_the_owner_and_sets_the_rights_of_every_other_role(tiny: City, settings: Settings) -> None:
    plan = tuple(roster.plan(tiny, settings()))
    assert {each.name for each in plan if each.kind == "Secret"} == {"postgres-roster-owner", names.ROSTER_KEY_SECRET}
    assert {each.namespace for each in plan} == {names.ENTITLEMENT}
    (job,) = [each.props for each in plan if each.kind == "Job"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    owner, *others = names.database_roles(names.DATABASE_ROSTER)
    assert container["command"][-3:] == others
    (cluster,) = [each.props for each in database.plan(tiny, settings()) if each.kind == "Cluster"]
    managed = {role["name"] for role in cluster["spec"]["managed"]["roles"]}
    assert {owner, *others} <= managed


def test_the_key_is_in_its_own_secret_and_only_who_checks_slips_reads_it(tiny: City, settings: Settings) -> None:
    stack, other = settings(), settings(rosterKey=f"{SEED} of another stack")
    key = roster.hashing_key(stack)
    assert key != roster.hashing_key(other)
    plans = (*roster.plan(tiny, stack), *entitlement.plan(tiny, stack), *database.plan(tiny, stack))
    assert [each.name for each in plans if key in json.dumps(each.props)] == [names.ROSTER_KEY_SECRET]
    pods = [each for each in plans if each.kind in {"Job", "Deployment", "Cluster"}]
    readers = [(each.kind, each.name) for each in pods if names.ROSTER_KEY_SECRET in json.dumps(each.props)]
    assert readers == [("Deployment", names.ENTITLEMENT)]
