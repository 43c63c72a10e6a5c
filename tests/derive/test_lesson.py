"""A lesson's identity and paths."""

from __future__ import annotations

import hashlib
from pathlib import Path

from catalog import names
from derive import lesson


def test_the_same_file_of_the_same_school_is_the_same_lesson() -> None:
    assert lesson.lesson_id("a" * 64, "5110020001") == lesson.lesson_id("a" * 64, "5110020001")


def test_another_file_or_another_school_is_another_lesson() -> None:
    ids = {
        lesson.lesson_id(*pair)
        for pair in (("a" * 64, "5110020001"), ("b" * 64, "5110020001"), ("a" * 64, "5110020002"))
    }
    assert len(ids) == 3


def test_an_id_is_safe_in_a_path_a_label_and_a_jobs_name() -> None:
    for number in range(200):
        made = lesson.lesson_id(f"{number:064x}", "5110020001")
        assert lesson.LESSON_ID.fullmatch(made)
        assert len(names.package_job(made, "f" * 64)) <= 63


def test_the_content_hash_is_the_files_sha256(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"x" * (lesson.BLOCK + 1))
    assert lesson.content_hash(file) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_object_is_served_at_its_key() -> None:
    assert lesson.public_path(lesson.record_key("l-a")) == "/lessons/l-a/lesson.json"
    assert lesson.public_path(lesson.INDEX) == "/lessons/index.json"
