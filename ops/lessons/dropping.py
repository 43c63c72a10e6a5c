"""What leaves a lesson that stays published: deleted from the store, and given up by every cache, which would keep it for a year."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from catalog.errors import UserError
from derive import lesson
from ops.cdns import purging
from ops.lessons import library, withdrawing
from ops.lessons.place import Place
from services.packager.store import Bucket

Drop = Callable[[Iterable[str]], None]
"""Deletes the objects of these keys, every version, and has the caches give them up later."""


@contextmanager
def dropping(
    where: Place, lessons: Bucket, lesson_id: str, keep: timedelta, say: Callable[[str], None]
) -> Iterator[Drop]:
    """While the body runs it may drop objects of the lesson; afterwards, however it ended, every cache gives those up.

    UserError, with what to type, where one could not be reached: all others were. ``say`` is told a line otherwise.
    """
    gone = set[str]()

    def drop(keys: Iterable[str]) -> None:
        if new := set(keys) - gone:
            gone.update(new)
            try:
                # Before they go: whatever happens to this command, `huiju cdn purge` knows from here on what they were.
                withdrawing.announce_purge(lessons, lesson_id, gone, keep)
            finally:
                for key in new:
                    library.purge(lessons, key)

    try:
        yield drop
    finally:
        if gone:
            say(_given_up(where, lessons, lesson_id, gone, keep))


def _given_up(where: Place, lessons: Bucket, lesson_id: str, gone: set[str], keep: timedelta) -> str:
    paths = sorted(map(lesson.public_path, gone))
    try:
        held = purging.everywhere(where, lessons, lesson_id, paths, keep)
    except UserError as error:
        raise UserError(
            f"{len(paths)} files of {lesson_id} are deleted, and caches may give copies of them still: {error}\n"
            f"until it succeeds: `{purging.command(paths)}`"
        ) from error
    return purging.told(paths, held)
