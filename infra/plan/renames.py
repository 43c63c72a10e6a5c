"""Renamed resources. Fixed object names make a forgotten alias dangerous: the engine would delete the object it has just written.

When an object's logical name (`<kind>/<namespace>/<name>`) changes but the object is the same, add a row: new name -> former names.
"""

from __future__ import annotations

from collections.abc import Mapping

FORMER: Mapping[str, tuple[str, ...]] = {}
