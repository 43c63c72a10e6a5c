"""Runs of the `pulumi` engine: its environment, its output as progress, its signals."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from catalog.errors import UserError
from local import paths, toolchain
from local.toolchain.environment import tool_env
from ops.stack import lock, store

CLIENT_RATE = {"PULUMI_K8S_CLIENT_QPS": "1000", "PULUMI_K8S_CLIENT_BURST": "2000"}
"""The provider's own limits are 50 requests/s and 120 at once; the API server's priority and fairness does the limiting."""
NO_CHECKPOINTS = {"PULUMI_SKIP_CHECKPOINTS": "true"}
"""One state file at the end of a run instead of two per resource; what is lost with a killed run is recovered
from the cluster itself (`ops.stack.recovery`). See docs/decisions/0060."""
_STEP = re.compile(
    r"^ *(?:[+~*<>=-]|\+\+|\+-|--|@) +(?P<type>\S+) (?P<name>\S+) (?P<state>.+?)(?: \((?P<seconds>[\d.]+)s\))?\s*$"
)
_TAIL = 60
_MANDATORY = " [mandatory]  "
_UNSAVED = "failed to save snapshot"
"""What the engine says when it did something and could not write it to the state, for instance to a full disk."""


def shell(kubeconfig: str | None = None) -> dict[str, str]:
    """What makes plain `pulumi` work in this clone: variables to add to the environment."""
    found = {
        "PULUMI_BACKEND_URL": store.backend_url(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(paths.passphrase_file()),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # One name for the state file, whatever this shell has set: copies and recovery look for it there.
        "PULUMI_DIY_BACKEND_GZIP": "false",
        "PULUMI_DIY_BACKEND_ZSTD": "false",
        **CLIENT_RATE,
    }
    return {**tool_env(), **found, **({"KUBECONFIG": kubeconfig} if kubeconfig else {})}


@dataclass(frozen=True)
class Outcome:
    """What a run did."""

    changes: Mapping[str, int]
    """Operation (`created`, `updated`, `deleted`, `replaced`, `unchanged`) -> how many resources."""
    output: Sequence[str] = field(repr=False)

    @property
    def changed(self) -> bool:
        """Whether anything was done at all."""
        return any(count for word, count in self.changes.items() if word != "unchanged")


Step = Callable[[str, str], None]
"""Takes a resource's name and what has just become of it."""


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    *,
    log: Path,
    directory: Path = paths.ROOT,
    step: Step = lambda name, state: None,
) -> Outcome:
    """Run `pulumi WORDS`; every line goes to ``log``, every finished resource to ``step``.

    Raises `UserError` with the engine's own diagnostics when it fails, `lock.EngineKilledError` when what it did is not on record.
    """
    command = [str(toolchain.tool("pulumi")), *words, "--non-interactive", "--color", "never"]
    tail: deque[str] = deque(maxlen=2000)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as record, _started(command, environment, directory) as process, _forwarded(process):
        for line in process.stdout or ():
            record.write(line)
            record.flush()
            tail.append(line.rstrip())
            if found := _STEP.match(line):
                step(found["name"], found["state"])
        code = process.wait()
    if code < 0:
        raise lock.EngineKilledError(f"pulumi was ended by signal {-code}")
    if code and (lost := next((line.strip() for line in tail if _UNSAVED in line), "")):
        raise lock.EngineKilledError(f"pulumi could not write down what it did: {lost}")
    if code:
        raise UserError(f"pulumi {words[0]} failed:\n{_diagnostics(tail)}\n  whole output: {log}")
    return Outcome(_changes(tail), tuple(tail))


def ask(words: Sequence[str], environment: Mapping[str, str], directory: Path = paths.ROOT) -> str:
    """Standard output of a short `pulumi` command. Raises `UserError` when it fails."""
    done = _asked(words, environment, directory)
    if done.returncode:
        raise UserError(f"pulumi {' '.join(words[:2])} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _asked(words: Sequence[str], environment: Mapping[str, str], directory: Path) -> subprocess.CompletedProcess[str]:
    command = [str(toolchain.tool("pulumi")), *words, "--non-interactive", "--color", "never"]
    return subprocess.run(
        command, env={**os.environ, **environment}, cwd=directory, capture_output=True, text=True, check=False
    )


def _started(command: Sequence[str], environment: Mapping[str, str], directory: Path) -> subprocess.Popen[str]:
    """A session of its own: the terminal's Ctrl-C reaches only this process, which passes it on once."""
    return subprocess.Popen(
        command,
        env={**os.environ, **environment},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@contextmanager
def _forwarded(process: subprocess.Popen[str]) -> Iterator[None]:
    """Pass SIGINT and SIGTERM to the engine as SIGINT: the first lets it finish what is under way, the second stops that too."""

    def forward(_number: int, _frame: FrameType | None) -> None:
        process.send_signal(signal.SIGINT)

    # Only the main thread receives signals; a run in another thread belongs to a program that deals with them itself.
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, forward) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _diagnostics(lines: Sequence[str]) -> str:
    """The engine's own section of that name and what its policies refused, or the last lines when it died before writing any."""
    text = [line for line in lines if line.strip()]
    refused = [line for line in _section(text, "Policies:") if "✅" not in line] or _refusals(text)
    found = [*refused, *_section(text, "Diagnostics:")] or text[-_TAIL:]
    return "\n".join(f"  {line}" for line in found[:_TAIL])


def _refusals(text: Sequence[str]) -> list[str]:
    """What policies refused, where a preview with differences says it between them: the rule's line and the sentence below."""
    return [line for before, line in itertools.pairwise(["", *text]) if _MANDATORY in line or _MANDATORY in before]


def _section(text: Sequence[str], head: str) -> list[str]:
    """The indented lines under the last line ``head``; none when there is no such line."""
    starts = [index for index, line in enumerate(text) if line.startswith(head)]
    below = text[starts[-1] + 1 :] if starts else ()
    return list(itertools.takewhile(lambda line: not line[:1].strip(), below))


def _changes(lines: Sequence[str]) -> dict[str, int]:
    found = (re.match(r"^\s+(?:[+~-]{1,2}\s*)?(\d+) ([a-z]+)$", line) for line in lines)
    return {match[2]: int(match[1]) for match in found if match}


def previewed(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """The text of `pulumi preview`, for the user to read. Raises `UserError` with the engine's own reasons when it fails."""
    done = _asked(["preview", *words], environment, paths.ROOT)
    if done.returncode:
        raise UserError(
            f"pulumi preview failed:\n{_diagnostics([*done.stdout.splitlines(), *done.stderr.splitlines()])}"
        )
    return done.stdout


def outputs(environment: Mapping[str, str], stack: str) -> dict[str, object]:
    """The stack's outputs, secrets hidden."""
    found = json.loads(ask(["stack", "output", "--json", "--stack", stack], environment))
    return found if isinstance(found, dict) else {}
