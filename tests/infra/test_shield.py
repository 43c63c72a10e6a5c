"""The shield's files: what is asked of the store is the path and nothing else; sizes and waits come from facts."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from catalog import City
from derive import access_log, cache_tree, district_edge, keys, shield
from infra.plan import video_library
from tests.infra.conftest import SEED, Settings

STORE = "http://store.example:7070"
TOKENS = "{}"


def records(city: City, gib: int = 1) -> dict[str, str]:
    lines = shield.files(city, STORE, gib, TOKENS)["records.config"].splitlines()
    return {line.split()[1]: line.split(maxsplit=3)[3] for line in lines}


def rules(city: City) -> dict[str, str]:
    """What is mapped -> to what, with its plugins."""
    lines = shield.files(city, STORE, 1, TOKENS)["remap.config"].splitlines()
    return {line.split()[1]: line.split(maxsplit=2)[2] for line in lines}


def test_only_lessons_and_parcels_are_mapped_and_nothing_of_a_client_goes_on(tiny: City) -> None:
    found = rules(tiny)
    assert {rule: to.split()[0].removeprefix(STORE) for rule, to in found.items()} == {
        "http://.*:8082/lessons/": "/lessons/",
        "https://.*:8443/lessons/": "/lessons/",
        "https://.*:8444/lessons/": "/lessons/",
        "https://.*:8444/parcels/": "/parcels/",
    }
    for to in found.values():
        assert 0 < to.index("dropped.config") < to.index("s3_auth.so"), "signed after cookies and credentials are gone"


def test_lessons_are_asked_for_whole_and_parcels_may_be_gone_on_with(tiny: City) -> None:
    whole = {rule for rule, to in rules(tiny).items() if "whole.config" in to}
    assert whole == {"http://.*:8082/lessons/", "https://.*:8443/lessons/", "https://.*:8444/lessons/"}
    assert "rm-header Range" in shield.files(tiny, STORE, 1, TOKENS)["whole.config"]


def test_viewers_show_a_token_before_anything_else_and_schools_a_certificate_to_the_gateway(tiny: City) -> None:
    checked = {rule: to for rule, to in rules(tiny).items() if "uri_signing.so" in to}
    assert set(checked) == {"https://.*:8444/lessons/"}
    plugins = [word for word in checked["https://.*:8444/lessons/"].split() if word.startswith("@plugin=")]
    assert plugins[:2] == ["@plugin=tslua.so", "@plugin=uri_signing.so"], "it is said which one is checked before it is"


def test_the_guard_sees_every_request_before_all_other_plugins(tiny: City) -> None:
    files = shield.files(tiny, STORE, 1, TOKENS)
    assert files["plugin.config"].splitlines()[0] == "header_rewrite.so /etc/trafficserver/guard.config"
    assert "rm-destination QUERY" in files["guard.config"]
    assert files["uri_signing.json"] == TOKENS


def test_the_shield_is_given_the_platform_s_own_public_key(tiny: City, settings: Settings) -> None:
    ((issuer, row),) = json.loads(video_library.tokens(settings())).items()
    assert (issuer, row["id"]) == ("https://localhost:8443", "city")
    assert row["keys"] == [keys.public_jwk(SEED, keys.VIDEO)]


def test_every_rule_goes_by_the_port_that_was_reached_not_by_what_a_client_says(tiny: City) -> None:
    lines = shield.files(tiny, STORE, 1, TOKENS)["remap.config"].splitlines()
    assert {line.split()[0] for line in lines} == {"regex_map_with_recv_port"}
    ports = records(tiny)["proxy.config.http.server_ports"]
    assert ports == "8443:ssl:proto=http 8444:ssl:proto=http 8083 8082:ip-in=127.0.0.1"


def test_whoever_has_no_certificate_that_a_cache_knows_is_refused_with_the_hand_shake(tiny: City) -> None:
    """What Traffic Server makes of it: tests/derive/test_cache_tls.py."""
    edge = district_edge.files(tiny, cache_tree.shield_parts(1), 1)["records.config"]
    for found in (shield.files(tiny, STORE, 1, TOKENS)["records.config"], edge):
        assert "CONFIG proxy.config.ssl.client.certification_level INT 2\n" in found
        assert "CONFIG proxy.config.ssl.CA.cert.filename STRING clients.crt\n" in found


def test_an_object_is_given_up_under_the_address_that_it_is_fetched_at(tiny: City) -> None:
    """Whoever stands on loopback has it fetched, too, as a school's box would."""
    operator, schools, *_ = shield.files(tiny, STORE, 1, TOKENS)["remap.config"].splitlines()
    assert operator.split()[1:] == ["http://.*:8082/lessons/", *schools.split()[2:]]


