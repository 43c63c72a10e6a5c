"""Starts the service: ``python3 -m services.entitlement``."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import httpx
import uvicorn

from derive import prefetch
from services.entitlement import app, audit, first_page, nights, people, records, settings, shipping
from services.entitlement.accounts import TIMEOUT, Accounts
from services.entitlement.desk import Desk
from services.entitlement.first import First, OfToday
from services.entitlement.sign_in import SignIn
from services.entitlement.tries import Tries
from services.entitlement.use_as import UseAs

PORT = 8080


def main(clock: Callable[[], datetime] = lambda: datetime.now(UTC), host: str = "0.0.0.0", port: int = PORT) -> None:  # noqa: S104
    """Read keys and rules, then answer until told to stop, by whatever good rules lie there.

    ``clock`` gives the moment, aware, by which sessions are looked at and everything is decided and recorded: nothing else names one.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # It would say every address that is asked for, and some of Keycloak's name a person.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    given, order = settings.read(), shipping.read()
    trail = audit.Trail(order.folder, os.uname().nodename, given.standing.digest, clock)
    client: Any = boto3.client("s3", config=records.CONFIG)
    shipper = shipping.Shipper(trail, shipping.locking(client, order.bucket, order.days), order.seconds)
    plans = nights.Nights(records.s3_fetch(given.bucket, prefetch.HEAD_BYTES))
    lessons = records.Records(records.s3_fetch(given.bucket))
    desk = Desk(given, lessons, clock, witness=trail, people=people.Reader(), nights=plans)
    door = settings.door()
    accounts = Accounts(httpx.Client(base_url=door.identity_url, timeout=TIMEOUT), door.accounts_secret)
    first = First(OfToday(desk), accounts, door.roster_key, trail, Tries(time.monotonic))
    doors = [*SignIn(desk, door).routes(), *UseAs(desk, door).routes(), *first_page.routes(first)]
    # The server raises the signal that ended it once more when it is done: this is where it arrives.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    threading.Thread(target=given.standing.watch, args=(threading.Event(),), name="rules", daemon=True).start()
    shipper.start()
    try:
        # No access log: the desk notes its decisions itself, and paths alone say nothing more. No server header.
        served = app.make(desk, shipping.Waiting(trail), doors=doors)
        uvicorn.run(served, host=host, port=port, access_log=False, server_header=False)
    finally:
        plans.close()
        shipper.stop()


if __name__ == "__main__":
    main()
