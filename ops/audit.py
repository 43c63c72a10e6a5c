"""`huiju audit`: is the record whole, what happened to a lesson or by a person, and what evaluators may have of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from catalog import City, load_named, names
from catalog.errors import UserError
from derive import audit as records
from derive import grounds, permission, store
from derive.access_log import Access
from derive.audit import Entry, Head, Kind, Record
from derive.audit_chain import Finding, Verified, walked
from ops import given_files
from ops.audits import accesses, anchors, deeds, log_anchors, pseudonyms, reading, runs
from ops.console import console, plain
from ops.lessons import place
from ops.lessons.place import Place
from ops.logs import age

app = typer.Typer(
    no_args_is_help=True, help="The record of what was decided and done: verify it, follow it, hand it on."
)
From = Annotated[Path | None, typer.Option("--from", metavar="DIR", help="Segments in this folder, not the store's.")]
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
Since = Annotated[str, typer.Option(metavar="AGE", help="How far back: 30m, 6h, 90d.")]
CityName = Annotated[str, typer.Option("--city", envvar="CITY", help="With --from: the city whose terms count.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


class Reader(StrEnum):
    """Who an export is for."""

    EVALUATORS = "evaluators"


@dataclass(frozen=True)
class Wanted:
    """Which records and answers; one of the first three at most is given, and one of the first four at least."""

    resource: str | None
    """As the record names it: a lesson's id, or class/id."""
    who: str | None
    school: str | None
    refused: bool
    """Only what was refused."""
    also: frozenset[str] = frozenset()
    """What else the record calls ``who``."""

    def takes(self, record: Record) -> bool:
        """Whether a record is one of them."""
        who = record.entry.who
        if self.refused and record.entry.kind is not Kind.REFUSAL:
            return False
        # What was done to somebody is about them, whoever did it.
        theirs = {name(each) for each in self._names for name in (deeds.account, deeds.session, deeds.profile)}
        to_many = self._names.intersection(str(record.entry.facts.get(records.PEOPLE, "")).split())
        about, by_hand = record.entry.resource, _is_deed(record.entry)
        subject = self.who if by_hand and (to_many or about in theirs) else who.subject if who else None
        # A lesson that took another's place, or is on a stick.
        beside = " ".join(map(str, record.entry.facts.values())).split() if by_hand else ()
        return self._of(self.resource if self.resource in beside else about, subject, who.school if who else None)

    def sees(self, access: Access, permissions: Collection[str] = ()) -> bool:
        """Whether an answer of gateway or cache is one of them; what one of these permissions opened is.

        A permission that was refused is whoever's: its name can be put on anything, and nothing was fetched with it.
        """
        if self.refused and not access.refused:
            return False
        if access.permission in permissions and not access.refused:
            return True
        return self._of(access.lesson, access.subject, access.school or accesses.box(access))

    def _of(self, resource: str | None, subject: str | None, school: str | None) -> bool:
        pairs = ((self.resource, resource), (self.school, school))
        whoever = self.who is None or subject in self._names
        return whoever and all(wanted in {None, found} for wanted, found in pairs)

    @property
    def _names(self) -> frozenset[str]:
        return self.also | {self.who} if self.who else frozenset()

    @property
    def text(self) -> str:
        """What stands in every line of an access log that is wanted."""
        return "" if self.also else self.resource or self.who or self.school or ""


@app.command(name="verify")
def verify_command(
    *,
    folder: From = None,
    anchor_file: Annotated[
        Path | None, typer.Option("--anchors", metavar="FILE", help="More ends that were seen: a line of JSON each.")
    ] = None,
    since: Annotated[
        str,
        typer.Option(
            metavar="AGE", help="How far back kept logs are read: for printed ends, and against their anchors."
        ),
    ] = "2d",
    city: CityName = "tiny",
    stack: Stack = "local",
    as_json: Json = False,
) -> None:
    """Find every record that was edited, removed, reordered, doubled or cut off, and every log that was changed; exit 1 then."""
    more = anchors.read(_there(anchor_file)) if anchor_file else []
    logs = log_anchors.Logs()
    if folder:
        found, ends = _of_folder(folder, city, more)
    else:
        found, ends, logs = _of_stack(place.of_stack(stack), since, more)
    _show(found, ends, logs, as_json)
    if found.findings or logs.findings:
        raise typer.Exit(1)


def _of_folder(folder: Path, city: str, ends: list[Head]) -> tuple[Verified, int]:
    kept = reading.from_folder(folder)
    return walked(reading.shown(kept.segments()), ends, _expired(load_named(city))), len(set(ends))


