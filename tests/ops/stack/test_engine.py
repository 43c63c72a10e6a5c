"""What the engine prints, read as progress, figures and the reason of a failure."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import UserError
from local import paths, toolchain
from ops.stack import engine, lock, store

FakeEngine = Callable[[str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """`fake(script)`: a program in the engine's place; what is tested is how the kit runs one."""

    def make(script: str) -> Path:
        program = tmp_path / "pulumi"
        program.write_text(f"#!/bin/sh\n{textwrap.dedent(script)}")
        program.chmod(0o755)
        monkeypatch.setattr(toolchain, "tool", lambda name: program)
        return tmp_path / "log"

    return make


def test_finished_resources_and_the_final_count_are_read(fake: FakeEngine) -> None:
    log = fake("""
        echo ' +  kubernetes:core/v1:ConfigMap configmap/ns/a creating (0s) '
        echo ' +  kubernetes:core/v1:ConfigMap configmap/ns/a created (0.03s) '
        echo ' ~  kubernetes:apps/v1:Deployment deployment/ns/b updated (2s) [diff: ~spec]'
        echo 'Resources:'
        echo '    + 1 created'
        echo '    ~ 1 updated'
        echo '    +-3 replaced'
        echo '    58 unchanged'
    """)
    steps: list[tuple[str, str]] = []
    outcome = engine.run(
        ["up"], {}, log=log, directory=log.parent, step=lambda name, state: steps.append((name, state))
    )
    assert outcome.changes == {"created": 1, "updated": 1, "replaced": 3, "unchanged": 58}
    assert outcome.changed
    assert ("configmap/ns/a", "created") in steps
    assert steps[-1][0] == "deployment/ns/b"
    assert "created" in log.read_text()


def test_nothing_but_unchanged_is_no_change(fake: FakeEngine) -> None:
    log = fake("echo 'Resources:'; echo '    60 unchanged'")
    assert not engine.run(["up"], {}, log=log, directory=log.parent).changed


def test_a_failure_shows_the_engines_diagnostics_and_not_the_rest(fake: FakeEngine) -> None:
    log = fake("""
        echo ' +  kubernetes:core/v1:ConfigMap configmap/ns/a creating (0s) '
        echo 'Diagnostics:'
        echo '  kubernetes:core/v1:ConfigMap (configmap/ns/a):'
        echo '    error: forbidden'
        echo 'Outputs:'
        echo '    url: "https://localhost"'
        exit 255
    """)
    with pytest.raises(UserError) as failure:
        engine.run(["up"], {}, log=log, directory=log.parent)
    assert "error: forbidden" in str(failure.value)
    assert "url" not in str(failure.value)
    assert str(log) in str(failure.value)


def test_an_engine_that_was_killed_is_told_from_one_that_failed(fake: FakeEngine) -> None:
    log = fake("kill -9 $$")
    with pytest.raises(lock.EngineKilledError, match="signal 9"):
        engine.run(["up"], {}, log=log, directory=log.parent)


def test_an_engine_that_could_not_write_its_state_leaves_the_mark_of_a_run_that_died(fake: FakeEngine) -> None:
    log = fake("""
        echo 'Resources:'
        echo '    + 1 created'
        echo 'error: writing snapshot: failed to save snapshot: blob: write /state: no space left on device'
        exit 255
    """)
    backend = store.open_store()
    with (
        pytest.raises(UserError, match=r"no space left on device.*Run it again: it recovers"),
        lock.running(backend, "test", "up"),
    ):
        engine.run(["up"], {}, log=log, directory=log.parent)
    assert lock.marker(backend, "test"), "else the next run would not look for what this one made"


def test_an_interrupt_reaches_the_engine_once(tmp_path: Path) -> None:
    count = tmp_path / "count"
    program = tmp_path / "pulumi"
    program.write_text(
        f"#!/usr/bin/env python3\nimport signal, time, sys, pathlib\ncount = pathlib.Path({str(count)!r})\n"
        "def once(*_):\n    count.write_text(count.read_text() + 'x')\n    sys.exit(1)\n"
        "signal.signal(signal.SIGINT, once)\ncount.write_text('')\ntime.sleep(30)\n"
    )
    program.chmod(0o755)
    code = (
        "from pathlib import Path\nfrom local import toolchain\nfrom ops.stack import engine\n"
        f"toolchain.tool = lambda name: Path({str(program)!r})\n"
        f"engine.run(['up'], {{}}, log=Path({str(tmp_path / 'log')!r}), directory=Path({str(tmp_path)!r}))\n"
    )
    kit = subprocess.Popen([sys.executable, "-c", code], cwd=paths.ROOT, stderr=subprocess.PIPE, start_new_session=True)
    while not count.exists():
        assert kit.poll() is None
        time.sleep(0.05)
    kit.send_signal(signal.SIGINT)
    _, said = kit.communicate(timeout=30)
    assert count.read_text() == "x"
    assert b"UserError" in said
    assert b"KeyboardInterrupt" not in said


def test_the_shells_settings_name_this_clones_backend_and_one_state_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "tool_env", lambda: {"PATH": "/bin", "PULUMI_BACKEND_URL": "file:///elsewhere"})
    found = engine.shell("/kubeconfig")
    assert found["PULUMI_BACKEND_URL"] == f"file://{paths.pulumi_backend_dir()}"
    assert found["KUBECONFIG"] == "/kubeconfig"
    assert found["PULUMI_DIY_BACKEND_ZSTD"] == "false"
    monkeypatch.setenv(store.SETTING, "s3://state?region=eu")
    assert engine.shell()["PULUMI_BACKEND_URL"] == "s3://state?region=eu"


def test_a_backend_of_another_kind_is_refused() -> None:
    with pytest.raises(UserError, match="file://FOLDER or s3://BUCKET"):
        store.open_store("https://api.example.org")


REFUSED = """
    echo 'Policies:'
    echo '    ❌ huiju@v1.0.0 (local: policies/platform)'
    echo '        - [mandatory]  funding-line-present  (kubernetes:core/v1:Namespace: x)'
    echo '          x has no label'
    echo
    echo 'Diagnostics:'
    echo '  pulumi:pulumi:Stack (huiju-test):'
    echo '    error: update failed'
    exit 255
"""
BETWEEN = """
    echo 'Previewing update (test):'
    echo '    huiju@v1.0.0 [mandatory]  funding-line-present  (kubernetes:core/v1:Namespace: x)Every namespace has one.'
    echo 'x has no label'
    for line in $(seq 100); do echo "        key$line: value"; done
    echo 'error: preview failed'
    exit 255
"""


def test_what_a_policy_refused_is_said_in_its_words(fake: FakeEngine) -> None:
    log = fake(REFUSED)
    with pytest.raises(UserError, match=r"(?s)funding-line-present.*x has no label.*update failed"):
        engine.run(["up"], {}, log=log, directory=log.parent)


def test_a_refused_preview_says_the_rule_and_not_the_differences(fake: FakeEngine) -> None:
    fake(BETWEEN)
    with pytest.raises(UserError, match=r"(?s)pulumi preview failed.*funding-line-present.*x has no label") as refused:
        engine.previewed(["--diff"], {})
    assert "key50" not in str(refused.value)
