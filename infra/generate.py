"""Writes what is derived from the stack config's model: its JSON Schema, for editors, and the tables of the handbook.

Run by `make generate`; the files are committed and re-derived in CI.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.config import NAMESPACE, SECRETS, StackSettings
from infra.profiles import PROFILES, Profile, ProfileName

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "infra" / "generated" / "stack.schema.json"
PAGE = ROOT / "docs" / "engineer" / "infra.md"
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)
"""A place in the page that this module fills; the rest of the page is written by hand."""


def schema() -> dict[str, Any]:
    """JSON Schema of `Pulumi.<stack>.yaml`; secret values are objects with one encrypted string."""
    model = StackSettings.model_json_schema(by_alias=True)
    secure = {"type": "object", "required": ["secure"], "properties": {"secure": {"type": "string"}}}
    properties = {
        f"{NAMESPACE}:{key}": {"anyOf": [value, secure], "description": value.get("description", "")}
        if key in SECRETS
        else value
        for key, value in model["properties"].items()
    }
    config = {
        "type": "object",
        "properties": properties,
        # Secrets are set by a command, after the file was written.
        "required": [f"{NAMESPACE}:{key}" for key in model["required"] if key not in SECRETS],
        # Other namespaces (`pulumi:`, `kubernetes:`) are the engine's; ours is closed.
        "patternProperties": {f"^(?!{NAMESPACE}:)": {}},
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pulumi.<stack>.yaml",
        "type": "object",
        "required": ["config"],
        "properties": {"config": config},
        "$defs": model["$defs"],
    }


def page(text: str) -> str:
    """The handbook's page with its tables as they should be."""
    tables = {"keys": _keys, "profiles": _profiles}
    return BLOCK.sub(lambda m: "".join([m[1], *(f"{line}\n" for line in tables[m[2]]()), m[3]]), text)


def _keys() -> Iterator[str]:
    yield "| key | needed | meaning |"
    yield "|---|---|---|"
    for name, field in StackSettings.model_fields.items():
        default = "yes" if field.is_required() else _default(field.default)
        yield f"| `{NAMESPACE}:{field.alias or name}` | {default} | {field.description} |"


def _default(value: object) -> str:
    """A simple default as it is written; nothing for an absent one."""
    return f"`{value}`" if isinstance(value, str | int) else ""


def _profiles() -> Iterator[str]:
    yield f"| cell (`{NAMESPACE}:overrides`) | {' | '.join(ProfileName)} | meaning |"
    yield "|---|" + "---|" * len(ProfileName) + "---|"
    for name, field in Profile.model_fields.items():
        values = " | ".join(f"`{json.dumps(getattr(PROFILES[each], name))}`" for each in ProfileName)
        yield f"| `{field.alias or name}` | {values} | {field.description} |"


def main() -> None:
    """Write both files."""
    SCHEMA.parent.mkdir(exist_ok=True)
    SCHEMA.write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
