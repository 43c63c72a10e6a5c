"""How the platform's pages play from the cache in a school: another origin, which browsers ask before a page may read from it.

A page has no cookie for that host, so it shows its permission in a header; the browser asks by OPTIONS first whether it may (Fetch
standard, CORS). Only pages of the platform may, and nothing but what their permission opens.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from catalog import names
from derive import video_token

HEADER: Final = "X-Lesson-Permission"
"""Request header with the token, as a page of the platform shows it."""
FILE: Final = "page.config"
_MAX_AGE_SECONDS: Final = 7200
"""How long a browser remembers that it may; Chromium keeps to two hours at most."""


def origin(school: str, domain: str) -> str:
    """Where the cache of a school answers to pages; ``domain`` is that of the boxes."""
    return f"https://{names.edge_host(school, domain)}"


def rules(issuer: str, health: str) -> str:
    """Header rewrite rules of a box, before the guard's: ``issuer`` is the platform's address, ``health`` the path that is open to all.

    A browser's question is answered like one for the box's health: it opens nothing, and says who may ask.
    """
    address, token = urlsplit(issuer), f"%{{CLIENT-HEADER:{HEADER}}}"
    asked, said = "cond %{READ_REQUEST_HDR_HOOK}", "cond %{SEND_RESPONSE_HDR_HOOK}"
    told = {
        "Access-Control-Allow-Origin": f"{address.scheme}://{address.netloc}",
        "Access-Control-Allow-Headers": HEADER,
        "Access-Control-Max-Age": _MAX_AGE_SECONDS,
    }
    return (
        "\n\n".join(
            (
                f'{asked} [AND]\ncond {token} /^{video_token.FORM}$/\n  set-header Cookie "{video_token.COOKIE}={token}"',
                f"{asked}\n  rm-header {HEADER}",
                f"{asked} [AND]\ncond %{{METHOD}} =OPTIONS\n  set-destination PATH {health.strip('/')}",
                said + "".join(f'\n  set-header {name} "{value}"' for name, value in told.items()),
            )
        )
        + "\n"
    )
