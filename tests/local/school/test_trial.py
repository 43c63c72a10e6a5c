"""A trial school clashes with nothing, and whatever it leaves can be found by its name."""

from __future__ import annotations

import struct

from local.school import container, forwarder, wires
from local.school.trial import Trial

ONE = Trial("1234567890", "abcd1234", "10.213.0.4/30", 20)
OTHER = Trial("1234567890", "abcd1234-t", "10.213.0.8/30", 20)


def test_two_clones_have_names_of_their_own_that_fit_an_interface() -> None:
    assert ONE.tag != OTHER.tag
    assert len(ONE.tag) <= 15


def test_every_wire_on_the_host_carries_the_schools_name() -> None:
    for command in wires.lay(ONE):
        assert any(ONE.tag in word for word in command), command


def test_both_directions_have_the_rate() -> None:
    shaped = [command for command in wires.rate(ONE, 8) if "8000kbit" in command]
    assert [ONE.tag in command for command in shaped] == [True, False]
    assert len(shaped) == 2


def test_the_room_has_no_way_past_the_box() -> None:
    assert not any(ONE.room_space in command and "route" in command for command in wires.lay(ONE))


def test_the_container_is_in_the_boxs_network_and_registers_nowhere() -> None:
    line = container.command(ONE, host_has_systemd=False)
    assert f"--network-namespace-path=/run/netns/{ONE.box_space}" in line
    assert "--register=no" in line and "--keep-unit" in line
    assert "--keep-unit" not in container.command(ONE, host_has_systemd=True)


def test_a_client_is_told_the_time_and_nothing_else_is_answered() -> None:
    request = bytes([0x23, 0, 6, 0]) + bytes(36) + b"ORIGINAL"
    answer = forwarder.ntp_answer(request, 1_000_000.5, 1_000_000.5)
    assert len(answer) == 48 and answer[0] & 0x7 == 4
    assert answer[24:32] == b"ORIGINAL"
    seconds, fraction = struct.unpack(">II", answer[40:48])
    assert (seconds - forwarder.NTP_EPOCH, fraction) == (1_000_000, 2**31)
    assert forwarder.ntp_answer(answer, 1, 1) == b"", "a server's packet is no question"
    assert forwarder.ntp_answer(b"short", 1, 1) == b""
