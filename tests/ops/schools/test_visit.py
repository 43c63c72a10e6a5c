"""`huiju school status` asks for every service that a box shall run; `enrol` notes what the role is told, one school for each box."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from catalog.errors import UserError
from ops import school
from ops.lessons import place
from ops.schools import enrolment, visit

TASKS = Path(__file__).resolve().parents[3] / "playbooks" / "roles" / "school_box" / "tasks"


def test_every_unit_that_the_role_starts_is_asked_for() -> None:
    tasks = [each for path in TASKS.glob("*.yml") for each in yaml.safe_load(path.read_text(encoding="utf-8")) or ()]
    told = [each["box_unit"] for each in tasks if "box_unit" in each]
    started = {str(each["name"]).removesuffix(".service") for each in told if each.get("state") != "off"}
    assert set(visit.UNITS) == started


ONE, OTHER = "2990100001", "2990100002"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An enrolment of this test's own, without the time that a vault takes."""
    monkeypatch.setenv("HUIJU_SCHOOLS", str(tmp_path))
    monkeypatch.setattr(enrolment, "_make_secrets", lambda where: enrolment.write(where, "secret"))
    monkeypatch.setattr(place, "of_stack", lambda _: SimpleNamespace(city="tiny"))
    yield tmp_path


def enrol(code: str, key: str, *more: str) -> Result:
    words = ["enrol", code, "--address", "192.0.2.7", "--host-key", key, "--lan-address", "10.0.0.2", *more]
    return CliRunner().invoke(school.app, words)


def noted(folder: Path, code: str) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / "host_vars" / code / "enrolment.yml").read_text()))


def test_name_servers_are_told_to_the_role_and_what_is_no_address_is_refused(folder: Path) -> None:
    assert enrol(ONE, KEY, "--name-server", "192.0.2.53", "--name-server", "2001:db8::53").exit_code == 0
    assert noted(folder, ONE)["school_box_name_servers"] == ["192.0.2.53", "2001:db8::53"]
    assert enrol(ONE, KEY).exit_code == 0
    assert "school_box_name_servers" not in noted(folder, ONE), "those of all boxes count, then"
    wrong = enrol(ONE, KEY, "--name-server", "dns.example.test")
    assert isinstance(wrong.exception, UserError)
    assert "'dns.example.test' does not appear" in str(wrong.exception)


def test_a_key_that_is_pinned_for_another_school_is_refused_until_that_one_is_forgotten(folder: Path) -> None:
    assert enrol(ONE, KEY).exit_code == 0
    assert enrol(ONE, KEY).exit_code == 0, "the same box once more"
    refused = enrol(OTHER, KEY)
    assert isinstance(refused.exception, UserError)
    assert f"`huiju school forget {ONE}` first" in str(refused.exception)
    assert enrolment.enrolled() == (ONE,)
    done = CliRunner().invoke(school.app, ["forget", ONE])
    assert (done.exit_code, enrolment.enrolled()) == (0, ())
    assert not list((folder / "host_vars" / ONE).iterdir())
    assert enrol(OTHER, KEY).exit_code == 0
    assert isinstance(CliRunner().invoke(school.app, ["forget", ONE]).exception, UserError)
