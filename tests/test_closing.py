"""Two runs of pytest close as one."""

from __future__ import annotations

from tests.closing import closing


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
