"""What a page of the portal loads: scripts, styles, the icon. All from the portal itself, as its content policy wants."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_PARTS: Final = re.compile(r"""(?:src|href)=["'](/[^/"'#?][^"'#?]*\.[a-z0-9]+)["']""")


@lru_cache(maxsize=16)
def parts(page: str) -> tuple[str, ...]:
    """Paths that the page loads, each once."""
    return tuple(dict.fromkeys(_PARTS.findall(page)))
