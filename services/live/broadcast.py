"""One class from the first connection to the packaged recording. Every step can be run again; what is done already is in the bucket."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from services.live import record
from services.live.channel import Channel, patiently
from services.live.encoder import Encoder
from services.live.gate import Gate
from services.live.part import Part
from services.live.recording import Recording, streams
from services.live.request import Request
from services.live.srt import Connection, Listener
from services.packager.progress import say
from services.packager.store import Bucket

LOOK_SECONDS: Final = 0.7
"""How often what has come in is looked at until a picture is found."""
SHOW_SECONDS: Final = 10.0
"""After which a connection without any picture is ended."""


class Broadcast:
    """A class. ``stop`` ends it from a signal handler; ``lessons`` and ``told`` are one bucket by two clients.

    A conditional put changes what its client sends (:meth:`Bucket.put_if`), and segments go out at the same time.
    """

    def __init__(self, request: Request, uploads: Bucket, lessons: Bucket, told: Bucket, work: Path) -> None:
        self.request, self.told = request, told
        self.channels = {track: Channel(lessons, request, track) for track in request.tracks}
        self.recording = Recording(request, uploads, lessons, work)
        self.stopped = threading.Event()
        self.showing: threading.Thread | None = None
        self.shown = False
        self.seconds = 0.0

    def stop(self) -> None:
        """End class now; the recording is packaged all the same."""
        self.stopped.set()

    def run(self, listener: Listener) -> None:
        """Stream until class ends; then package. A class that had ended already is only packaged."""
        found = patiently(lambda: record.read(self.told, self.request))
        state = found.get("live", {}).get("state")
        self.shown = state in {record.LIVE, record.ENDED}
        if state == record.ENDED:
            return
        for channel in self.channels.values():
            channel.resume()
        if self.seen and self.request.recorded and self.recording.empty:
            say(
                warning="what came in until now went with the pod that had it: the recording will have that much as it was streamed live"
            )
        self._stream(listener)
        self._end()

    def package(self) -> bool:
        """Hand the recording in and make a lesson of it; whether there is one."""
        note = self.recording.hand_in() if self.request.recorded else None
        if note:
            say(state="packaging")
            self.recording.package(note, self.told)
        elif self.request.recorded:
            patiently(lambda: record.unrecorded(self.told, self.request))
        return note is not None

    def _stream(self, listener: Listener) -> None:
        """Run after run, until nobody comes back in time. Before the first one a class waits for as long as it may last."""
        lost: float | None = time.monotonic() if self._begun else None
        say(state="waiting")
        while not self.stopped.is_set() and datetime.now(UTC) < self.request.until:
            if lost is not None and time.monotonic() - lost > self.request.rejoin_seconds:
                say(state="lost", waited=self.request.rejoin_seconds)
                return
            connection = listener.accept()
            if connection:
                self._session(connection, listener)
                lost = time.monotonic() if self._begun else None

    @property
    def seen(self) -> bool:
        """Whether anybody can have seen something of it; there was something to record then."""
        return self.shown or self._begun

    @property
    def _begun(self) -> bool:
        return any(channel.begun for channel in self.channels.values())

    def _session(self, connection: Connection, listener: Listener) -> None:
        begun = datetime.now(UTC)
        run = f"r{int(begun.timestamp() * 1000)}"
        part = self.recording.part(run)
        say(state="connected", run=run)
        try:
            Session(self, connection, listener, part).run(run, begun)
        finally:
            connection.close()
            part.close()
        say(state="disconnected", run=run)

    def show(self) -> None:
        """Once every track has something to play, tell everybody; in a thread, since the stream does not wait."""
        ready = all(channel.begun and channel.header for channel in self.channels.values())
        if ready and not self.shown and self.showing is None:
            headers = {track: channel.header for track, channel in self.channels.items()}
            self.showing = threading.Thread(target=self._show, args=(headers,), daemon=True)
            self.showing.start()

    def _show(self, headers: dict[str, bytes]) -> None:
        patiently(lambda: record.begin(self.told, self.request, headers))
        self.shown = True
        say(state="live")

    def _end(self) -> None:
        """No player waits for more: first the playlists, then the record."""
        for channel in self.channels.values():
            channel.drain()
            if channel.begun:
                channel.end()
        if self.showing:
            self.showing.join()
        if self.shown:
            patiently(lambda: record.end(self.told, self.request, self.seconds))
            say(state="ended", seconds=round(self.seconds))


class Session:
    """One connection: into the recording and through the encoder, until it breaks, another one takes over, or class ends."""

    def __init__(self, broadcast: Broadcast, connection: Connection, listener: Listener, part: Part) -> None:
        self.broadcast, self.connection, self.listener, self.part = broadcast, connection, listener, part

    def run(self, run: str, begun: datetime) -> None:
        """All of it."""
        kinds = self._look()
        if "video" not in kinds:
            say(error="what the teacher's program sends holds no picture: the connection was ended")
            return
        if not self._stream(run, begun, self.part.seen(), sound="audio" in kinds):
            say(
                warning="what the teacher's program sends announces a sound and holds none: class is streamed with silence"
            )
            # What came until now was held back for the sound. Silence begins now, and the picture must not begin before it.
            self._stream(run, datetime.now(UTC), b"", sound=False)

    def _stream(self, run: str, begun: datetime, first: bytes, *, sound: bool) -> bool:
        """Through the encoder, ``first`` what has come, to the end; False when the ``sound`` never comes: nothing was passed on then."""
        channels = self.broadcast.channels
        for channel in channels.values():
            channel.begin(run, begun)
        gate = Gate(channels, lambda track, part: channels[track].take(part))
        encoder = Encoder(self.broadcast.request, gate.take, sound=sound)
        try:
            if encoder.write(first):
                self._feed(encoder, gate)
        finally:
            complaint = encoder.close()
            for channel in channels.values():
                channel.drain()
            self.broadcast.show()
            self.broadcast.seconds += channels[next(iter(channels))].seconds
        if gate.gives_up():
            return False
        if complaint:
            say(error=f"the encoder stopped: {complaint}")
        return True

    def _look(self) -> frozenset[str]:
        """What streams come in, once there is a picture; nothing where there is none in time."""
        began = looked = time.monotonic()
        while (data := self.connection.receive()) is not None and time.monotonic() - began < SHOW_SECONDS:
            self.part.write(data)
            if time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                if "video" in (kinds := streams(self.part.file)):
                    return kinds
        return frozenset()

    def _feed(self, encoder: Encoder, gate: Gate) -> None:
        going, asked = True, self.broadcast
        while going and not gate.gives_up() and not asked.stopped.is_set() and datetime.now(UTC) < asked.request.until:
            data = self.connection.receive()
            if data is None or (not data and self.listener.waiting()):
                return
            self.part.write(data)
            going = encoder.write(data)
            self.broadcast.show()
            for channel in self.broadcast.channels.values():
                channel.check()
