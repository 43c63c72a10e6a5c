"""Makes up plausible schools from a seed: those of the worked city, and whole cities of any size for measurements.

``python -m catalog.synthetic --schools 5000 DIR`` writes a whole city; ``--city neijiang`` writes anew the schools,
alliances and live classes of the worked city, whose other facts are written by hand. The same seed gives the same files. Nothing here is
about any real school; every row says ``provenance: synthetic``.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from catalog import writing
from catalog.draft import sections
from catalog.loader import DATA
from catalog.problems import CatalogError
from catalog.reading import read_folder
from catalog.school import Alliance, District, Locality, School, Stage
from catalog.synthetic_live import live_classes
from catalog.synthetic_schools import Frame, schools
from catalog.types import Names

SEED: Final = 20260901
WORKED: Final = "neijiang"
SCHEMA: Final = DATA.parent / "schemas" / "catalog.schema.json"
SHARED: Final = (
    "services.yaml",
    "funding.yaml",
    "media.yaml",
    "access.yaml",
    "tiers.yaml",
    "resources.yaml",
    "targets.yaml",
    "timetable.yaml",
    "coverage.yaml",
    "links.yaml",
    "waves.yaml",
)
"""Files that a made-up city takes from the worked one."""
WORKED_COUNTS: Final = (70, 58, 84, 58, 50)
"""Schools in each district of the worked city, in its order: 320."""
SCHOOLS_PER_DISTRICT: Final = 250
ALLIANCE_SIZE: Final = 34
"""2 leading, 2 guiding and about 30 node schools (Sichuan, network-chain sharing plan, 2025)."""
STAGE_NAMES: Final = {
    Stage.PRIMARY: ("小学", "Primary"),
    Stage.JUNIOR: ("初中", "Junior"),
    Stage.SENIOR: ("高中", "Senior"),
    Stage.VOCATIONAL: ("中职", "Vocational"),
}
STRENGTH: Final = tuple(Locality)
"""From the strongest to the weakest: leading schools are looked for in this order."""
NOTE: Final = "# Made up by `python -m catalog.synthetic`; no real school. Replace these rows by your register's.\n"
HEAD: Final = """\
id: made-up
name: {zh: 模拟市, en: Made-up City}
division_code: "990000"
timezone: Asia/Shanghai
provenance: synthetic
source: Made up by catalog.synthetic for measurements; no real place.
standard: itu-2030
subjects: []
agreements: []
"""


def alliances(members: Sequence[School]) -> Iterator[Alliance]:
    """Alliances of each stage: dealt like cards from the strongest to the weakest, so that each gets both."""
    for stage in Stage:
        able = sorted(
            (school for school in members if stage in school.stages),
            key=lambda school: (STRENGTH.index(school.locality), -school.students, school.code),
        )
        number = round(len(able) / ALLIANCE_SIZE) or min(1, len(able))
        zh, en = STAGE_NAMES[stage]
        for index in range(number):
            own = [school.code for school in able[index::number]]
            yield Alliance(
                id=f"{stage}-{index + 1}",
                name=Names(zh=f"{zh}第{index + 1}联盟", en=f"{en} Alliance {index + 1}"),
                stage=stage,
                leading=tuple(own[:2]),
                guiding=tuple(own[2:4]),
                node=tuple(own[4:]),
            )


def frame(directory: Path) -> Frame:
    """The frame of the city in ``directory``, whose schools need not be there yet; CatalogError where it is unsound."""
    documents, unread = read_folder(directory)
    if unread.problems:
        raise CatalogError(unread.problems)
    data = {name: value for document in documents for name, value in document.data.items()}
    districts, waves, ladder = (
        tuple(sections()[name].adapter.validate_json(json.dumps(row)) for row in data[name])
        for name in ("districts", "waves", "ladder")
    )
    packaging, budget = (
        sections()[name].adapter.validate_json(json.dumps(data[name])) for name in ("packaging", "link_budget")
    )
    return Frame(data["division_code"], districts, waves, ladder, packaging.audio_kbps, budget)


def write_schools(city: Frame, directory: Path, counts: Sequence[int], seed: int = SEED) -> None:
    """Write ``schools/<district>.yaml``, ``alliances.yaml`` and ``live.yaml`` below ``directory``."""
    made = schools(city, counts, seed)
    for district in city.districts:
        rows = "".join(writing.school_row(school) for school in made if school.district == district.id)
        _write(directory / "schools" / f"{district.id}.yaml", f"{NOTE}schools:\n{rows}")
    allied = tuple(alliances(made))
    _write(directory / "alliances.yaml", f"{NOTE}alliances:\n{''.join(map(writing.alliance_row, allied))}")
    live = "".join(map(writing.live_class_row, live_classes(city, made, allied)))
    _write(directory / "live.yaml", f"{NOTE}live_classes:\n{live}")


def write_city(directory: Path, wanted: int, seed: int = SEED) -> None:
    """Write a whole made-up city of ``wanted`` schools: the worked city's other facts, its districts repeated as needed."""
    worked = frame(DATA / WORKED)
    number = max(len(worked.districts), round(wanted / SCHOOLS_PER_DISTRICT))
    districts = tuple(_numbered(worked.districts[at % len(worked.districts)], at + 1) for at in range(number))
    rows = "".join(writing.district_row(district) for district in districts)
    _write(directory / "city.yaml", f"{HEAD}\ndistricts:\n{rows}")
    for name in SHARED:
        text = (DATA / WORKED / name).read_text(encoding="utf-8")
        _write(directory / name, text.partition("\n")[2])
    share, extra = divmod(wanted, number)
    counts = [share + (at < extra) for at in range(number)]
    made_up = replace(worked, division_code="990000", districts=districts)
    write_schools(made_up, directory, counts, seed)


def _numbered(district: District, number: int) -> District:
    name = Names(zh=f"模拟{number}区", en=f"Made-up District {number}")
    made_up = {"id": f"district-{number}", "division_code": f"99{number:04d}", "name": name, "zone": None}
    return district.model_copy(update=made_up)


def _write(file: Path, body: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    schema = os.path.relpath(SCHEMA, file.parent.resolve())
    file.write_text(f"{writing.MODELINE.format(schema=schema)}\n{body}", encoding="utf-8")


def main() -> None:
    """Write the files asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m catalog.synthetic", description=__doc__)
    parser.add_argument("--schools", type=int, metavar="N", help="write a whole made-up city of N schools into DIR")
    parser.add_argument(
        "--city", choices=[WORKED], help="write anew the schools, alliances and live classes of this city"
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("directory", nargs="?", type=Path, metavar="DIR")
    asked = parser.parse_args()
    if asked.city:
        write_schools(frame(DATA / asked.city), DATA / asked.city, WORKED_COUNTS, asked.seed)
    elif asked.schools and asked.directory:
        write_city(asked.directory, asked.schools, asked.seed)
    else:
        parser.error("give --city, or --schools N and a folder")


if __name__ == "__main__":
    main()
