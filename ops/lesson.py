"""``huiju lesson``: publish, list, show and remove lessons; the list comes from the database, which follows the object store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from catalog import load_named, names
from catalog.errors import UserError
from derive import lesson
from ops import sample_lesson
from ops.console import console
from ops.lessons import indexing, job, library, place, publish
from ops.lessons.wish import Wish
from services.lesson_index import rows
from services.packager import index

app = typer.Typer(no_args_is_help=True, help="Publish, list, show and remove lessons.")
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable.")]
LessonId = Annotated[str, typer.Argument(metavar="ID", help="As `huiju lesson list` shows it.")]
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
    stack: Stack = "local",
) -> None:
    """Publish a recording. Interrupted, the same command goes on; done already, it changes nothing."""
    where = place.of_stack(stack)
    bars = Bars(Console(stderr=True))
    with bars.progress:
        lesson_id = publish.publish(
            where, load_named(where.city), Wish(file, title, school, teacher, subject, licence), bars
        )
    console().print(Text(f"{lesson_id}  {_url(where, lesson_id)}"))


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
    return _url(where, publish.publish(where, city, wish, _Said(say)))


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


@app.command(name="list")
def list_command(as_json: AsJson = False, stack: Stack = "local") -> None:
    """The published lessons, newest first, as the database lists them."""
    where = place.of_stack(stack)
    found = indexing.listed(where)
    if as_json:
        typer.echo(json.dumps([{**row, "url": _url(where, row["id"])} for row in found], ensure_ascii=False, indent=2))
        return
    table = Table(
        Column("ID", no_wrap=True),
        "Title",
        "School",
        "Length",
        Column("Published", no_wrap=True),
        box=None,
        pad_edge=False,
    )
    for row in found:
        cells = (row["id"], row["title"], row["school"]["name"]["zh"], _clock(row["seconds"]), row["published"][:10])
        table.add_row(*(Text(str(cell)) for cell in cells))
    console().print(
        table if found else "No lesson is published yet: `huiju lesson publish FILE --title ... --school CODE`"
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
    for name, value in _facts(record, _url(where, lesson_id)).items():
        out.print(Text.assemble((f"{name:<10}", "dim"), str(value)))
    out.print(_renditions(record))


def _facts(record: dict[str, Any], url: str) -> dict[str, Any]:
    school = record["school"]
    facts = {
        "Title": record["title"], "School": f"{school['name']['zh']} / {school['name']['en']} ({school['code']})",
        "Teacher": record.get("teacher"), "Subject": record.get("subject"), "Licence": record.get("licence", {}).get("id"),
        "Length": _clock(record["seconds"]), "Size": f"{record['bytes'] / 2**20:.1f} MiB", "Published": record["published"], "URL": url,
    }  # fmt: skip
    return {name: value for name, value in facts.items() if value}


def _renditions(record: dict[str, Any]) -> Table:
    table = Table(
        "Rendition", "Picture", "Frames/s", "Mean kbit/s", "Peak kbit/s", "Segments", box=None, pad_edge=False
    )
    for row in record["renditions"]:
        rates = (f"{row[key] / 1000:.0f}" for key in ("average_bps", "peak_bps"))
        table.add_row(row["name"], f"{row['width']}x{row['height']}", str(row["fps"]), *rates, str(row["segments"]))
    return table


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
    if not lesson.LESSON_ID.fullmatch(lesson_id):
        raise UserError(f"{lesson_id!r} is no lesson id: `huiju lesson list` shows them")
    where = place.of_stack(stack)
    with where.buckets() as (uploads, lessons):
        found = lessons.read_json(lesson.record_key(lesson_id))
        rest = found or next(lessons.objects(f"{lesson_id}/"), None)
        if not rest:
            raise UserError(f"there is no lesson {lesson_id!r}: `huiju lesson list` shows the published ones")
        title = found["title"] if found else "(what is left of a lesson)"
        if not yes and not typer.confirm(f"Remove {lesson_id} “{title}” for good?"):
            raise UserError("nothing was removed")
        job.remove_of(where, lesson_id)
        count = library.remove(uploads, lessons, lesson_id)
    indexing.follow(where, lambda connection: rows.forget(connection, lesson_id), _aside)
    typer.echo(f"{lesson_id} removed: {count} objects")
