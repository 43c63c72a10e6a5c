"""Plans in the bucket whose night is not over: which of them publishing others would end, and taking them back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from catalog import City
from catalog.errors import UserError
from derive.prefetch import Plan


@dataclass(frozen=True)
class Standing:
    """One school's plan that its box still goes by."""

    school: str
    day: date
    """The day whose lessons it fetches."""
    ends: datetime
    """When its night is over, in the city's time."""
    version: str


@dataclass(frozen=True)
class Ending:
    """What becomes of plans whose night is not over when others are published."""

    replaced: tuple[Standing, ...]
    cancelled: tuple[Standing, ...]


def of(city: City, plans: Mapping[str, Mapping[str, Any]], now: datetime) -> list[Standing]:
    """Those of ``plans`` (school code -> document) that are in force at ``now`` and fetch anything, in the catalog's order."""
    found = (_standing(code, plans[code], ZoneInfo(city.timezone)) for code in city.by_code if code in plans)
    return [each for each in found if each and now < each.ends]


def _standing(school: str, plan: Mapping[str, Any], zone: ZoneInfo) -> Standing | None:
    # A night ends on the day that it is for.
    ends = datetime.fromtimestamp(plan["window"]["not_after"], zone)
    return Standing(school, ends.date(), ends, str(plan["version"])) if plan["items"] else None


def ending(found: Sequence[Standing], plans: Iterable[Plan], *, whole: bool) -> Ending:
    """What publishing ``plans`` ends; ``whole`` as for publishing."""
    meant = {plan.school: plan.version for plan in plans if not plan.why}
    return Ending(
        tuple(each for each in found if meant.get(each.school, each.version) != each.version),
        tuple(each for each in found if whole and each.school not in meant),
    )


def sentence(ends: Ending) -> str:
    """Which plans are replaced and which cancelled, of which day, in how many schools; empty where none is."""
    told = (("replaces", ends.replaced), ("cancels", ends.cancelled))
    return "; ".join(f"{verb} the plans of {days(rows)}" for verb, rows in told if rows)


def days(rows: Iterable[Standing]) -> str:
    """How many schools' plans of which day."""
    counts = sorted(Counter(each.day for each in rows).items())
    return ", ".join(f"{day} of {count} school{'s'[: count != 1]}" for day, count in counts)


def refuse_other_day(ends: Ending, day: date) -> None:
    """Raise `UserError` where plans of another day would end before their night does."""
    if other := [each for each in (*ends.replaced, *ends.cancelled) if each.day != day]:
        last = max(each.ends for each in other)
        raise UserError(
            f"the plans of {days(other)} are in force until {last:%Y-%m-%d %H:%M}, and a school has one plan: "
            f"publish those of {day} after that, or end the others with --replace-day; nothing was published"
        )
