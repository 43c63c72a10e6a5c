"""A school cache's files: nothing leads to the platform but lessons, with the box's certificate, for who has this school's permission."""

from __future__ import annotations

import json
import re

import yaml

from catalog import City, load_named
from derive import keys, page_access, permission, school_cache, video_token
from derive.school_cache import SchoolCache

CITY: City = load_named("tiny")
CODE = CITY.schools[0].code
PLATFORM = "https://schools.example.test:8443"
EDGE = "https://east.districts.example.test:8443"


def box(**changes: object) -> SchoolCache:
    facts: dict[str, object] = {
        "code": CODE,
        "domain": "example.test",
        "edge": EDGE,
        "platform": PLATFORM,
        "segment_seconds": CITY.packaging.segment_seconds,
        "cache_mib": 512,
        "networks": ["192.168.0.0/16"],
        "issuer": "https://example.test",
        "keys": [keys.public_jwk("seed", keys.VIDEO)],
        "tls": "/etc/huiju/tls",
    }
    return SchoolCache(**{**facts, **changes})  # type: ignore[arg-type]


def records(cache: SchoolCache) -> dict[str, str]:
    rows = school_cache.files(cache)["records.config"].splitlines()
    found = {row.split()[1]: row.split(maxsplit=3)[3] for row in rows}
    assert len(found) == len(rows), "no record twice"
    return found


def test_only_lessons_lead_to_the_platform_and_only_with_a_permission() -> None:
    (own, *ways, rule) = school_cache.files(box())["remap.config"].splitlines()
    assert rule.startswith(f"map https://{CODE}.edge.example.test/lessons/ http://lessons/lessons/ @plugin=tslua.so")
    assert [way.split()[1:3] for way in ways] == [
        ["http://.*:8091/lessons/", f"{EDGE}/lessons/"],
        ["http://.*:8092/lessons/", f"{PLATFORM}/lessons/"],
    ]
    assert {way.split()[0] for way in (own, *ways)} == {"regex_map_with_recv_port"}, "by the port that was reached"
    assert all("cache.http=0" in way for way in ways), "what a way brings is kept once"
    assert rule.index("tslua.so") < rule.index("uri_signing.so") < rule.index("header_rewrite.so"), (
        "the token is named, then looked at, then goes"
    )


def test_the_ways_to_the_platform_are_the_box_s_own() -> None:
    ports = records(box())["proxy.config.http.server_ports"].split()
    assert ports == ["8080:ip-in=127.0.0.1", "8091:ip-in=127.0.0.1", "8092:ip-in=127.0.0.1", "443:ssl"]


def test_the_district_s_edge_is_asked_first_and_the_shield_while_it_is_down() -> None:
    line = school_cache.files(box())["parent.config"]
    assert line.startswith('dest_host=lessons parent="127.0.0.1:8091" secondary_parent="127.0.0.1:8092" ')
    assert {"go_direct=false", "parent_is_proxy=false"} <= set(line.split())


def test_a_parent_that_is_noted_as_dead_is_asked_all_the_same() -> None:
    # Refused unasked, it stays dead for as long as somebody asks (docs/decisions/0270).
    assert int(records(box())["proxy.config.http.connect_attempts_max_retries_dead_server"].split()[-1]) > 0


def test_a_district_without_an_edge_leaves_the_shield_alone() -> None:
    line = school_cache.files(box(edge=""))["parent.config"]
    assert line.startswith('dest_host=lessons parent="127.0.0.1:8091" round_robin')
    _, way, _ = school_cache.files(box(edge=""))["remap.config"].splitlines()
    assert way.split()[1:3] == ["http://.*:8091/lessons/", f"{PLATFORM}/lessons/"]


def test_the_box_itself_fetches_fills_and_purges_under_the_very_address_that_viewers_are_served_from() -> None:
    own, *_, viewers = school_cache.files(box())["remap.config"].splitlines()
    assert own.split()[:3] == ["regex_map_with_recv_port", "http://.*:8080/lessons/", viewers.split()[2]]
    assert "uri_signing.so" not in own


def test_permissions_are_those_of_this_school() -> None:
    ((_, row),) = json.loads(school_cache.files(box())[video_token.FILE]).items()
    assert row["id"] == CODE
    assert "d" not in row["keys"][0], "a public key"


def test_the_platform_is_verified_and_sees_the_boxs_certificate() -> None:
    found = records(box())
    assert found["proxy.config.ssl.client.verify.server.policy"] == "ENFORCED"
    assert found["proxy.config.ssl.client.cert.filename"] == "box.crt"
    assert found["proxy.config.ssl.client.CA.cert.filename"] == "platform.crt"


def test_only_the_school_and_the_box_itself_may_ask_and_only_read() -> None:
    own, rule = yaml.safe_load(school_cache.files(box(networks=["10.1.0.0/16"]))["ip_allow.yaml"])["ip_allow"]
    assert (own["ip_addrs"], own["methods"]) == ("127.0.0.1", ["GET", "HEAD", "PURGE", "PUSH"])
    assert rule["ip_addrs"] == ["127.0.0.0/8", "10.1.0.0/16"]
    assert rule["methods"] == ["GET", "HEAD", "OPTIONS"], "and a browser asks whether a page may"


def test_an_answer_in_part_is_never_asked_for() -> None:
    assert "rm-header Range" in school_cache.files(box())["dropped.config"]


def changed(**facts: object) -> set[str]:
    """The files that these facts change."""
    before, after = school_cache.files(box()), school_cache.files(box(**facts))
    return {name for name in before if before[name] != after[name]}


def test_a_change_of_a_rule_needs_no_restart_and_one_of_the_records_does() -> None:
    assert changed(networks=["10.1.0.0/16"])
    assert not changed(networks=["10.1.0.0/16"]) & school_cache.RESTART
    assert records(box(cache_mib=1)) == records(box()), "the cache's size is the storage's"
    assert {"storage.config", permission.FILE} <= school_cache.RESTART


def test_what_a_plugin_for_every_request_reads_once_needs_a_restart() -> None:
    files = school_cache.files(box())
    words = {word for row in files["plugin.config"].splitlines() for word in row.split()[1:]}
    read = words & files.keys()
    assert {page_access.FILE, video_token.GUARD_FILE} < read <= school_cache.RESTART
    assert page_access.FILE in changed(issuer="https://other.test"), "the platform's pages have another address"


def test_a_line_of_the_log_says_which_keys_were_in_force_and_a_new_key_needs_no_restart() -> None:
    before, after = (school_cache.files(box(keys=[keys.public_jwk(seed, keys.VIDEO)])) for seed in ("seed", "other"))
    assert before["logging.yaml"] != after["logging.yaml"]
    assert "logging.yaml" not in school_cache.RESTART


def test_no_path_leads_out_of_the_folder_that_is_checked() -> None:
    files = school_cache.files(box())
    named = re.findall(r"@pparam=(\S+)", files["remap.config"]) + [
        row.split()[1] for row in files["plugin.config"].splitlines()
    ]
    assert {name for name in named if name.endswith((".config", ".json", ".lua"))} <= set(files)
