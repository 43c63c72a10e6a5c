"""``huiju lesson``: publish, list, show and remove lessons; the list comes from the database, which follows the object store."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from catalog import load_named, names
from catalog.errors import UserError
from derive import lesson, withdrawal
from ops import sample_lesson
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.cdns import doors, purging
from ops.console import console
from ops.lessons import captions as spoken
from ops.lessons import indexing, job, library, place, publish, replacing, table, withdrawing
from ops.lessons.dropping import dropping
from ops.lessons.wish import Wish
from services.lesson_index import rows
from services.packager import index

app = typer.Typer(no_args_is_help=True, help="Publish, list, show and remove lessons.")
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable.")]
LessonId = Annotated[str, typer.Argument(metavar="ID", help="As `huiju lesson list` shows it.")]
SPOKEN = "WebVTT (.vtt) or SubRip (.srt) in one language, such as zh=lesson.vtt; may be given again."
STEPS = {"upload": "Uploading", "packaging": "Packaging"}


class Bars:
    """One progress bar per step, and plain lines where nobody watches (a log file)."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
        )
        self.progress = Progress(*columns, console=console)
        self.tasks: dict[str, TaskID] = {}

    def step(self, name: str, done: int, total: int) -> None:
        """Move the bar of step ``name``."""
        if name not in self.tasks:
            self.tasks[name] = self.progress.add_task(STEPS[name], total=total)
        self.progress.update(self.tasks[name], completed=done)

    def say(self, text: str) -> None:
        """A line above the bars."""
        self.progress.console.print(Text(text, style="yellow"))


def _id(lesson_id: str) -> str:
    """The same, where it can be one. Raises `UserError`."""
    if not lesson.LESSON_ID.fullmatch(lesson_id):
        raise UserError(f"{lesson_id!r} is no lesson id: `huiju lesson list` shows them")
    return lesson_id


def _url(where: place.Place, lesson_id: str) -> str:
    return where.url + lesson.page_path(lesson_id)


@app.command(name="publish")
def publish_command(  # noqa: PLR0917 - typer makes options of them
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The recording.")],
    title: Annotated[str, typer.Option(help="What viewers see.")],
    school: Annotated[str, typer.Option(metavar="CODE", help="Code of the school that gives the lesson.")],
    teacher: Annotated[str | None, typer.Option(help="Who teaches.")] = None,
    subject: Annotated[str | None, typer.Option(help="What is taught.")] = None,
    licence: Annotated[str | None, typer.Option(help="A licence of the catalog; without it the narrowest.")] = None,
    captions: Annotated[list[str] | None, typer.Option(metavar="LANG=FILE", help=SPOKEN)] = None,
    stack: Stack = "local",
) -> None:
    """Publish a recording. Interrupted, the same command goes on; done already, it changes nothing."""
    where = place.of_stack(stack)
    bars = Bars(Console(stderr=True))
    city = load_named(where.city)
    meant = publish.meant(city, Wish(file, title, school, teacher, subject, licence, tuple(captions or ())))
    with bars.progress, deeds.noted(where, Deed("lesson-publish", meant.id, {"school": school})):
        lesson_id = publish.publish(where, city, meant, bars)
    console().print(Text(f"{lesson_id}  {_url(where, lesson_id)}"))


@app.command(name="replace")
def replace_command(
    lesson_id: LessonId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The corrected recording.")],
    captions: Annotated[list[str] | None, typer.Option(metavar="LANG=FILE", help=SPOKEN)] = None,
    stack: Stack = "local",
) -> None:
    """Put a corrected recording in a lesson's place: same title, school, teacher, subject and licence; old links lead to it."""
    where, deed = place.of_stack(stack), Deed("lesson-replace", _id(lesson_id))
    bars = Bars(Console(stderr=True))
    wanted = replacing.Replacing(lesson_id, file, tuple(captions or ()))
    with bars.progress, deeds.noted(where, deed):
        new = replacing.replace(where, load_named(where.city), wanted, bars)
        deed.facts["by"] = new
    console().print(Text(f"{new}  {_url(where, new)}"))


class _Said:
    """Progress as one line of text, for a caller with a display of its own."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        """A line, as `ops.lessons.publish.Watcher` has it."""

    def step(self, name: str, done: int, total: int) -> None:
        """Say how far step ``name`` is."""
        self.say(f"sample lesson: {STEPS[name].lower()} {100 * done // max(1, total)} %")


def publish_sample(stack: str = "local", say: Callable[[str], None] = lambda _: None) -> str:
    """Publish the sample lesson on this stack's platform, unless it is there, and return its URL."""
    where = place.of_stack(stack)
    city = load_named(where.city)
    say("sample lesson: rendering")
    wish = Wish(
        sample_lesson.file(),
        sample_lesson.TITLE,
        sample_lesson.school(city),
        subject=sample_lesson.SUBJECT,
        licence=sample_lesson.licence(city),
    )
    return _url(where, publish.publish(where, city, publish.meant(city, wish), _Said(say)))


