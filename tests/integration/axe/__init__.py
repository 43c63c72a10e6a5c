"""axe-core, the checker of accessibility, from the package lock beside it; no part of what the kit serves."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from local.images import site

FOLDER = Path(__file__).resolve().parent
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def install(into: Path) -> str:
    """The script of the checker, installed below ``into``."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(FOLDER / name, into)
    subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=into, env=site.environment(print), check=True)
    return (into / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def complaints(page: Page, script: str) -> list[str]:
    """What offends, one line each; empty when nothing does."""
    page.evaluate(script)
    # The picture itself, and words over it, are behind no colour that can be known: the checker leaves them out and so do we.
    found: list[dict[str, Any]] = page.evaluate(f"axe.run({{runOnly: {json.dumps(RULES)}}}).then(r => r.violations)")
    return [f"{each['id']}: {node['html'][:120]}: {node['failureSummary']}" for each in found for node in each["nodes"]]
