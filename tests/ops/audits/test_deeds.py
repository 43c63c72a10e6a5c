"""What operators do by command is noted before it is done, and on record however it ends."""

from __future__ import annotations

import pytest

from catalog.errors import UserError
from derive.audit import Kind
from ops.audits import deeds, pending, runs
from ops.audits.deeds import Deed
from ops.lessons.place import Place
from tests.ops.recorded import in_the_way, kept, told, under_way

WHERE = Place("local", {}, None, None)
SHOW = Deed("roster-show", deeds.profile("p-1"))
pytestmark = pytest.mark.usefixtures("unshipped")


def test_a_deed_is_noted_while_it_lasts_and_on_record_afterwards() -> None:
    with deeds.noted(WHERE, SHOW):
        assert under_way() and not kept()
    assert not under_way()
    assert told() == [("roster-show", "pupil-profile/p-1", "done")]
    (entry,) = kept()
    assert entry.who and entry.who.subject and entry.policy
    assert set(entry.facts) == {"begun"}


@pytest.mark.parametrize(("error", "outcome"), [(UserError("x"), "failed"), (KeyboardInterrupt(), "interrupted")])
def test_what_fails_and_what_its_user_ends_are_on_record_as_that(error: BaseException, outcome: str) -> None:
    with pytest.raises(type(error)), deeds.noted(WHERE, SHOW):
        raise error
    assert told() == [("roster-show", "pupil-profile/p-1", outcome)]


def test_where_nothing_can_be_noted_nothing_is_done_and_it_is_said_what_to_type() -> None:
    in_the_way()
    with pytest.raises(UserError, match="nothing was done") as refused, deeds.noted(WHERE, SHOW):
        pytest.fail("it was done")
    assert str(pending.folder()) in str(refused.value)
    assert "`df -h " in str(refused.value).splitlines()[1]


@pytest.mark.parametrize(
    ("action", "about", "kind"),
    [
        ("session-mint", "session/0a1b", Kind.TOKEN),
        ("account-disable", "account/a-1", Kind.ACCOUNT),
        ("account-sync", deeds.ACCOUNTS, Kind.ACCOUNT),
        ("consent-give", deeds.profile("p-1"), Kind.ACCOUNT),
        ("consent-list", deeds.profile("p-1"), Kind.DEED),
        ("roster-show", deeds.profile("p-1"), Kind.DEED),
        ("access-explain", deeds.profile("p-1"), Kind.DEED),
        ("account-list", deeds.ACCOUNTS, Kind.DEED),
        ("roster-import", deeds.roster("0" * 64), Kind.DEED),
        ("lesson-rm", "l-x", Kind.DEED),
    ],
)
def test_who_only_looks_at_people_changes_no_account(action: str, about: str, kind: Kind) -> None:
    with deeds.noted(WHERE, Deed(action, about)):
        pass
    assert [each.kind for each in kept()] == [kind]
    assert runs.killed(action, "local", 0, "somebody", None, about).kind is kind
