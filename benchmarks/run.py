"""Run the benchmarks and write docs/benchmarks.md: ``python -m benchmarks.run [name ...]``.

A benchmark is a module of this folder with ``TITLE`` and ``run() -> list[dict]``; a row's keys are ``report.COLUMNS``.
Its docstring says what it asks and becomes the section's text. One that fails leaves its old figures, and the command
exits 1 after the others have run.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import traceback
from pathlib import Path

import psutil

import benchmarks
from benchmarks.report import benchmark_section, replace_section

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BUSY = 0.7
"""Processes that want a core, above which it is said."""
FORMER = "**Measured by former code.**"
"""Stands in the section of a benchmark that was changed and could not be measured since; measuring it anew takes it away."""
FRAME = {"machine", "report", "run"}
"""Modules of this folder that are no benchmark."""


def names() -> list[str]:
    """Names of the benchmarks, sorted; a package holds what one of them measures."""
    modules = (module for module in pkgutil.iter_modules(benchmarks.__path__) if not module.ispkg)
    return sorted(module.name for module in modules if module.name not in FRAME)


def measure(name: str) -> None:
    """Run one benchmark and put its figures in the page."""
    module = importlib.import_module(f"benchmarks.{name}")
    load = psutil.getloadavg()[0]
    if load > BUSY:
        print(f"  the machine is busy: load {load:.1f}; the figures will say so", flush=True)
    section = benchmark_section(module.TITLE, (module.__doc__ or "").strip(), module.run(), load)
    PAGE.write_text(replace_section(PAGE.read_text(encoding="utf-8"), module.TITLE, section), encoding="utf-8")


def main(wanted: list[str]) -> int:
    """Run the benchmarks named, or all; the exit code is 1 when one failed or is not known."""
    known, failed = names(), [name for name in wanted if name not in names()]
    for name in failed:
        print(f"error: no benchmark {name!r}; there are: {', '.join(known)}", file=sys.stderr)
    for name in [] if failed else wanted or known:
        print(f"benchmark {name} ...", flush=True)
        try:
            measure(name)
        except Exception:  # one benchmark that breaks must not lose the others' figures
            traceback.print_exc()
            failed.append(name)
    print(f"{len(failed)} failed: {', '.join(failed)}" if failed else f"figures are in {PAGE.name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
