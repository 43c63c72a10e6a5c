"""The unit's text is right without a systemd to ask."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from local.cluster import systemd


def _parsed(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_the_unit_starts_this_clones_cluster_at_boot() -> None:
    text = systemd.unit(Path("/clone"), "/clone/.venv/bin/huiju", {"HUIJU_CLONE_ID": "abc"})
    unit = _parsed(text)
    assert unit["Service"]["ExecStart"] == '"/clone/.venv/bin/huiju" cluster up'
    assert unit["Service"]["WorkingDirectory"] == "/clone"
    assert unit["Service"]["Type"] == "oneshot"
    assert unit["Install"]["WantedBy"] == "multi-user.target"
    assert 'Environment="HUIJU_CLONE_ID=abc"' in text


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("plain", '"plain"'),
        ("a b", '"a b"'),
        ('a"b', '"a\\"b"'),
        ("50%", '"50%%"'),
        ("$HOME", '"$$HOME"'),
        ("a\\b", '"a\\\\b"'),
    ],
)
def test_a_word_means_itself_to_systemd(word: str, quoted: str) -> None:
    assert systemd.quoted(word) == quoted


def test_a_setting_cannot_start_a_line_of_its_own() -> None:
    with pytest.raises(ValueError, match="line"):
        systemd.quoted("a\nExecStart=/bin/evil")


def test_nothing_is_installed_where_systemd_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "runs_here", lambda: False)
    monkeypatch.setattr(systemd, "UNITS", tmp_path)
    systemd.install("abc")
    assert list(tmp_path.iterdir()) == []


def test_a_unit_is_installed_once_and_removed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(systemd, "runs_here", lambda: True)
    monkeypatch.setattr(systemd, "UNITS", tmp_path)
    monkeypatch.setattr(systemd, "_systemctl", lambda *arguments: calls.append(arguments))
    monkeypatch.setenv("HUIJU_SETTINGS", "/where/mirrors/are.yaml")
    systemd.install("abc")
    assert 'Environment="HUIJU_SETTINGS=/where/mirrors/are.yaml"' in (tmp_path / systemd.name("abc")).read_text()
    systemd.install("abc")
    assert [call[0] for call in calls] == ["daemon-reload", "enable"]
    systemd.remove("abc")
    assert list(tmp_path.iterdir()) == []
    systemd.remove("abc")
    assert [call[0] for call in calls] == ["daemon-reload", "enable", "disable", "daemon-reload"]
