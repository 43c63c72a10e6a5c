"""Looking after the cache: what is in it, whether it is whole, and dropping what is not needed any more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from local import paths
from local.toolchain import onpath, pins, provenance, release, resolve, store
from local.toolchain.report import Say

KEEP = "keep"
"""A file of this name in the Go cache folder keeps it, like ``HUIJU_KEEP_GO_CACHE=1``."""


@dataclass(frozen=True)
class ToolState:
    """One tool: where it would come from now, and whether it is ready. ``how`` is path, download, build or missing."""

    name: str
    version: str
    how: str
    path: str
    detail: str


def states() -> list[ToolState]:
    """Every tool, without making any."""
    return [state(name) for name in pins.load().tools()]


def state(name: str) -> ToolState:
    """Where ``name`` comes from now."""
    holder = pins.load().bundle_of(name)
    row = pins.load().bundles[holder]
    found = resolve.adopted(name)
    if found:
        arguments = row.on_path[name].arguments if name in row.on_path else ("version",)
        return ToolState(
            name, onpath.version_of(found, arguments) or row.version, "path", str(found), "already on this machine"
        )
    entry = resolve.cached(holder)
    if entry is None:
        return ToolState(name, row.version, "missing", "", "huiju toolchain ensure makes it")
    facts = provenance.read(entry)
    detail = facts.get("source", "") + (f", Go {facts['go']}" if "go" in facts else "")
    return ToolState(name, row.version, facts.get("how", "build"), str(entry / "bin" / name), detail)


def entries() -> list[Path]:
    """Cache entries of the current pins that are there, whole or not."""
    found = []
    for name, row in pins.load().bundles.items():
        found.append(resolve.built_entry(name))
        if release.permitted(row):
            found.append(resolve.released_entry(name))
    return [entry for entry in found if entry.exists()]


def verify(say: Say) -> list[str]:
    """Hash every file of every current entry; one line per fault. A faulty entry is made again at its next use."""
    faults = []
    for entry in entries():
        found = store.damage(entry)
        say(f"{entry.parent.name} {entry.name}: {'damaged' if found else 'whole'}")
        if found:
            (entry / store.MANIFEST).unlink(missing_ok=True)  # so that the cheap check of the next use sees it too
        faults += found
    return faults


def ready() -> bool:
    """Whether every tool can be had without building."""
    return all(row.how != "missing" for row in states())


def drop_go_caches(say: Say) -> int:
    """Delete Go's build and module caches, which only builds need; bytes freed. Waits for a build that runs."""
    folder = paths.cache_dir() / "go"
    if os.environ.get("HUIJU_KEEP_GO_CACHE") or (folder / KEEP).exists() or not folder.exists():
        return 0
    with store.locked(paths.cache_dir() / "tools" / "build.lock", lambda: say("a build is running, waiting for it")):
        freed = size(folder)
        store.remove(folder)
    say(f"dropped Go's caches, {freed / 2**30:.1f} GiB")
    return freed


def clean(say: Say, everything: bool = False) -> int:
    """Drop entries that no pin of this clone names, half-made ones, downloads and Go's caches; ``everything``: the current ones too."""
    freed = drop_go_caches(say)
    current = set() if everything else {entry.resolve() for entry in entries()}
    tools = paths.cache_dir() / "tools"
    for name in [*pins.load().bundles, "downloads"]:
        for path in sorted((tools / name).glob("*")):
            if path.resolve() not in current and path.suffix != ".lock":
                freed += size(path)
                store.remove(path) if path.is_dir() else path.unlink()
                say(f"removed {path}")
    return freed


def size(path: Path) -> int:
    """Bytes of a file or of all files below a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
