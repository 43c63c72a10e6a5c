"""Make what streams a class: the Job, then the passphrase and the address, which go when it goes."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any, Final

from catalog import City, names
from catalog.errors import UserError
from derive import live
from ops.lessons import job
from ops.lessons.place import Place
from ops.lives import address
from ops.lives.address import Address
from ops.stack import overrides

LISTENING: Final = '"waiting"'
"""What the service says in its log when it listens."""
PATIENCE: Final = 60
PAUSE: Final = 0.5
PASSPHRASE_BYTES: Final = 18
"""144 bits, 24 characters; SRT takes 10 to 79."""


def exposure(place: Place) -> str:
    """Type of the Service: as the stack exposes its gateway."""
    return overrides.row(place.settings).exposure


def start(place: Place, city: City, asked: dict[str, Any]) -> Address:
    """Make it and wait until it listens. A class that cannot be made whole is taken away again."""
    name = names.live_class(asked["id"])
    if job.get(place, "job", name):
        raise UserError(f"this class is there already: `huiju live show {asked['id']}`; its passphrase was shown once")
    text = place.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(live.job(city, place.image, asked)))
    try:
        return _reached(place, str(asked["id"]), json.loads(text))
    except BaseException:
        job.remove(place, name)
        raise


def _reached(place: Place, lesson: str, owner: dict[str, Any]) -> Address:
    passphrase = secrets.token_urlsafe(PASSPHRASE_BYTES)
    # By the standard input: what is in an argument, everybody on this machine may read.
    for manifest in (live.secret(lesson, passphrase, owner), live.service(lesson, exposure(place), owner)):
        place.kubectl("create", "-f", "-", stdin=json.dumps(manifest))
    pod = job.started(place, names.live_class(lesson), set())
    if pod is None:
        raise UserError("the class's Job ended before it began: its log says why")
    _listens(place, pod)
    return address.of(place, lesson, passphrase)


def _listens(place: Place, pod: str) -> None:
    """Wait until the service takes a stream in: a teacher's program tries for a few seconds only."""
    deadline = time.monotonic() + PATIENCE
    while LISTENING not in (said := place.kubectl("logs", pod, "-n", live.SPACE, "--tail=20")):
        if time.monotonic() > deadline:
            raise UserError(f"the class does not begin to listen; its log says: {said.strip() or 'nothing'}")
        time.sleep(PAUSE)
