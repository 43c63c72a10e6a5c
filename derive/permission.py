"""What a permission to play is called on record and in the caches' access logs, so that one leads to the other; it lets nobody in.

A cache sees a permission that names nobody, and packs it away before it writes its line. So a few lines of Lua, behind the plugin that
checks it, keep the end of its signature beside the request, in a header of the server's own that goes nowhere. They also run for what that
plugin refused: the line's status says which it was, and what was shown there is on no record unless the service gave it.
"""

from __future__ import annotations

from typing import Final

from derive.video_token import COOKIE, PERMISSION

CHARACTERS: Final = 12
"""Of the 86 of a signature by ES256: 72 of 512 bits. Two permissions share them about never, and whoever has them has no signature."""
FILE: Final = "permission.lua"
FACT: Final = "permission"
"""Of the record of a minted token, and field of a cache's line."""
KEY: Final = "key"
"""Of the record: which key signed it."""
STATES: Final = 4
"""Interpreters of one cache; it has two threads, and each interpreter takes memory whether it is used or not."""


def name(token: str) -> str:
    """What the permission is called."""
    return token[-CHARACTERS:]


def plugin(folder: str = "") -> str:
    """The plugin of a remap rule, to stand behind the one that checks; ``folder`` has `FILE`, else the server's own configuration."""
    return f"@plugin=tslua.so @pparam=--states={STATES} @pparam={f'{folder}/' if folder else ''}{FILE}"


def script() -> str:
    """`permission.lua`."""
    part = "[%w_-]+"
    return f"""function do_remap()
  local cookie = ts.client_request.header['Cookie'] or ''
  local signature = string.match(cookie, '{COOKIE}={part}%.{part}%.({part})') or ''
  ts.client_request.header['{PERMISSION}'] = string.sub(signature, -{CHARACTERS})
  return 0
end
"""
