"""An audit chain: one form of a record, and every damage found and said in a sentence."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from derive import audit, audit_chain
from derive.audit import Entry, Head, Kind, Record, Who
from derive.audit_chain import Verified, verify, walked

NOW = datetime(2026, 11, 28, 7, 55, tzinfo=UTC)
Chain = dict[str, bytes]


def entry(number: int) -> Entry:
    who = Who("pupil", "0000000001", f"s{number % 7}") if number % 3 else None
    return Entry(Kind.GRANT, "play", f"l-{number:016d}", "allowed", "d" * 64, who, {"expires": number})


def records(count: int, where: str = "pod-a", begun: datetime = NOW) -> list[Record]:
    head, found = audit.begin(audit.writer_id(begun, where)), []
    for number in range(1, count + 1):
        found.append(audit.follow(head, entry(number), begun + timedelta(seconds=number)))
        head = found[-1].head
    return found


def segments(chain: list[Record], size: int = 4) -> Chain:
    parts = [chain[at : at + size] for at in range(0, len(chain), size)]
    return {
        audit.segment_key(part[0].writer, part[0].sequence): b"".join(audit.line(each) for each in part)
        for part in parts
    }


def says(found: Verified) -> list[tuple[int | None, str]]:
    return [(each.sequence, each.says) for each in found.findings]


def test_a_record_names_district_and_partner_only_where_there_is_one() -> None:
    head = audit.begin(audit.writer_id(NOW, "pod"))
    whom = (Who("t", None, "s"), Who("t", None, "s", "east"), Who("t", None, "s", None, "college"))
    found = [audit.follow(head, replace(entry(1), who=who), NOW) for who in whom]
    assert [audit.parse(audit.line(each)).entry.who for each in found] == list(whom)
    said = [set(audit.document(each)["who"]) - {"tier", "school", "subject"} for each in found]
    assert said == [set(), {"district"}, {"partner"}]


def test_a_record_has_one_form_and_comes_back_whole() -> None:
    (record,) = records(1)
    assert audit.parse(audit.line(record)) == record
    assert (record.sequence, record.previous) == (1, audit.GENESIS)
    assert record.time == "2026-11-28T07:55:01.000Z"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"play"', b'"live"'),
        (b'"play"', b'"pl\\u0061y"'),
        (b'"sequence":1', b'"sequence":1.0'),
        (b'"sequence":1', b'"sequence": 1'),
        (b'"sequence":1', b'"sequence":Infinity'),
        (b'"who":{', b'"who":{"name":"x",'),
        (b'"kind":"grant"', b'"kind":"gift"'),
        (b"Z", b""),
        (b"}\n", b"} \n"),
        (b"\n", b""),
    ],
)
def test_any_other_form_of_a_record_is_a_damaged_one(old: bytes, new: bytes) -> None:
    text = audit.line(records(1)[0])
    assert old in text
    with pytest.raises(audit.DamagedError):
        audit.parse(text.replace(old, new, 1))


def test_a_sound_chain_has_no_findings_and_ends_where_it_ends() -> None:
    chain = records(10)
    found = verify(segments(chain), [chain[3].head, chain[9].head])
    assert (found.findings, found.records, found.heads) == ((), 10, (chain[9].head,))


def test_names_of_segments_sort_by_time_and_number() -> None:
    early, late = records(12, "pod-z"), records(3, "pod-a", NOW + timedelta(hours=1))
    keys = [*segments(early), *segments(late)]
    assert sorted(keys) == keys
    assert audit.begun(early[0].writer) == NOW


def test_an_edited_record_is_named() -> None:
    chain = segments(records(10))
    key = sorted(chain)[1]
    chain[key] = chain[key].replace(b'"expires":6', b'"expires":9')
    assert says(verify(chain)) == [(6, "the record was edited: its content is not what its hash was made from")]


def test_a_record_edited_together_with_its_hash_does_not_fit_the_next() -> None:
    chain = records(10)
    forged = audit.follow(chain[3].head, entry(99), NOW)
    (found,) = says(verify(segments([*chain[:4], forged, *chain[5:]])))
    assert found == (6, "the record does not follow from the one before it: one of the two is another")


def test_removed_records_are_counted() -> None:
    chain = records(10)
    rest = segments([*chain[:4], *chain[6:8], *chain[9:]], size=20)
    assert says(verify(rest)) == [(5, "records 5 to 6 are missing"), (9, "record 9 is missing")]


def test_a_removed_segment_is_missing() -> None:
    chain = segments(records(12))
    del chain[sorted(chain)[1]]
    assert says(verify(chain)) == [(5, "records 5 to 8 are missing")]


def test_records_in_another_order_are_found() -> None:
    chain = records(10)
    chain[5], chain[6] = chain[6], chain[5]
    assert (6, "the record is out of its order") in says(verify(segments(chain)))


def test_a_record_that_stands_twice_is_found() -> None:
    chain = segments(records(8))
    key = sorted(chain)[0]
    lines = chain[key].splitlines(keepends=True)
    chain[key] += lines[2]
    assert says(verify(chain)) == [(3, "the record stands here twice")]


def test_a_segment_under_another_s_name_is_found() -> None:
    chain = segments(records(12))
    one, two, _ = sorted(chain)
    chain[one], chain[two] = chain[two], chain[one]
    assert any("should begin with record 1 begins" in text for _, text in says(verify(chain)))


def test_a_chain_cut_at_a_record_s_end_is_sound_without_an_anchor_and_found_with_one() -> None:
    chain = records(10)
    short = segments(chain[:6])
    assert not verify(short).findings
    (found,) = says(verify(short, [chain[8].head]))
    assert found == (9, "the end of the chain was cut off: it ends with 6, and 9 was seen earlier")


def test_the_last_record_alone_cut_off_is_found_by_its_anchor() -> None:
    chain = records(10)
    assert says(verify(segments(chain[:9]), [chain[9].head]))[0][0] == 10


def test_a_segment_of_which_nothing_is_left_is_found_by_itself() -> None:
    chain = segments(records(10))
    assert says(verify({**chain, max(chain): b""})) == [(9, "the segment is empty")]


def test_a_chain_cut_inside_a_record_is_found_by_itself() -> None:
    chain = segments(records(10))
    key = sorted(chain)[-1]
    chain[key] = chain[key][:-5]
    assert says(verify(chain)) == [(10, "the segment ends in the middle of a record")]


def test_a_chain_written_anew_from_its_first_record_is_found_by_an_anchor() -> None:
    chain = records(10)
    anew = [audit.follow(audit.begin(chain[0].writer), entry(50), NOW)]
    while len(anew) < 10:
        anew.append(audit.follow(anew[-1].head, entry(50), NOW))
    assert not verify(segments(anew)).findings
    assert says(verify(segments(anew), [chain[4].head])) == [(5, "the record is another one than was seen earlier")]


def test_a_whole_chain_that_is_gone_is_found_by_an_anchor() -> None:
    gone, there = records(5), records(5, "pod-b")
    (found,) = says(verify(segments(there), [gone[4].head]))
    assert found == (None, "the whole chain is gone; it had 5 records at least")


@pytest.mark.parametrize(("hours", "sound"), [(-1, False), (1, True)])
def test_only_what_is_past_the_term_may_be_missing_at_the_beginning(hours: int, sound: bool) -> None:
    chain = records(12)
    rest = segments(chain[4:])
    expired = NOW + timedelta(hours=hours)
    assert (not verify(rest, expired=expired).findings) is sound
    assert (not verify({}, [chain[11].head], expired).findings) is sound


def test_a_gap_after_the_beginning_is_never_the_term_s_doing() -> None:
    chain = segments(records(12))
    del chain[sorted(chain)[1]]
    assert verify(chain, expired=NOW + timedelta(days=1)).findings


def test_segments_and_records_that_change_places_between_chains_are_found_in_both() -> None:
    one, two = records(12), records(12, "pod-b")
    chains = {**segments(one), **segments(two)}
    first, second = (audit.segment_key(chain[0].writer, 5) for chain in (one, two))
    found = verify({**chains, first: chains[second], second: chains[first]}).findings
    assert {each.writer for each in found} == {one[0].writer, two[0].writer}
    lines = chains[first].splitlines(keepends=True)
    moved = {**chains, first: lines[0] + b"".join(lines[2:]), second: chains[second] + lines[1]}
    assert [(each.writer, each.sequence) for each in verify(moved).findings] == [(one[0].writer, 6), (two[0].writer, 6)]


def test_of_the_record_one_chain_s_hashes_are_held_and_afterwards_those_that_ends_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walks: list[audit_chain._Walk] = []
    begin = audit_chain._Walk

    def begun(*given: Any) -> audit_chain._Walk:
        walks.append(begin(*given))
        return walks[-1]

    monkeypatch.setattr(audit_chain, "_Walk", begun)
    chains = [records(40, f"pod-{each}") for each in "abc"]
    most = 0

    def come() -> Iterator[tuple[str, bytes]]:
        nonlocal most
        for part in (part for chain in chains for part in segments(chain).items()):
            most = max(most, sum(len(each.seen) for each in walks))
            yield part

    found = walked(come(), [chains[0][9].head, chains[2][4].head])
    assert (found.findings, found.records) == ((), 120)
    assert most == 40
    assert [each.held for each in walks] == [{10: chains[0][9].hash}, {}, {5: chains[2][4].hash}]
    assert not any(each.seen for each in walks)


def test_a_chain_that_comes_in_two_parts_is_a_finding_and_never_passed_over() -> None:
    one, other = segments(records(8)), segments(records(4, "pod-b"))
    first, second = one.items()
    (found,) = walked([first, *other.items(), second]).findings
    assert "do not come together" in found.says


def test_an_object_of_any_other_name_is_a_finding() -> None:
    chain = {**segments(records(4)), "note.txt": b"hello"}
    assert "no segment's name" in says(verify(chain))[0][1]


Mutation = Callable[[random.Random, list[Record], Chain], Chain]


def _some(chance: random.Random, chain: Mapping[str, bytes]) -> tuple[str, list[bytes]]:
    key = chance.choice(sorted(chain))
    return key, chain[key].splitlines(keepends=True)


def _edit_a_byte(chance: random.Random, _: list[Record], chain: Chain) -> Chain:
    key = chance.choice(sorted(chain))
    at = chance.randrange(len(chain[key]))
    other = (chain[key][at] + chance.randrange(1, 256)) % 256
    return {**chain, key: chain[key][:at] + bytes([other]) + chain[key][at + 1 :]}


def _insert_or_drop_a_byte(chance: random.Random, _: list[Record], chain: Chain) -> Chain:
    key = chance.choice(sorted(chain))
    at, more = chance.randrange(len(chain[key])), bytes([chance.randrange(256)]) * chance.randrange(2)
    return {**chain, key: chain[key][:at] + more + chain[key][at + (not more) :]}


def _remove_a_record(chance: random.Random, _: list[Record], chain: Chain) -> Chain:
    key, lines = _some(chance, chain)
    del lines[chance.randrange(len(lines))]
    return {**chain, key: b"".join(lines)}


def _swap_records(chance: random.Random, original: list[Record], chain: Chain) -> Chain:
    one, two = chance.sample(range(len(original)), 2)
    lines = [audit.line(each) for each in original]
    lines[one], lines[two] = lines[two], lines[one]
    return {key: b"".join(lines[at * 4 : at * 4 + 4]) for at, key in enumerate(sorted(chain))}


def _duplicate_a_record(chance: random.Random, _: list[Record], chain: Chain) -> Chain:
    source = _some(chance, chain)[1]
    key, lines = _some(chance, chain)
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(source))
    return {**chain, key: b"".join(lines)}


def _remove_a_segment(chance: random.Random, _: list[Record], chain: Chain) -> Chain:
    gone = chance.choice(sorted(chain))
    return {key: text for key, text in chain.items() if key != gone}


def _swap_segments(chance: random.Random, _: list[Record], chain: Chain) -> Chain:
    one, two = chance.sample(sorted(chain), 2)
    return {**chain, one: chain[two], two: chain[one]}


def _cut_the_end(chance: random.Random, original: list[Record], _: Chain) -> Chain:
    return segments(original[: chance.randrange(1, len(original))])


def _cut_in_a_record(chance: random.Random, _: list[Record], chain: Chain) -> Chain:
    key = max(chain)
    return {**chain, key: chain[key][: chance.randrange(len(chain[key]))]}


def _forge_with_a_new_hash(chance: random.Random, original: list[Record], _: Chain) -> Chain:
    at = chance.randrange(len(original))
    before = original[at - 1].head if at else audit.begin(original[0].writer)
    return segments([*original[:at], audit.follow(before, entry(10**6), NOW), *original[at + 1 :]])


def _forge_all_that_follows(chance: random.Random, original: list[Record], _: Chain) -> Chain:
    at = chance.randrange(len(original))
    changed = original[:at]
    while len(changed) < len(original):
        changed.append(
            audit.follow(changed[-1].head if changed else audit.begin(original[0].writer), entry(10**6), NOW)
        )
    return segments(changed)


NO_RECORDS: tuple[dict[str, Any], ...] = (
    {"writer": "\ud800evil"},
    {"writer": 1},
    {"what": {"action": "play", "resource": "\udfff"}},
    {"kind": Kind.LOGS.value, "what": {"action": "anchor", "resource": 5}},
    {"why": ["allowed"]},
    {"policy": {}},
    {"who": {"tier": "pupil", "school": 1, "subject": "s"}},
    {"facts": {"people": None}},
    {"facts": {"\ud800": 1}},
)
"""What makes a record one that only looks like one."""


def planted(record: Record, number: int) -> bytes:
    """A line that has the right hash, and a field of which it is none."""
    row = {key: value for key, value in audit.document(record).items() if key != "hash"} | NO_RECORDS[number]
    return audit._canonical({**row, "hash": hashlib.sha256(audit._canonical(row)).hexdigest()}) + b"\n"


def _plant_what_is_no_record(chance: random.Random, _: list[Record], chain: Chain) -> Chain:
    key, lines = _some(chance, chain)
    at = chance.randrange(len(lines))
    lines[at] = planted(audit.parse(lines[at]), chance.randrange(len(NO_RECORDS)))
    return {**chain, key: b"".join(lines)}


@pytest.mark.parametrize("number", range(len(NO_RECORDS)))
def test_what_is_no_text_or_number_where_one_belongs_is_a_damage_although_its_hash_is_right(number: int) -> None:
    line = planted(records(1)[0], number)
    with pytest.raises(audit.DamagedError, match="cannot be read"):
        audit.parse(line)


MUTATIONS: tuple[Mutation, ...] = (
    _edit_a_byte,
    _insert_or_drop_a_byte,
    _remove_a_record,
    _swap_records,
    _duplicate_a_record,
    _remove_a_segment,
    _swap_segments,
    _cut_the_end,
    _cut_in_a_record,
    _forge_with_a_new_hash,
    _forge_all_that_follows,
    _plant_what_is_no_record,
)


@pytest.mark.proof
def test_every_mutation_of_the_record_is_detected(
    campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    rounds, missed, tried = campaign(100, 1000), [], 0
    while tried < rounds:
        chance = random.Random(20261128 + tried)
        original = records(chance.randrange(9, 40))
        chain, anchors = segments(original), [original[-1].head]
        assert not verify(chain, anchors).findings
        mutate = MUTATIONS[tried % len(MUTATIONS)]
        changed = mutate(chance, original, chain)
        assert changed != chain, mutate.__name__
        tried += 1
        if not verify(changed, anchors).findings:
            missed.append(f"{mutate.__name__} of round {tried}")
    proof(
        "audit record: an edited, removed, doubled, reordered, forged or cut record is found",
        f"{tried:,} mutations of {len(MUTATIONS)} kinds, {len(missed)} missed",
    )
    assert not missed


def test_a_head_without_its_chain_s_time_is_no_head() -> None:
    with pytest.raises(ValueError, match="does not match"):
        audit.begun(Head("nobody", 1, "0").writer)
