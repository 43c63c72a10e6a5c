"""No roster takes a class from a school for which it does not speak, whatever ids its register gives; asked of a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import UserError
from tests.ops.rosters import small
from tests.ops.rosters.test_importing import FIRST, SECOND, edit, everything, only
from tests.roster_server import Server


def same_ids(folder: Path) -> Path:
    """Ids of classes as a register has them that knows of no other: `c000`, `c001`."""
    for file, column in (("classes", "sourcedId"), ("enrollments", "classSourcedId")):
        rows = [{**row, column: row[column].rpartition("-")[2]} for row in small.read(folder, file)]
        small.write(folder, file, rows)
    return folder


@pytest.mark.parametrize("dry", [True, False])
def test_classes_of_a_school_for_which_a_file_does_not_speak_are_not_taken_from_it(
    server: Server, folder: Path, tmp_path: Path, dry: bool
) -> None:
    server.take(same_ids(only(folder, FIRST)))
    before = everything(server)
    other = same_ids(only(small.written(tmp_path / "other"), SECOND))
    with pytest.raises(UserError, match="the roster has 2 problems") as refused:
        server.take(other, dry=dry, removals=True)
    said = str(refused.value)
    for line in (2, 3):
        assert f"classes.csv:{line}:sourcedId: is the id of a class of {FIRST} already" in said
    assert said.endswith("nothing was written")
    assert everything(server) == before
    assert server.all("SELECT count(*) FROM imports") == [(1,)]


def test_a_class_moves_between_schools_of_one_file_and_from_a_school_that_the_city_has_no_more(
    server: Server, folder: Path
) -> None:
    server.take(folder)
    group = f"{FIRST}-c000"
    edit(folder, "classes", "sourcedId", group, schoolSourcedId=SECOND)
    edit(folder, "enrollments", "classSourcedId", group, schoolSourcedId=SECOND)
    server.take(folder)
    assert server.all(f"SELECT school FROM classes WHERE id = '{group}'") == [(SECOND,)]
    city = small.city()
    rest = city.model_copy(update={"schools": tuple(each for each in city.schools if each.code == FIRST)})
    edit(folder, "classes", "sourcedId", group, schoolSourcedId=FIRST)
    edit(folder, "enrollments", "classSourcedId", group, schoolSourcedId=FIRST)
    server.take(only(folder, FIRST), city=rest)
    assert server.all(f"SELECT school FROM classes WHERE id = '{group}'") == [(FIRST,)]
