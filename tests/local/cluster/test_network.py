"""Rules of the host are only there when asked for, and what was added can be taken away."""

from __future__ import annotations

from local.cluster import network
from local.cluster.plan import Network

CLOSED = Network("hj-test", "192.0.2.1", "192.0.2.2", 30)
OPEN = Network("hj-test", "192.0.2.1", "192.0.2.2", 30, outside=True)


def test_every_rule_of_the_host_names_the_clones_own_interface() -> None:
    assert network.outside_rules(OPEN)
    assert all("hj-test" in rule for rule in network.outside_rules(OPEN))


def test_undoing_a_rule_deletes_exactly_it() -> None:
    for rule in network.outside_rules(OPEN):
        undone = network.undo(rule)
        assert "-D" in undone
        assert not {"-A", "-I"} & set(undone)
        assert [word for word in undone if word != "-D"] == [word for word in rule if word not in ("-A", "-I")]


def test_policies_see_only_the_clusters_own_bridge_and_fail_closed() -> None:
    for rule in network.policy_rules(CLOSED):
        assert CLOSED.bridge in rule
        assert "--queue-bypass" not in rule


def test_policies_are_judged_in_a_table_that_leaves_the_filter_its_say() -> None:
    assert all(rule[rule.index("-t") + 1] == "mangle" for rule in network.policy_rules(CLOSED))


def test_the_outside_is_refused_unless_it_was_asked_for() -> None:
    assert all("REJECT" in rule for rule in network.outside_policy(CLOSED))
    assert not any("REJECT" in rule for rule in network.outside_policy(OPEN))
    assert all(CLOSED.host in rule for rule in network.outside_policy(CLOSED)), "the host itself stays reachable"
