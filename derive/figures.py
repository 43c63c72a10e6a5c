"""How a city uses its platform: the figures that traffic is computed from, each with its source. What the city *is* says the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Final

from catalog.access import Scope
from catalog.school import Stage


@dataclass(frozen=True)
class Figure:
    """A number with its unit, and where it comes from: a publication, a measurement with its date, or an assumption that says so."""

    value: float
    unit: str
    source: str


_MEBIS: Final = (
    "Abendzeitung, 17 December 2020: Bavaria's mebis failed from 7:55 on, attendance being checked from 8:00 to 8:15"
)
_VIEWS: Final = (
    "National Smart Education Platform, March 2022: 64.3 M views on the peak day (28.9 M on a mean one); Ministry of Education, "
    "statistical bulletin of 2021: 158 M pupils in compulsory education and 39.8 M in upper secondary"
)
_ASSUMED: Final = "assumption of 2026-11-24, until the platform's own readings replace it"
_BENCH: Final = "docs/benchmarks.md, the load generator"

PLAYS_PER_STUDENT: Final = Figure(64.3 / (158 + 39.8), "plays per student on the peak day", _VIEWS)
PHONE_SHARE: Final = Figure(
    0.669, "of all views", "National Smart Education Platform, to May 2024: views from phones; taken for those at home"
)
SIGN_IN_PEAK: Final = Figure(5, "min before the first bell", _MEBIS)
SIGN_IN_END: Final = Figure(15, "min after the first bell", _MEBIS)
PLAY_PEAK: Final = Figure(2, "min after a lesson's bell", _ASSUMED)
PLAY_END: Final = Figure(10, "min after a lesson's bell", _ASSUMED)
LOOK_UPS_PER_PLAY: Final = Figure(1, "look-ups in the break before", _ASSUMED)
HOME_SIGN_INS_PER_PLAY: Final = Figure(1, "sign-ins", f"every evening's visitor signs in anew: upper bound, {_ASSUMED}")
SHIELD_HITS: Final = Figure(0.9, "of the shield's bytes come from its cache", _ASSUMED)

GENERATOR_REQUESTS: Final = Figure(
    600, "requests/s and process", f"{_BENCH}: 1,024 per CPU second on 2026-11-24, of which 60 %"
)
GENERATOR_MBPS: Final = Figure(
    2600, "Mbit/s and process", f"{_BENCH}: 4,391 per CPU second on 2026-11-24, of which 60 %"
)

SHOWN_LESSONS: Final = Figure(1, "recorded lessons per class and school day", _ASSUMED)
COMMON_LESSONS: Final = Figure(0.5, "of them are the one lesson that a grade of the whole city has that day", _ASSUMED)
LIBRARY: Final = Figure(200, "recorded lessons to choose the others from, per grade", _ASSUMED)
BOX_CACHE: Final = Figure(20, "GiB", "playbooks/roles/school_box, the size that a box's cache has by default")
EDGE_CACHE: Final = Figure(
    45, "GiB", "infra/profiles.py, production: 50 GiB a pod, of which nine tenths are the cache's"
)
SHIELD_CACHE: Final = Figure(
    90, "GiB", "infra/profiles.py, production: two pods of 50 GiB, each with its own half of the lessons"
)

VIEWS_BY_SCOPE: Final[Mapping[Scope, float]] = {
    Scope.CLASS: 0.310,
    Scope.ALLIANCE: 0.276,
    Scope.CHILD: 0.093,
    Scope.PUBLIC: 0.321,
}
"""Share of views by who looks, named by how far the person's tier reaches: students, teachers, parents, anyone.
National Smart Education Platform, to May 2024."""

GRADES: Final[Mapping[Stage, int]] = {
    Stage.PRIMARY: 6,
    Stage.JUNIOR: 3,
    Stage.SENIOR: 3,
    Stage.VOCATIONAL: 3,
}
"""Years of each stage in Sichuan."""

BED_TIME: Final[Mapping[Stage, time]] = {
    Stage.PRIMARY: time(21, 20),
    Stage.JUNIOR: time(22),
    Stage.SENIOR: time(23),
    Stage.VOCATIONAL: time(23),
}
"""When an evening ends. Ministry of Education, notice on pupils' sleep of 30 March 2021 (vocational schools as upper secondary ones)."""
