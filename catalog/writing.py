"""Facts as YAML text, in the catalog's own layout: for the generator of synthetic schools and for `huiju catalog new-school`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from catalog.promise import LiveClass
from catalog.school import Alliance, District, School
from catalog.types import Names

MODELINE = "# yaml-language-server: $schema={schema}"
_PLAIN = re.compile(r"(?!(?:null|true|false|yes|no|on|off|y|n)$)[A-Za-zÀ-ɏ㐀-䶿一-鿿〇][^,:#\[\]{}]*", re.IGNORECASE)
_CODES_PER_LINE = 8


def text(value: str) -> str:
    """A string as YAML: plain where nobody could read it otherwise, else in double quotes."""
    return value if _PLAIN.fullmatch(value) and value == value.strip() else json.dumps(value, ensure_ascii=False)


def names(value: Names) -> str:
    """Both names on one line."""
    return f"{{zh: {text(value.zh)}, en: {text(value.en)}}}"


def number(value: float) -> str:
    """A number without a needless ``.0``."""
    return str(int(value)) if value == int(value) else str(value)


def school_row(school: School) -> str:
    """One entry of ``schools:``, with its line end."""
    link = school.uplink
    uplink = f"{{contracted_mbps: {number(link.contracted_mbps)}, medium: {link.medium}}}" if link else "null"
    return f"""\
  - code: "{school.code}"
    name: {names(school.name)}
    district: {school.district}
    kind: {school.kind}
    locality: {school.locality}
    students: {school.students}
    teachers: {school.teachers}
    classes: {school.classes}
    devices: {school.devices}
    uplink: {uplink}
    wave: {school.wave}
    provenance: {school.provenance}
"""


def district_row(district: District) -> str:
    """One entry of ``districts:``, with its line end."""
    zone = f"    zone: {district.zone}\n" if district.zone else ""
    return f"""\
  - id: {district.id}
    division_code: "{district.division_code}"
    name: {names(district.name)}
    kind: {district.kind}
    backbone_mbps: {number(district.backbone_mbps)}
{zone}"""


def alliance_row(alliance: Alliance) -> str:
    """One entry of ``alliances:``, with its line end."""
    roles = "".join(f"    {role}: {codes(getattr(alliance, role))}\n" for role in ("leading", "guiding", "node"))
    return f"  - id: {alliance.id}\n    name: {names(alliance.name)}\n    stage: {alliance.stage}\n{roles}"


def live_class_row(live: LiveClass) -> str:
    """One entry of ``live_classes:``, with its line end."""
    slots = ", ".join(f"{{weekday: {slot.weekday}, period: {slot.period}}}" for slot in live.slots)
    takes = "".join(
        f'      - {{school: "{one.school}", classes: {one.classes}, rendition: {one.rendition}}}\n'
        for one in live.takes
    )
    return (
        f"  - id: {live.id}\n    name: {names(live.name)}\n    alliance: {live.alliance}\n"
        f'    gives: "{live.gives}"\n    slots: [{slots}]\n    takes:\n{takes}'
    )


def codes(values: Iterable[str]) -> str:
    """School codes as a list, a few on each line."""
    quoted = [f'"{value}"' for value in values]
    lines = [", ".join(quoted[at : at + _CODES_PER_LINE]) for at in range(0, len(quoted), _CODES_PER_LINE)]
    return f"[{lines[0]}]" if len(lines) == 1 else "[\n      " + ",\n      ".join(lines) + ",\n    ]" if lines else "[]"
