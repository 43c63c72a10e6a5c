"""The HLS player user: asks for permission, reads the playlists, and fetches segments as the portal's player would.

It keeps a buffer of real media seconds, so it never runs ahead of a real one; it takes the rendition that its throughput allows and
that its school's link would; every segment is checked for being whole. A lesson that is shorter than the visit starts again. Picture
and sound are fetched one after the other over HTTP/1.1, where a browser fetches them side by side over HTTP/2.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import ClassVar, Final, TypeVar

import gevent

from derive.session_token import COOKIE
from derive.traffic import Kind, Place
from loadtests import media
from loadtests.order import ANYBODY, bearer
from loadtests.person import Person
from loadtests.player import Buffer, Throughput, choose
from loadtests.schedule import Arrival
from loadtests.visitor import PAGE, SESSION, no_list, no_page, no_session

PERMISSION: Final = "/access/play/{lesson}"
"""Where permission to play a lesson is asked for."""
START: Final = "start of play"
SEGMENT: Final = "segment"
RETRIES: Final = (1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
"""Pauses before a failed segment is asked for again, s: ``fragLoadPolicy`` of hls.js."""
Read = TypeVar("Read")


class BrokenOffError(Exception):
    """The lesson does not go on; the request that failed is on record already."""


class Viewer(Person):
    """Watches a lesson."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.PLAY})

    def visit(self, person: Arrival, since: float) -> None:
        """Open the lesson's page and watch; the play goes on record, however it ends."""
        self.buffer, self.link, self.present = Buffer(), Throughput(), -1
        self._tracks: dict[int, media.Track] = {}
        broken = False
        reach = self.part.order.reach
        within = reach.get(bearer(person.scope, person.school), ()) if self.token else ()
        if self.token and within:
            self.cookies[COOKIE] = self.token  # signed in before school
        # Whoever may play nothing with a session comes without one.
        self.choice = within or reach.get(ANYBODY, ())
        if not self.choice:
            return
        self.part.tally.playing += 1
        try:
            self._watch(person, since)
        except BrokenOffError as reason:
            broken = True
            if not self.buffer.begun:
                self.journey(START, since, str(reason))
        finally:
            self._note(since, broken)

    def left_waiting(self, person: Arrival, since: float) -> None:
        """Whoever still waits for the picture when the run ends has waited in vain."""
        if not self.buffer.begun:
            self.journey(START, since, "not answered")

    def _note(self, since: float, broken: bool) -> None:
        """The play's line in the books. One that came in the last moments and could not have begun yet is none."""
        tally, buffer = self.part.tally, self.buffer
        tally.playing -= 1
        buffer.play_until(self.now())
        if not buffer.begun and not broken and self.now() - since < self.part.patience:
            return
        tally.plays += 1
        tally.stalled_plays += bool(buffer.stalls) or not buffer.begun or broken
        tally.stalls += buffer.stalls
        tally.stalled_seconds += buffer.stalled

    def _watch(self, person: Arrival, since: float) -> None:
        path, rendition = self._open(since)
        master = self._read(path, "master playlist", media.master).up_to(rendition)
        sound = self._read(master.sound, "playlist", media.track) if master.sound else None
        if sound:
            self._segment(sound.start, "initialisation", self.now())
        end = since + min(person.watches, self.part.order.plan.seconds - person.at)
        number = 0
        while (wanted := self._room(end)) is not None:
            picture = self._choose(master, person)
            segment = picture.segments[number % len(picture.segments)]
            self._segment(segment.path, SEGMENT, wanted)
            if sound:
                self._segment(sound.segments[number % len(sound.segments)].path, SEGMENT, self.now())
            if not self.buffer.begun:
                self.journey(START, since)
            self.buffer.add(segment.seconds, self.now())
            number += 1

    def _open(self, since: float) -> tuple[str, str | None]:
        """The page, who is there, the list, the permission: the path of the master playlist, and the rendition to keep to."""
        lesson = self.part.order.lessons[random.choice(self.choice)]  # noqa: S311 - not a secret
        self._need(PAGE, "page", since, no_page)
        self._need(SESSION, "session", self.now(), no_session)
        self._need(self.part.order.list_path, "list", self.now(), no_list)

        def no_grant(body: bytes) -> str:
            return "" if _said(body, "master") else "an answer without a master playlist"

        path = PERMISSION.format(lesson=lesson)
        body = self._need(path, "permission", self.now(), no_grant, method="POST")
        return _said(body, "master") or "", _said(body, "rendition")

    def _room(self, end: float) -> float | None:
        """Wait until the next segment is wanted, and say when that was meant to be; None when the visit ends before."""
        self.buffer.play_until(self.now())
        wanted = self.now() + self.buffer.room_in()
        gevent.sleep(max(0.0, min(wanted, end) - self.now()))
        return wanted if wanted < end else None

    def _choose(self, master: media.Master, person: Arrival) -> media.Track:
        """The playlist of the rendition to take next, initialised if it is another one."""
        estimate = self.link.estimate
        if person.place is Place.SCHOOL:
            estimate = min(estimate, self.part.order.plan.link_kbps[person.school] * 1000)
        before = self.present if self.buffer.begun else None
        index = choose([each.bandwidth for each in master.variants], estimate, before)
        track = self._tracks.get(index) or self._read(master.variants[index].path, "playlist", media.track)
        if index != self.present:
            self._segment(track.start, "initialisation", self.now())
        self.present, self._tracks[index] = index, track
        return track

    def _segment(self, path: str, name: str, wanted: float) -> None:
        """Fetch a segment, again if need be; what it teaches of the link is kept, what it holds is not."""
        for pause in (*RETRIES, None):
            begun = self.now()
            body = self.fetch(path, name, wanted, check=_cut)
            if body is not None:
                self.link.add(len(body), self.now() - begun)
                return
            if pause is None or pause >= self.part.left:
                break
            gevent.sleep(pause)
            wanted = self.now()
        raise BrokenOffError(f"no {name}")

    def _read(self, path: str, name: str, parse: Callable[[str, str], Read]) -> Read:
        """A playlist, understood."""

        def misread(body: bytes) -> str:
            try:
                parse(body.decode(), path)
            except ValueError as error:
                return str(error)
            return ""

        return parse(self._need(path, name, self.now(), misread).decode(), path)

    def _need(self, path: str, name: str, since: float, check: Callable[[bytes], str], method: str = "GET") -> bytes:
        body = self.fetch(path, name, since, method=method, check=check)
        if body is None:
            raise BrokenOffError(f"no {name}")
        return body


def _said(body: bytes, what: str) -> str | None:
    """What a permission says, for instance the path of the master playlist; None when it does not."""
    try:
        said = json.loads(body)[what]
    except (ValueError, TypeError, KeyError):
        return None
    return said if isinstance(said, str) else None


def _cut(body: bytes) -> str:
    return "" if media.whole(body) else f"a segment that is not whole ({len(body)} bytes)"