def _of_stack(where: Place, since: str, more: list[Head]) -> tuple[Verified, int, log_anchors.Logs]:
    """The store's record, held against all ends that are known; what is sound becomes an anchor itself. And the logs, held against it."""
    own, expired = anchors.file(where), _expired(load_named(where.city))
    for other in anchors.of_other_stores(where):
        typer.echo(
            f"the store was made anew: ends of the one before are in {other}, and nothing is held against them",
            err=True,
        )
    ends = {*more, *anchors.read(own), *anchors.printed(where, datetime.now(UTC) - age(since))}
    now, kept_for = datetime.now(UTC), log_anchors.term(load_named(where.city))
    said = log_anchors.about(now - (min(age(since), kept_for) if kept_for else age(since)), now)
    # After the ends: what was shipped in between is in the record, and not missing from it.
    with _from_store(where) as kept:
        found = walked(reading.shown(kept.segments()), ends, expired, said.take)
    found = Verified((*kept.findings, *found.findings), found.heads, found.records)
    if not found.findings:
        anchors.remember(own, found.heads, expired)
    return found, len(ends), log_anchors.check(where, said)


@app.command()
def trace(
    *,
    lesson: Annotated[str | None, typer.Option(metavar="ID", help="What was decided about this lesson.")] = None,
    resource: Annotated[
        str | None,
        typer.Option(metavar="CLASS/ID", help="What was decided about any resource, as pupil-profile/ID or readings."),
    ] = None,
    who: Annotated[
        str | None,
        typer.Option(
            metavar="SUBJECT",
            help="What this subject of a session, or id of the roster, did, and what operators did to them.",
        ),
    ] = None,
    school: Annotated[str | None, typer.Option(metavar="CODE", help="What people of this school did.")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only what was refused; alone, by anybody.")] = False,
    since: Since = "7d",
    logs: Annotated[
        str, typer.Option(metavar="AGE", help="How far back the access logs of gateway and caches are read; 0m: not.")
    ] = "1d",
    folder: From = None,
    stack: Stack = "local",
    as_json: Json = False,
) -> None:
    """What happened, the newest last, and what gateway and caches answered. It judges nothing: `huiju audit verify` does."""
    given = sum(each is not None for each in (lesson, resource, who, school))
    if given > 1 or not (given or refused):
        said = "one of --lesson ID, --resource CLASS/ID, --who SUBJECT and --school CODE, or --refused"
        raise UserError(f"say what to follow: {said}")
    with _since(folder, stack, since) as read:
        # Who somebody is may stand at the very end: the record is read for that first, and once more for what they did.
        wanted = Wanted(lesson or resource, who, school, refused, known_as(read(), who) if who else frozenset())
        found = reading.by_time(filter(wanted.takes, read()))
    held = permissions(found) if who or school else frozenset()
    # Of what is no lesson the access logs say no more than an address.
    seen = [] if folder or resource else _seen(place.of_stack(stack), wanted, held, min(age(logs), age(since)))
    if as_json:
        both = [*map(records.document, found), *map(accesses.document, seen)]
        typer.echo(json.dumps(sorted(both, key=lambda row: str(row["time"])), indent=2))
        return
    console().print(_traced(found))
    if seen:
        console().print(accesses.table(seen))


def known_as(found: Iterable[Record], who: str) -> frozenset[str]:
    """What else somebody is called: a first sign-in is recorded by the roster's id, a session by its subject, a sign-in by both."""
    entries = (each.entry for each in found if each.entry.kind is Kind.GRANT and records.PERSON in each.entry.facts)
    pairs = {(each.who.subject, str(each.facts[records.PERSON])) for each in entries if each.who and each.who.subject}
    people = {who, *(person for subject, person in pairs if subject == who)}
    return frozenset({*people, *(subject for subject, person in pairs if person in people)} - {who})


def permissions(found: Iterable[Record]) -> frozenset[str]:
    """What the permissions are called that these records tell of: a cache's line names one, and nobody."""
    named = (each.entry.facts.get(permission.FACT) for each in found if each.entry.kind is Kind.TOKEN)
    return frozenset(str(each) for each in named if each)


def _seen(where: Place, wanted: Wanted, held: Collection[str], back: timedelta) -> list[Access]:
    """What gateway and caches answered since then; where somebody held permissions, every line is looked at."""
    if not back:
        return []
    now, text = datetime.now(UTC), "" if held else wanted.text
    return [each for each in accesses.read(where, now - back, now, text) if wanted.sees(each, held)]


@app.command()
def export(
    *,
    reader: Annotated[Reader, typer.Option("--for", help="Who reads it.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; without it, standard output.")] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Same key, same pseudonyms; without it, new ones.")
    ] = None,
    since: Since = "30d",
    folder: From = None,
    stack: Stack = "local",
) -> None:
    """Decisions without people: a line of JSON each, by the hour, with keyed hashes in place of subjects."""
    del reader  # there is one, and naming it is naming what is left out
    secret = pseudonyms.key(key_file)
    if out is not None:
        given_files.writable("--out", out)
    with _since(folder, stack, since) as read:
        rows = pseudonyms.rows(reading.by_time(filter(pseudonyms.takes, read())), secret)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if out is None:
        typer.echo(text, nl=False)
        return
    given_files.write("--out", out, text)
    typer.echo(f"{out}: {text.count(chr(10)):,} decisions")