def test_nothing_but_reading_is_let_in_and_giving_up_from_loopback_only(tiny: City) -> None:
    own, rule = yaml.safe_load(shield.files(tiny, STORE, 1, TOKENS)["ip_allow.yaml"])["ip_allow"]
    assert (rule["action"], rule["methods"]) == ("allow", ["GET", "HEAD"])
    assert (own["ip_addrs"], own["methods"]) == ("127.0.0.1", ["GET", "HEAD", "PURGE"])


@pytest.mark.parametrize("gib", [1, 50])
def test_the_cache_leaves_room_on_its_volume(tiny: City, gib: int) -> None:
    (size,) = re.findall(r" (\d+)M$", shield.files(tiny, STORE, gib, TOKENS)["storage.config"], re.MULTILINE)
    assert gib * 1024 * 0.8 <= int(size) < gib * 1024


def test_a_reader_waits_one_segment_for_another_reader_s_fetch(city: City) -> None:
    found = records(city)
    waited = int(found["proxy.config.http.cache.max_open_read_retries"]) * int(
        found["proxy.config.http.cache.open_read_retry_time"]
    )
    assert waited == city.packaging.segment_seconds * 1000
    assert found["proxy.config.cache.enable_read_while_writer"] == "1"


def test_no_record_is_written_twice(tiny: City) -> None:
    lines = shield.files(tiny, STORE, 1, TOKENS)["records.config"].splitlines()
    assert len(records(tiny)) == len(lines)


def test_the_region_map_has_one_default_line(tiny: City) -> None:
    assert shield.region_file("cn-north-1") == ": cn-north-1\n"
    assert f"v4-region-map={shield.SIGNING}/region.config" in shield.signing_file("a", "b")


def test_secrets_are_not_among_the_files(tiny: City, settings: Settings) -> None:
    plan = video_library.plan(tiny, settings())
    (config,) = [each.props["data"] for each in plan if each.kind == "ConfigMap"]
    assert shield.SIGNING_FILE not in config
    (secret,) = [each.props["stringData"] for each in plan if each.name == "s3-shield"]
    assert secret[shield.SIGNING_FILE].startswith("access_key=shield\n")


def test_every_file_is_mounted_at_its_path(tiny: City, settings: Settings) -> None:
    plan = video_library.plan(tiny, settings())
    (config,) = [each.props["data"] for each in plan if each.kind == "ConfigMap"]
    (deployment,) = [each.props for each in plan if each.kind == "Deployment"]
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    (items,) = [volume["configMap"]["items"] for volume in volumes if "configMap" in volume]
    paths = {item["path"]: config[item["key"]] for item in items}
    tokens = video_library.tokens(settings())
    assert paths == shield.files(tiny, "http://object-store.object-store.svc.cluster.local:7070", 1, tokens)
    assert all(re.fullmatch(r"[-._a-zA-Z0-9]+", key) for key in config)


def test_the_shield_prints_the_line_as_json_and_its_own_checks_never(tiny: City) -> None:
    found = yaml.safe_load(shield.files(tiny, STORE, 1, TOKENS)["logging.yaml"])["logging"]
    (form,), (log,), (unseen,) = found["formats"], found["logs"], found["filters"]
    assert (form["escape"], log["filename"], log["format"], log["filters"]) == (
        "json",
        "stdout",
        form["name"],
        ["unseen"],
    )
    assert unseen["condition"] == "cquup MATCH /healthz,healthz,/_stats,_stats"
    filled = re.sub(r"%<[^>]*>", "1", form["format"])
    assert set(json.loads(filled)) == {*access_log._TRAFFIC_SERVER, access_log.POLICY}
    assert "'" not in form["format"]


def test_the_shield_s_lines_name_the_keys_and_the_guard_that_it_decides_by(tiny: City) -> None:
    def policy(tokens: str) -> str:
        form = yaml.safe_load(shield.files(tiny, STORE, 1, tokens)["logging.yaml"])["logging"]["formats"][0]["format"]
        return str(json.loads(re.sub(r"%<[^>]*>", "1", form))[access_log.POLICY])

    assert policy(TOKENS) == policy(TOKENS) != policy('{"other": {}}')
    assert re.fullmatch(r"[0-9a-f]{12}", policy(TOKENS))
