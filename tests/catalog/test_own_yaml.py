"""YAML of a person's own that is none is said with its file, whatever is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog import own_yaml
from catalog.errors import UserError


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[" * 3_000, "nested hundreds deep"),
        (b"a: [", "not YAML"),
        (b"a: \x1b[2J", "not YAML"),
        (b"\xff", r"not UTF-8 text \(byte 0\)"),
        (b"!!python/object:os.system {}", "not YAML"),
    ],
)
def test_what_is_no_yaml_is_said_with_its_file(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with pytest.raises(UserError, match=says) as refused:
        own_yaml.load(file)
    assert str(refused.value).startswith(f"{file}: ") and str(refused.value).isprintable()


def test_what_is_yaml_is_read_and_a_file_that_is_not_there_is_the_caller_s_to_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("a: [1, no]\n")
    assert own_yaml.load(file) == {"a": [1, False]}
    with pytest.raises(FileNotFoundError):
        own_yaml.load(tmp_path / "none.yaml")
