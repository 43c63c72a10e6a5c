"""Starts the service: ``python3 -m services.entitlement``."""

from __future__ import annotations

import logging
import threading

import uvicorn

from services.entitlement import app, records, settings
from services.entitlement.desk import Desk

PORT = 8080


def main() -> None:
    """Read keys and rules, then answer until told to stop, by whatever good rules lie there."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given = settings.read()
    desk = Desk(given, records.Records(records.s3_fetch(given.bucket)))
    threading.Thread(target=given.standing.watch, args=(threading.Event(),), name="rules", daemon=True).start()
    # No access log: the desk notes its decisions itself, and paths alone say nothing more. No server header.
    uvicorn.run(app.make(desk), host="0.0.0.0", port=PORT, access_log=False, server_header=False)  # noqa: S104


if __name__ == "__main__":
    main()
