"""What a permission to play is called on record and in the caches' access logs, so that one leads to the other; it lets nobody in.

A cache sees a permission that names nobody, and packs it away before it writes its line. So a few lines of Lua, before the plugin that
checks it, keep the beginning of its signature beside the request, in a header of the server's own that goes nowhere. They choose which one
is checked, and leave that plugin no other: it would try one after the other, and tell nobody which it took (docs/decisions/0272). What it
then refuses has a name too: the line's status says which it was, and nobody has looked whether the service ever gave that one.
"""

from __future__ import annotations

from typing import Final

from derive.lesson import public_path
from derive.video_token import COOKIE, OPEN, PERMISSION

CHARACTERS: Final = 12
"""The first of the 86 of a signature by ES256: 72 of 512 bits. Two permissions share them about never; they make no signature.

Not the last: whoever has a signature has another that is as good, with another second half (s and n - s), and sixteen last characters to
choose from, since four of its bits say nothing. There is one first half only."""
_SIGNATURE: Final = 86
"""Characters of a signature by ES256. A longer one, filled up with zeros, would be as good, and begin otherwise."""
FILE: Final = "permission.lua"
FACT: Final = "permission"
"""Of the record of a minted token, and field of a cache's line."""
KEY: Final = "key"
"""Of the record: which key signed it."""
STATES: Final = 4
"""Interpreters of one cache; it has two threads, and each interpreter takes memory whether it is used or not."""


def name(token: str) -> str:
    """What the permission is called."""
    return token.rpartition(".")[2][:CHARACTERS]


def plugin(folder: str = "") -> str:
    """The plugin of a remap rule, to stand before the one that checks; ``folder`` has `FILE`, else the server's own configuration."""
    return f"@plugin=tslua.so @pparam=--states={STATES} @pparam={f'{folder}/' if folder else ''}{FILE}"


def script() -> str:
    """`permission.lua`: of all that is shown, the first is checked and named; of two cookies for one path a browser sends the nearer first.

    Where everybody is let in nothing is checked, so there is no name either: anybody could write any.
    """
    part, lessons = "[%w_-]+", public_path("")
    free = " or ".join(f"string.match(path, '^{lessons}{each}$')" for each in OPEN)
    # Between two headers of that name the server puts a comma, which no token has.
    shown = f"[;,]%s*{COOKIE}=({part}%.{part}%.({part}))"
    return f"""local function free(path)
  return {free}
end

function do_remap()
  local header, token, signature = ts.client_request.header, nil, ''
  local cookie = header['Cookie']
  if cookie and not free(ts.client_request.get_uri()) then
    token, signature = string.match(';' .. cookie, '{shown}')
  end
  if token and #signature == {_SIGNATURE} then
    header['Cookie'] = '{COOKIE}=' .. token
    header['{PERMISSION}'] = string.sub(signature, 1, {CHARACTERS})
  elseif cookie then
    header['Cookie'] = nil
  end
  return 0
end
"""
