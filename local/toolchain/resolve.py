"""From a tool's name to a program: one on PATH that is new enough, else the official release, else built from the module registry."""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path

from local import paths, settings
from local.toolchain import build, golang, onpath, pins, release, store
from local.toolchain.download import DownloadError
from local.toolchain.report import Say, to_stderr

ALIASES = {"kubernetes-provider": "pulumi-resource-kubernetes"}
"""Names of tools that differ from their program's."""


def tool(name: str, say: Say = to_stderr) -> Path:
    """Absolute path of the program ``name``, resolved and made if need be."""
    return adopted(name) or bundle(pins.load().bundle_of(name), say) / "bin" / ALIASES.get(name, name)


def share(name: str, say: Say = to_stderr) -> Path:
    """Folder of the data files that come with a bundle (``envoy-gateway``: its charts and CRDs)."""
    return bundle(pins.load().bundle_of(name), say) / "share"


def adopted(name: str) -> Path | None:
    """The program this machine already has, if it will do and the settings let it."""
    holder = pins.load().bundle_of(name)
    row, program = pins.load().bundles[holder], ALIASES.get(name, name)
    if not settings.load().tools.from_path or golang.architecture() != golang.ARCHITECTURES.get(platform.machine()):
        return None
    if holder == "kubernetes-provider":
        return onpath.find_plugin(program, row.version)
    if program in row.files:  # the language host goes with the engine it was found beside
        engine = onpath.find(holder, row.on_path[holder])
        return engine.resolve().parent / program if engine else None
    return onpath.find(program, row.on_path[program]) if program in row.on_path else None


def bundle(name: str, say: Say = to_stderr) -> Path:
    """Folder of the bundle ``name`` in the cache, downloaded or built if it is not there yet."""
    row = pins.load().bundles[name]
    kept = cached(name)
    if kept:
        return kept
    if release.permitted(row):
        downloads = paths.cache_dir() / "tools" / "downloads"
        try:
            return store.ensure(released_entry(name), lambda into: release.fill(name, row, downloads, into, say), say)
        except DownloadError as error:
            say(f"{name}: no official release: {error}; building it instead")
    return store.ensure(built_entry(name), lambda into: build.fill(name, row, into, say), say)


def cached(name: str) -> Path | None:
    """The bundle's entry if it is in the cache and undamaged: the official release first, then the build."""
    entries = [built_entry(name)]
    if release.permitted(pins.load().bundles[name]):
        entries.insert(0, released_entry(name))
    return next((entry for entry in entries if store.intact(entry)), None)


def released_entry(name: str) -> Path:
    """Place of the official release in the cache."""
    return paths.cache_dir() / "tools" / name / f"{release.key(pins.load().bundles[name])}-release"


def built_entry(name: str) -> Path:
    """Place of the build in the cache."""
    return paths.cache_dir() / "tools" / name / key(name)


def key(name: str) -> str:
    """Sixteen hex digits over all that decides the outcome of a build: pins, recipe files, oldest Go accepted, architecture.

    The Go that happens to be installed is not part of it, so that its next patch release does not cost half an hour of compiling.
    """
    row = pins.load().bundles[name]
    recipe = {path.name: store.sha256(path) for path in sorted((pins.RECIPES / row.recipe).iterdir()) if path.is_file()}
    facts: dict[str, object] = {
        "pin": row.model_dump(include={"version", "packages", "ldflags", "sources", "extras", "files"}),
        "recipe": recipe,
        "go": pins.load().go.minimum,
        "architecture": golang.architecture(),
        **({"tags": row.tags} if row.tags else {}),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
