"""``huiju live``: a leading school streams a class to its alliance; afterwards the recording is a lesson like any other."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from catalog import City, load_named
from catalog.errors import UserError
from derive import lesson, live
from derive.moments import stamp
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.console import console
from ops.lessons import indexing, job, library, place
from ops.lives import address, running, starting, stopping, wish
from ops.lives.address import Address
from services.lesson_index import rows
from services.packager.store import Bucket

app = typer.Typer(no_args_is_help=True, help="Stream a class live: start, stop, list, show.")
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable.")]
ClassId = Annotated[str, typer.Argument(metavar="ID", help="As `huiju live list` shows it.")]


@app.command(name="start")
def start_command(  # noqa: PLR0917 - typer makes options of them
    title: Annotated[str, typer.Option(help="What viewers see.")],
    school: Annotated[str, typer.Option(metavar="CODE", help="Code of the leading school that gives the class.")],
    teacher: Annotated[str | None, typer.Option(help="Who teaches.")] = None,
    subject: Annotated[str | None, typer.Option(help="What is taught.")] = None,
    licence: Annotated[
        str | None, typer.Option(help="A licence of the catalog for the recording; without it the narrowest.")
    ] = None,
    weekly: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="ID",
            help="Which of the school's `live_classes` this is; without it each school is held to the least that any of them promises it.",
        ),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would be made, and make nothing.")] = False,
    stack: Stack = "local",
) -> None:
    """Make everything for one class and print what the teacher's program needs. The passphrase is shown this once."""
    where = place.of_stack(stack)
    city = load_named(where.city)
    about = wish.about(wish.of(title, school, teacher, subject, licence), city, weekly)
    now = datetime.now(UTC)
    asked = live.request(city, lesson.live_id(school, title, stamp(now)), about, now, weekly)
    if preview:
        _shown(
            {
                "Class": f"{asked['id']} “{about['title']}”",
                **_facts(city, asked),
                "Exposed by": starting.exposure(where),
            }
        )
        return
    _say("starting: the class's pod is made")
    with deeds.noted(where, Deed("live-start", asked["id"], {"school": school})):
        made = starting.start(where, city, asked)
    _shown(_settings(city, asked, where.url, made))


def _facts(city: City, asked: dict[str, Any]) -> dict[str, str]:
    code = asked["about"]["school"]["code"]
    names = [alliance.name for alliance in city.alliances if code in alliance.leading]
    return {
        "Open to": "、".join(name.zh for name in names) + " / " + ", ".join(name.en for name in names),
        "Renditions": ", ".join(f"{row['name']} ({row['width']}x{row['height']})" for row in asked["rungs"]),
        "Promised": _promised(asked),
        "Ends by": f"{asked['until']} at the latest, or {asked['rejoin_seconds']} s after the link is lost",
        "Recorded": "yes, a lesson when class has ended" if asked["recorded"] else "no",
    }


def _promised(asked: dict[str, Any]) -> str:
    """How many schools are promised which rendition; a class from before the upgrade promises none."""
    schools = Counter(asked.get("promised", {}).values())
    each = [f"{name} to {count} {'school' if count == 1 else 'schools'}" for name, count in schools.items()]
    return ", ".join(each) or "nothing: players in schools choose any rendition"


def _settings(city: City, asked: dict[str, Any], url: str, where: Address) -> dict[str, str]:
    return {
        "Class": asked["id"],
        "Page": url + lesson.page_path(asked["id"]),
        **_facts(city, asked),
        "Address": where.plain,
        "Passphrase": f"{where.passphrase}  (shown once)",
        "OBS": where.obs,
        "ffmpeg": where.ffmpeg(city),
        "To end": f"huiju live stop {asked['id']}",
    }


def _shown(facts: dict[str, str]) -> None:
    for name, value in facts.items():
        # One line each, however narrow the screen, so that it can be copied.
        typer.echo(f"{name:<11}{value}")


def _say(text: str) -> None:
    typer.echo(text, err=True)


@app.command(name="stop")
def stop_command(lesson_id: ClassId, stack: Stack = "local") -> None:
    """End a class, wait until its recording is a lesson, and take away what served only the class."""
    where = place.of_stack(stack)
    with where.buckets() as (_, lessons):
        found = running.find(where, lessons, lesson_id)
        record = lessons.read_json(lesson.record_key(lesson_id)) or {} if lesson.LESSON_ID.fullmatch(lesson_id) else {}
        if found is None and "live" not in record:
            raise UserError(f"there is no live class {lesson_id!r}: `huiju live list` shows them")
        with deeds.noted(where, Deed("live-stop", lesson_id)):
            record = _ended(where, lessons, lesson_id, found, record)
    if record:
        indexing.follow(where, lambda connection: rows.put(connection, record), _say)
    page = f"  {where.url}{lesson.page_path(lesson_id)}" if "content_hash" in record else ""
    lost = bool(found and found.asked["recorded"] and "live" in record and not page)
    typer.echo(f"{lesson_id} ended{page}{': no recording came of it' if lost else _lacks(record)}")


