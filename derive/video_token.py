"""Permission to play one lesson or to take it away, as the caches check it (CDNI URI signing, RFC 9246): claims, and their configuration.

Every cache that viewers talk to checks it: the shield for the city, a box for its school. They hold public keys only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from derive.lesson import INDEX, LESSON_ID, public_path

COOKIE: Final = "URISigningPackage"
"""The plugin's own name for the token, in a cookie or in an address."""
CITY: Final = "city"
"""Place of the gateway's shield; a school's box answers to the school's code."""
PERMISSION: Final = "@Permission"
"""Header in which a cache keeps what the token is called (`derive.permission`); Traffic Server sends none that begins so."""
FILE: Final = "uri_signing.json"
GUARD_FILE: Final = "guard.config"

OPEN: Final = (INDEX.replace(".", "[.]"), "l[-][^/]*/lesson[.]json", "l[-][^~]*/poster[.]jpg")
"""What of the lessons opens to everybody, below their public path; written so that PCRE and Lua's patterns read it alike."""
FORM: Final = r"[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+"
"""A JWS, as it is written: what the plugin is given has no other form."""
_SPARE: Final = "X-Spare"
_GIVEN_UP: Final = 1200
_PATH: Final = "[A-Za-z0-9._/-]*"
"""Characters of our keys. Nothing encoded: `..%2F` would leave the lesson once a store decodes it."""
_LESSON: Final = LESSON_ID.pattern
_AWAY: Final = "~"
"""Stands in no path that a permission to play opens, whoever gave it and when: what may be taken away lies behind it."""
DOWNLOAD: Final = f"{_AWAY}download"
"""Folder of what may be taken away, below the lesson's."""


def media_path(lesson: str) -> str:
    """Path below which everything of the lesson lies, with a slash at its end. Raises ValueError for what is no lesson's id."""
    if not LESSON_ID.fullmatch(lesson):
        raise ValueError(f"{lesson!r} is no lesson id")
    return public_path(f"{lesson}/")


def download_path(lesson: str) -> str:
    """Path below which lies what may be taken away of the lesson, with a slash at its end. Raises ValueError as `media_path` does."""
    return f"{media_path(lesson)}{DOWNLOAD}/"


def download_claims(issuer: str, place: str, lesson: str, expires: int) -> dict[str, Any]:
    """Claims that let their bearer take ``lesson`` away from the cache of ``place`` until ``expires``, and play nothing."""
    return _claims(issuer, place, f"{download_path(lesson)}{_PATH}", expires)


def claims(issuer: str, place: str, lesson: str, expires: int) -> dict[str, Any]:
    """Claims that let their bearer play ``lesson`` from the cache of ``place`` until ``expires`` (Unix seconds), and take nothing away.

    ``aud`` and ``cdniuc`` are always there, since the plugin takes a missing one for any. No ``cdnistt``: a cache would renew the
    token past its end. No ``jti``, no ``cdniip``: the plugin refuses them.
    """
    return _claims(issuer, place, f"{media_path(lesson)}{_PATH}", expires)


def _claims(issuer: str, place: str, scope: str, expires: int) -> dict[str, Any]:
    return {"iss": issuer, "aud": place, "exp": expires, "cdniv": 1, "cdniuc": _anywhere(scope)}


def configuration(issuer: str, place: str, keys: Sequence[Mapping[str, str]]) -> str:
    """`uri_signing.json` of the cache of ``place``; ``keys`` are public JSON Web Keys, the newest first.

    The plugin wants a key to renew tokens with. It is given a public one: nothing asks for renewal, and who reads a box's files
    can sign nothing.
    """
    open_paths = f"{public_path('')}({'|'.join(OPEN)})"
    row = {
        "id": place,
        "renewal_kid": keys[0]["kid"],
        # Off the address that caches know an object by, and off the request to the store.
        "strip_token": True,
        # One row, and loose in what an id is: the plugin compiles every row anew for every request, and counting an id's letters costs the
        # most (what is left: docs/benchmarks.md). What is no lesson's id is not in the bucket.
        "auth_directives": [{"auth": "allow", "uri": _anywhere(open_paths)}],
        "keys": list(keys),
    }
    return json.dumps({issuer: row}, indent=1) + "\n"


def _anywhere(path: str) -> str:
    """The container of a path at any host. The plugin matches from the start of the address, and to its end only if told so."""
    return f"regex:https?://[^/]*{path}([?].*)?$"


def guard() -> str:
    """Header rewrite rules that run first, and keep from the plugin what it cannot bear.

    A ``=`` inside a token ends Traffic Server 9.2 (docs/surprises.md): a token that is no JWS in form goes, with its whole cookie.
    The plugin takes a token from anywhere in an address, before those in cookies, and the access log would hold what stands there: queries
    are dropped; parameters, fragments and whatever stands before the host and an ``@`` are refused. The way to a lesson
    holds nothing but the characters of our keys, no step that climbs and no empty one, so that plugin and store read it alike. The
    folder of what may be taken away has a character more; everywhere else that one is refused too.
    """
    lessons = public_path("").strip("/")
    # The whole address: of a path alone its parameters would stay, and with them in the access log whatever stands there.
    refuse = "set-destination URL http://refused/refused"
    rules = (
        (f"%{{CLIENT-HEADER:Cookie}} /{COOKIE}=(?!{FORM} *(;|$))/", "rm-header Cookie"),
        ("%{CLIENT-URL:URL} /[;#=@]/", refuse),
        (
            rf"%{{CLIENT-URL:PATH}} /^{lessons}\/({_LESSON}\/{DOWNLOAD}\/)?+(.*[^A-Za-z0-9._\/-]|(.*\/)?[.]?[.]?(\/|$))/",
            refuse,
        ),
    )
    head = "cond %{READ_REQUEST_HDR_HOOK}"
    return f"{head}\n  rm-destination QUERY\n  rm-header {PERMISSION}\n\n" + "\n".join(
        f"{head} [AND]\ncond {condition}\n  {action}\n" for condition, action in rules
    )


def dropping() -> str:
    """Header rewrite rules for a request that has passed: its cookies and credentials are not the store's business, nor the cache's.

    Traffic Server keeps an object's request with it, and what was removed of that stays in its memory as it lay there, and so on the disk.
    The memory is packed anew at the first text that is added after more than 1,024 bytes of it were given up (`MAX_LOST_STR_SPACE`).
    """
    words = (
        "rm-header Cookie",
        "rm-header Authorization",
        f"set-header {_SPARE} {'-' * _GIVEN_UP}",
        f"rm-header {_SPARE}",
    )
    return "cond %{REMAP_PSEUDO_HOOK}\n" + "".join(
        f"  {each}\n" for each in (*words, f"set-header {_SPARE} -", f"rm-header {_SPARE}")
    )
