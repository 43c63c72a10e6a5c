"""What commands put on the audit record, where no store is there: it waits on this machine."""

from __future__ import annotations

from derive import audit
from derive.audit import Entry
from ops.audits import pending


def kept() -> list[Entry]:
    """What waits for the store, in the order of its making."""
    return [audit.parse(line).entry for line in pending.waiting("local").values()]


def told() -> list[tuple[str, str, str]]:
    """The same as action, about what, and outcome."""
    return [(each.action, each.resource, each.why) for each in kept()]


def lines() -> str:
    """The same as it is written."""
    return b"".join(pending.waiting("local").values()).decode()


def under_way() -> bool:
    """Whether a deed is noted and has not ended."""
    return bool(list(pending.folder().glob(f"local/*{pending.BEGUN}")))


def in_the_way() -> None:
    """Let nothing be noted any more; what was kept is out of reach."""
    pending.folder().mkdir(parents=True, exist_ok=True)
    pending.folder().rename(pending.folder().with_name("before"))
    pending.folder().write_text("in the way")
