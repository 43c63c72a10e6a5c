"""The service: one thread asks what was withdrawn and gives it up, one asks for the plan, one carries it out and measures the link."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import plan, readings
from .cache import Cache, Skipped
from .link import Link
from .platform import Document
from .prefetch import Prefetch
from .withdrawals import Withdrawals


class Keeper:
    """A box's service as its settings describe it."""

    def __init__(self, settings: dict[str, Any], credentials: Path) -> None:
        self.settings = settings
        where = settings["platforms"]
        self.withdrawn = Document(where, credentials, "/lessons/withdrawn.json")
        self.planned = Document(where, credentials, f"/lessons/plans/{settings['school']}.json")
        state = Path(settings["state"])
        self.withdrawals = Withdrawals(state)
        self.link = Link(where, credentials, state, self.withdrawals.keeps_out)
        self.prefetch = Prefetch(Cache(settings["cache"]), self.withdrawals.keeps_out)
        self._purging = Cache(settings["cache"])
        self._heard, self._news = dict[str, float](), False

    def withdraw(self) -> float:
        """Ask what was withdrawn, and give up what is due, also when the platform cannot be asked."""
        try:
            self._hear()
            say("platform", "")
        except (OSError, ValueError) as error:
            say("platform", str(error))
        found, wrong = self.withdrawals.purge(self._purging)
        if found:
            print(f"withdrawn or purged: {found} objects given up", flush=True)
            self.prefetch.renew()
        if isinstance(wrong, Skipped):
            # Not well again by itself: a line for each that is another one.
            say("paths", str(wrong))
        elif wrong:
            raise wrong
        return float(self.settings["seconds"])

    def _hear(self) -> None:
        # What could not be kept is news still, though the platform says that nothing changed.
        self._news = self.withdrawn.ask() or self._news
        if self._news:
            self.withdrawals.hear(self.withdrawn.value)
        self._news = False
        self._heard = {"city_withdrawals_heard_timestamp_seconds": time.time()}

    def take(self) -> float:
        """Ask for the plan; one that cannot be asked for stays in force, one that is gone or is none does not."""
        if self.planned.ask():
            self.prefetch.wanted = None
            if self.planned.value is not None:
                self.prefetch.wanted = plan.parse(self.planned.value, self.settings["school"])
        return float(self.settings["seconds"])

    def fetch(self) -> float:
        """Measure the link when that is due, then look after the plan: one after the other, or each would be in the other's way."""
        try:
            if self.link.look(self.prefetch.wanted):
                say("link", "")
        except OSError as error:
            say("link", str(error))
        return self.prefetch.step()

    def tell(self) -> float:
        """Write the readings."""
        readings.write(
            Path(self.settings["metrics"]), {**self.prefetch.readings(), **self.link.readings(), **self._heard}
        )
        return float(self.settings["seconds"])


_said = dict[str, str]()


def say(what: str, text: str) -> None:
    """Print a line when it is another one than last time: a link that is down for days is one line."""
    if _said.get(what, "") != text:
        print(f"{what}: {text or 'well again'}", file=sys.stderr, flush=True)
    _said[what] = text


def forever(what: str, step: Callable[[], float]) -> None:
    """Run ``step`` again and again, each time after the seconds that it names. A fault of ours ends the service; systemd starts it anew."""
    try:
        while True:
            try:
                pause = step()
                say(what, "")
            except (OSError, ValueError) as error:
                pause = 5.0
                say(what, str(error))
            time.sleep(pause)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def main(words: list[str]) -> int:
    """Serve with the settings of the file named by the first word."""
    keeper = Keeper(json.loads(Path(words[0]).read_text()), Path(os.environ["CREDENTIALS_DIRECTORY"]))
    for what, step in (("plan", keeper.take), ("prefetch", keeper.fetch), ("readings", keeper.tell)):
        threading.Thread(target=forever, args=(what, step), daemon=True).start()
    forever("withdrawn", keeper.withdraw)
    return 1