def _ended(
    where: place.Place, lessons: Bucket, lesson_id: str, found: running.Class | None, record: dict[str, Any]
) -> dict[str, Any]:
    """End it, and return the record that it then has; none where nobody ever streamed."""
    if found and (stopping.tell(where, found) or _goes_on(lessons, found)):
        job.follow(where, found.job["metadata"]["name"], _progress)
        record = lessons.read_json(lesson.record_key(lesson_id)) or {}
    if record.get("live", {}).get("state") == "live":
        _say("its service is gone: the playlists are ended from here, and what was recorded is lost")
    if "live" in record and "content_hash" not in record:
        stopping.end(lessons, record)  # with its Job goes what a recording could still be made of
    stopping.tidy(where, lessons, lesson_id, record)
    return library.record(lessons, lesson_id) if record else {}


def _goes_on(lessons: Bucket, found: running.Class) -> bool:
    """Whether a pod of it is still to come, after a node that was lost as a rule: class ends from here, and that one records it."""
    if job.condition(found.job):
        return False
    if found.state == "live" and found.asked["recorded"]:
        _say(
            "no pod of it runs now: the playlists are ended from here, and the next one makes the recording of what was streamed"
        )
        stopping.end(lessons, found.record, comes=True)
        return True
    return found.state == "ended"


def _lacks(record: dict[str, Any]) -> str:
    """In words, what the recording has not got of class."""
    told = record.get("live", {}).get("recording", {})
    held, came = (f"{told.get(name, 0) / 60:.1f}" for name in ("held_seconds", "came_seconds"))
    return f": the recording holds {held} of the {came} minutes of class" if held != came else ""


def _progress(said: dict[str, Any]) -> None:
    if "state" in said:
        _say(f"class: {said['state']}")
    elif "warning" in said:
        _say(f"warning: {said['warning']}")
    elif said.get("percent", 1) % 20 == 0:
        _say(f"packaging the recording: {said['percent']} %")


@app.command(name="list")
def list_command(as_json: AsJson = False, stack: Stack = "local") -> None:
    """The classes that wait, are live, or have ended within a day."""
    where = place.of_stack(stack)
    with where.buckets() as (_, lessons):
        found = running.classes(where, lessons)
    if as_json:
        typer.echo(
            json.dumps([{**_row(each), "about": each.asked["about"]} for each in found], ensure_ascii=False, indent=2)
        )
        return
    table = Table(Column("ID", no_wrap=True), "Title", "School", "Since", "State", box=None, pad_edge=False)
    for each in found:
        about, row = each.asked["about"], _row(each)
        table.add_row(
            *(
                Text(str(cell))
                for cell in (each.id, about["title"], about["school"]["name"]["zh"], row["started"], row["state"])
            )
        )
    console().print(table if found else "No class: `huiju live start --title ... --school CODE`")


def _row(each: running.Class) -> dict[str, str]:
    return {"id": each.id, "started": each.asked["started"], "until": each.asked["until"], "state": each.state}


@app.command(name="show")
def show_command(lesson_id: ClassId, as_json: AsJson = False, stack: Stack = "local") -> None:
    """One class: its state, its address, and how far the newest segment is behind the teacher. Never its passphrase."""
    where = place.of_stack(stack)
    city = load_named(where.city)
    with where.buckets() as (_, lessons):
        found = running.one(where, lessons, lesson_id)
        late = running.behind(lessons, found) if found.state == "live" else None
    facts = {**_row(found), "url": where.url + lesson.page_path(lesson_id), "behind_seconds": late}
    if found.state in ("waiting", "live"):
        facts["address"] = address.of(where, lesson_id).plain
    if as_json:
        typer.echo(json.dumps({**facts, "about": found.asked["about"]}, ensure_ascii=False, indent=2))
        return
    behind = {} if late is None else {"Behind": f"{late:.1f} s from the camera to the newest segment's first picture"}
    shown = {"Class": f"{found.id} “{found.asked['about']['title']}”", "State": found.state, "Page": str(facts["url"])}
    _shown({**shown, "Address": str(facts.get("address", "none any more")), **behind, **_facts(city, found.asked)})