def _there(path: Path) -> Path:
    if not path.exists():
        raise UserError(f"{path} does not exist: --anchors names a file with one end of a chain a line")
    return path


def _expired(city: City) -> datetime | None:
    """Chains that began before then may be gone, and records before it."""
    days = runs.term(city)
    return datetime.now(UTC) - timedelta(days=days - 1) if days else None


@contextmanager
def _from_store(where: Place, since: datetime | None = None) -> Iterator[reading.Kept]:
    with where.bucket(store.AUDITOR, names.ENTITLEMENT, names.BUCKET_AUDIT) as bucket:
        yield reading.from_bucket(bucket, since)


@contextmanager
def _since(folder: Path | None, stack: str, since: str) -> Iterator[Callable[[], Iterator[Record]]]:
    """Reads records of that age at most, as they lie, each time that it is called; everything that a folder holds."""
    if folder:
        yield partial(_records, reading.from_folder(folder))
        return
    begin = datetime.now(UTC) - age(since)
    with _from_store(place.of_stack(stack), begin) as kept:
        yield lambda: (each for each in _records(kept) if datetime.fromisoformat(each.time) >= begin)


def _records(kept: reading.Kept) -> Iterator[Record]:
    return reading.records(reading.shown(kept.segments()))


def _show(found: Verified, ends: int, logs: log_anchors.Logs, as_json: bool) -> None:
    sound = not (found.findings or logs.findings)
    if as_json:
        shown = {**asdict(found), "sound": sound, "anchors": ends, "logs": asdict(logs)}
        typer.echo(json.dumps(shown, indent=2))
        return
    if not sound:
        console().print(_damages((*found.findings, *logs.findings)))
    said = f"{found.records:,} records of {len(found.heads):,} chains, held against {ends:,} ends seen earlier: "
    typer.echo(said + _counted(found.findings))
    if logs.hours:
        typer.echo(f"{logs.objects:,} log objects of {logs.hours:,} anchored hours: {_counted(logs.findings)}")
    if logs.unanchored:
        typer.echo(f"{len(logs.unanchored):,} hours have logs and no anchor, {logs.unanchored[0]} the first")
    if not ends:
        typer.echo("nothing was seen earlier, so an end that was cut off cannot be told from one that never was")


def _counted(findings: tuple[Finding, ...]) -> str:
    return f"{len(findings):,} {'damage' if len(findings) == 1 else 'damages'}" if findings else "whole"


def _damages(findings: tuple[Finding, ...]) -> Table:
    table = Table("writer", "record", "what is wrong", title="Damages", title_justify="left")
    for each in findings:
        table.add_row(plain(each.writer), str(each.sequence or "-"), plain(each.says))
    return table


def _is_deed(entry: Entry) -> bool:
    """Whether an operator did it by hand: what was done is then not plain from the kind."""
    return entry.kind in {Kind.ACCOUNT, Kind.DEED} or entry.resource.startswith(deeds.session(""))


def _why(entry: Entry) -> str:
    """The reason, and of a grant the ground after it: the grant, with whose, and what else it rests on."""
    if entry.kind is not Kind.GRANT:
        return entry.why
    said = grounds.of_record(entry.facts)
    plain = [str(said.pop(name)) for name in grounds.FACTS[:2] if name in said]
    more = [name if value is True else f"{name} {value}" for name, value in said.items()]
    return ": ".join(filter(None, (entry.why, ", ".join([" ".join(plain), *more]).strip(", "))))


def _traced(found: list[Record]) -> Table:
    table = Table(
        "time", "what happened", "tier", "place", "subject", "to", "why", title="Record", title_justify="left"
    )
    for each in found:
        entry, who = each.entry, each.entry.who
        people = [(who.tier, who.school or who.district or who.partner, who.subject)] if who else [(None, None, None)]
        what = f"{entry.action} {entry.resource}" if _is_deed(entry) else entry.resource
        cells = [each.time, entry.kind.value, *(part or "-" for part in people[0]), what, _why(entry)]
        table.add_row(*map(plain, cells))
    return table
