"""The program that the engine runs: what is wrong with settings or facts is said without a traceback."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path

import pulumi
import pytest

from infra import config
from tests.infra.conftest import RAW, text


def _run(root: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(settings))
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    runpy.run_path(str(root / "infra" / "__main__.py"))


def test_wrong_settings_are_the_users_to_mend_and_no_fault_of_the_program(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(pulumi.RunError, match=r"(?s)config of stack 'test' is wrong.*domain: is missing") as caught:
        _run(root, monkeypatch, {"huiju:profile": "local"})
    assert caught.value.__suppress_context__, "the cause would be printed as a traceback"


def test_a_city_whose_promises_no_link_carries_is_refused_with_what_would_fit(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    city = shutil.copytree(root / "catalog" / "data" / "tiny", tmp_path / "tiny")
    live = city / "live.yaml"
    live.write_text(live.read_text().replace("boxless: []", 'boxless: ["2990100005"]'))
    with pytest.raises(pulumi.RunError, match=r"school 2990100005 .*: promise v360-365 at most") as caught:
        _run(root, monkeypatch, text({**RAW, "city": str(city)}))
    assert caught.value.__suppress_context__, "the cause would be printed as a traceback"


def test_a_fault_of_the_program_keeps_its_traceback(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a mistake of the kit")

    monkeypatch.setattr(config, "read", broken)
    with pytest.raises(KeyError):
        _run(root, monkeypatch, {})
