"""What versions a stack runs: a record after each good run, so that an upgrade can say from what to what, and go back.

A record holds the settings that are versions, images by digest first of all; roll-back puts them back in the stack's file. Every other
setting is of the place or of a person's choice, and may have been changed for a reason since: an authority that boxes are trusted by no
more, an archive that is never to be written again, an address for alerts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from catalog.errors import UserError
from infra.config import NAMESPACE
from local import paths
from local.toolchain import pins
from ops.stack import configuration

KEEP = 10
_CHART_VERSION = "gatewayChartVersion"
_OPERATORS = ("databaseOperator", "databasePlugin")
_VERSIONS = ("images", "gatewayChart", _CHART_VERSION, *_OPERATORS)
"""Settings that say which version runs. `derived` is none: it names the folder that holds what was derived last, for whichever release."""
_IMAGE = "image "
_DIGEST = 12
"""Hex digits of an image's digest that are shown."""


@dataclass(frozen=True)
class Release:
    """One set of versions that ran."""

    settings: Mapping[str, Any]
    tools: Mapping[str, str]
    """Bundle of the toolchain -> version."""
    at: float = field(default_factory=time.time)
    """Seconds since 1970."""

    def same(self, other: Release) -> bool:
        """Whether the two differ in nothing but their time."""
        return (dict(self.settings), dict(self.tools)) == (dict(other.settings), dict(other.tools))


def _folder(stack: str) -> Path:
    return paths.state_dir() / "releases" / stack


def of_settings(settings: Mapping[str, Any]) -> Release:
    """The release that ``settings`` and this checkout's pins describe."""
    return Release(_versions(settings), {name: row.version for name, row in pins.load().bundles.items()})


def _versions(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key in _VERSIONS and not _is_secret(value)}


def record(stack: str) -> None:
    """Note what the stack's file says now, unless it is what was noted last."""
    now, before = of_settings(configuration.settings(stack)), history(stack)
    if before and now.same(before[-1]):
        return
    _folder(stack).mkdir(parents=True, exist_ok=True)
    (_folder(stack) / f"{time.time_ns()}.json").write_text(json.dumps(asdict(now), indent=2, ensure_ascii=False))
    for path in sorted(_folder(stack).glob("*.json"))[:-KEEP]:
        path.unlink()


def history(stack: str) -> list[Release]:
    """Releases that ran, oldest first."""
    return [release for release, _ in _recorded(stack)]


def _recorded(stack: str) -> list[tuple[Release, list[Path]]]:
    """Releases, oldest first, with the files that hold each.

    Files of older kits hold every public setting: where they differ in no version they are one release.
    """
    found: list[tuple[Release, list[Path]]] = []
    for path in sorted(_folder(stack).glob("*.json")):
        row = json.loads(path.read_text())
        release = Release(_versions(row["settings"]), row["tools"], row["at"])
        if found and release.same(found[-1][0]):
            found[-1][1].append(path)
        else:
            found.append((release, [path]))
    return found


def forget_last(stack: str) -> None:
    """Drop the newest record: what it says was rolled back."""
    for _, files in _recorded(stack)[-1:]:
        for path in files:
            path.unlink()


def changes(old: Release | None, new: Release) -> list[tuple[str, str, str]]:
    """(what, from, to) of all that differs, but for what `put_back` leaves in place."""
    before = _flat(old) if old else {}
    after = _flat(new)
    operators = {f"setting {key}" for key in _OPERATORS}
    stay = {key for key in before.keys() - after.keys() if key in operators or key.startswith(_IMAGE)}
    keys = sorted((before.keys() | after.keys()) - stay)
    return [(key, before.get(key, "-"), after.get(key, "-")) for key in keys if before.get(key) != after.get(key)]


def _flat(release: Release) -> dict[str, str]:
    images = release.settings.get("images") or {}
    rest = {f"setting {key}": json.dumps(value) for key, value in release.settings.items() if key != "images"}
    return (
        {f"{_IMAGE}{name}": _short(reference) for name, reference in images.items()}
        | {f"tool {name}": version for name, version in release.tools.items()}
        | rest
    )


def _short(reference: str) -> str:
    name, _, digest = reference.partition("@sha256:")
    return f"{name.rsplit('/', 1)[-1]}@{digest[:_DIGEST]}"


@configuration.settled()
def put_back(stack: str, release: Release) -> None:
    """Write the release's versions into the stack's file; everything else stays as it is.

    So does an operator that the release does not name: its kinds would go with it, and the databases with them. And an image, since the
    plan is this checkout's, which asks for it.
    """
    document = configuration.document(stack)
    # A chart in a folder has no version, and must not keep that of the chart before.
    kept = {key: value for key, value in document["config"].items() if key != f"{NAMESPACE}:{_CHART_VERSION}"}
    versions = {f"{NAMESPACE}:{key}": value for key, value in _versions(release.settings).items()}
    images = f"{NAMESPACE}:images"
    versions[images] = kept.get(images, {}) | versions.get(images, {})
    document["config"] = kept | versions
    configuration.rewrite(stack, document)


def _is_secret(value: object) -> bool:
    return isinstance(value, dict) and "secure" in value


def previous(stack: str) -> Release:
    """The release before the one that runs. Raises `UserError` when none is known."""
    found = history(stack)
    if len(found) < 2:  # noqa: PLR2004 - the one that runs and the one before
        raise UserError(f"stack {stack!r} has no earlier release on record: there is nothing to roll back to")
    return found[-2]
