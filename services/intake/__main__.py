"""Run the intake: `python3 -m services.intake`."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from pathlib import Path

import uvicorn

from services.intake import app, settings

FOLDER = Path(os.environ.get("INTAKE_SETTINGS", "/etc/intake"))
PORT = int(os.environ.get("INTAKE_PORT", "8080"))
OWN_PORT = int(os.environ.get("INTAKE_OWN_PORT", "8081"))
"""Of health and figures."""
CONNECTIONS = 256
GRACE_SECONDS = 20


def main() -> None:
    """Serve both doors until asked to end."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    told = settings.read(FOLDER)
    config = uvicorn.Config(
        app.doors(told, OWN_PORT), log_config=None, access_log=False, server_header=False, proxy_headers=False,
        limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=GRACE_SECONDS,
    )  # fmt: skip
    doors = [socket.create_server(("", port), backlog=CONNECTIONS) for port in (PORT, OWN_PORT)]
    logging.info("intake: %d schools, handing on to %s", len(told.schools), told.upstream)
    asyncio.run(uvicorn.Server(config).serve(sockets=doors))


if __name__ == "__main__":
    main()