@app.command(name="list")
def list_command(as_json: AsJson = False, stack: Stack = "local") -> None:
    """The published lessons, newest first, as the database lists them."""
    where = place.of_stack(stack)
    found = indexing.listed(where)
    licences = {licence.id: licence for licence in load_named(where.city).licences}
    now = datetime.now(UTC)
    if as_json:
        more = [{**row, "url": _url(where, row["id"]), **table.state(row, licences, now)} for row in found]
        typer.echo(json.dumps(more, ensure_ascii=False, indent=2))
        return
    console().print(
        table.listed(found, licences, now)
        if found
        else "No lesson is published yet: `huiju lesson publish FILE --title ... --school CODE`"
    )


@app.command(name="show")
def show_command(lesson_id: LessonId, as_json: AsJson = False, stack: Stack = "local") -> None:
    """One lesson: its facts, its URL and its renditions."""
    where = place.of_stack(stack)
    with where.buckets() as (_, lessons):
        record = library.record(lessons, lesson_id)
    if as_json:
        typer.echo(json.dumps({**record, "url": _url(where, lesson_id)}, ensure_ascii=False, indent=2))
        return
    out = console()
    for name, value in table.facts(record, _url(where, lesson_id)).items():
        out.print(Text.assemble((f"{name:<10}", "dim"), str(value)))
    out.print(table.renditions(record))


@app.command(name="captions")
def captions_command(
    lesson_id: LessonId,
    add: Annotated[list[str] | None, typer.Option(metavar="LANG=FILE", help=SPOKEN)] = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="LANG", help="Take these away; may be given again.")
    ] = None,
    stack: Stack = "local",
) -> None:
    """Give a published lesson captions or take them, without encoding it again; without an option list them."""
    where = place.of_stack(stack)
    with where.buckets() as (_, lessons):
        record = library.record(lessons, lesson_id)
        found, wrong = spoken.read(add or (), record.get("seconds"))
        if wrong:
            raise UserError("nothing was changed:\n  " + "\n  ".join(wrong))
        if add or remove:
            deed = Deed("lesson-captions", lesson_id, {"added": len(found), "removed": len(remove or ())})
            keep = withdrawal.kept(load_named(where.city))
            with deeds.noted(where, deed), dropping(where, lessons, lesson_id, keep, _aside) as drop:
                record = spoken.publish(lessons, record, found, drop, remove or ())
                index.rebuild(lessons)
                indexing.follow(where, lambda connection: rows.put(connection, record), _aside)
    for row in record.get("captions", []):
        console().print(Text(f"{row['lang']:<8} {row['name']}"))


@app.command(name="reindex")
def reindex_command(stack: Stack = "local") -> None:
    """Make the database's list anew from the records in the object store, which are the truth."""
    where = place.of_stack(stack)
    owner = names.owner_role(indexing.INDEX)
    with where.buckets() as (_, lessons), indexing.connected(where, owner) as connection:
        done = rows.rebuild(connection, lambda: index.records(lessons))
    typer.echo(done)


def _aside(text: str) -> None:
    typer.echo(text, err=True)


@app.command(name="rm")
def rm_command(
    lesson_id: LessonId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stack: Stack = "local",
) -> None:
    """Remove a lesson for good: from the list first, then everything it consists of. Run again if it was interrupted."""
    _id(lesson_id)
    where = place.of_stack(stack)
    with where.buckets() as (uploads, lessons):
        found = lessons.read_json(lesson.record_key(lesson_id))
        # Announced and deleted, it may still be in caches: an interrupted removal is finished from what was announced.
        rest = found or next(lessons.objects(f"{lesson_id}/"), None) or withdrawing.announced(lessons, lesson_id)
        if not rest:
            raise UserError(f"there is no lesson {lesson_id!r}: `huiju lesson list` shows the published ones")
        title = found.get("title", lesson_id) if found else "(what is left of a lesson)"
        if not yes and not typer.confirm(f"Remove {lesson_id} “{title}” for good?"):
            raise UserError("nothing was removed")
        with deeds.noted(where, Deed("lesson-rm", lesson_id)):
            job.remove_of(where, lesson_id)
            count = library.remove(uploads, lessons, lesson_id, withdrawal.kept(load_named(where.city)))
            paths = purging.paths_of(lessons, lesson_id)
            indexing.follow(where, lambda connection: rows.forget(connection, lesson_id), _aside)
            purging.pods(doors.of(where), paths)
    typer.echo(f"{lesson_id} removed: {count} objects")
