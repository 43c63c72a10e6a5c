"""Two runs of pytest close as one."""

from __future__ import annotations

from pathlib import Path

from tests.closing import broken, closing, printed


def test_counts_and_seconds_are_added_up() -> None:
    said = closing(
        [
            "tests/a.py .. [100%]",
            "====== 3 passed, 1 skipped, 7 deselected, 1 warning in 61.02s (0:01:01) ======",
            "=========== 1 failed, 2 passed, 9 deselected, 2 warnings, 1 error, 1 rerun in 1.50s ===========",
        ]
    )
    assert said is not None
    assert said.strip("=") == " 1 failed, 5 passed, 1 skipped, 3 warnings, 1 error, 1 rerun in 62.52s (0:01:03) "


def test_what_no_run_chose_is_no_test() -> None:
    said = closing(["======= 12 deselected in 0.50s ======="])
    assert said is not None and "no tests ran" in said


def test_a_run_that_broke_off_closes_nothing() -> None:
    assert closing(["Traceback", "INTERNALERROR> boom"]) is None


def test_however_long_the_counts_it_has_rulers_at_both_ends() -> None:
    said = closing(
        [
            "== 12345 failed, 12345 passed, 12345 skipped, 12345 warnings, 12345 error, 12345 rerun in 12345.01s (3:25:45) =="
        ]
    )
    assert said is not None and said.startswith("===") and said.endswith("===")


def test_what_failed_is_said_once_with_its_reason() -> None:
    failed = "FAILED tests/a.py::test_one - AssertionError: 1 != 2"
    error = "ERROR tests/b.py::test_two[a-b] - OSError"
    other = "tests/a.py::test_one FAILED"
    assert broken(
        ["FAILED here", failed.partition(" - ")[0], failed, "RERUN tests/c.py::test_three", other, error + "\n", failed]
    ) == [
        failed,
        error,
    ]


def test_what_passed_at_the_second_try_is_a_rerun_and_no_failure(tmp_path: Path) -> None:
    failed = "FAILED tests/a.py::test_one - AssertionError"
    (tmp_path / "fast").write_text(f"{failed}\n=== 2 failed, 7 passed, 1 error in 9.00s ===\n")
    assert closing(printed(tmp_path)) == closing(["=== 2 failed, 7 passed, 1 error in 9.00s ==="])
    (tmp_path / "fast-again").write_text("=== 3 passed, 7 deselected in 1.00s ===\n")
    said = closing(printed(tmp_path))
    assert said is not None and said.strip("=") == " 10 passed, 3 rerun in 10.00s (0:00:10) "
    assert not broken(printed(tmp_path))
    (tmp_path / "fast-again").write_text(f"{failed}\n=== 1 failed, 2 passed in 1.00s ===\n")
    said = closing(printed(tmp_path))
    assert said is not None and said.strip("=") == " 1 failed, 9 passed, 3 rerun in 10.00s (0:00:10) "
    assert broken(printed(tmp_path)) == [failed]
