"""Who may play what, on the running platform: sessions, licences and reach decide, and the token that is given opens the media."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import jwt
import pytest
import yaml

from catalog import City
from catalog.access import Action, Scope
from catalog.errors import UserError
from derive import admission, generated, session_token, store
from derive.lesson import lesson_id as named_after
from derive.signing import Step
from infra import config
from infra.plan import admission as limiting
from infra.plan import routes, sign_in
from infra.plan.objects import GATEWAY_API
from ops import secrets
from ops.lessons import library, place
from ops.stack import configuration, renewal
from policies.access import document
from services.entitlement import versions
from tests.infra.conftest import RAW, text
from tests.integration import viewer
from tests.integration.conftest import Platform
from tests.integration.test_audit import PATIENCE_SECONDS, traced
from tests.integration.test_platform import client, forwarded

pytestmark = pytest.mark.integration
SEGMENT = b"a segment" * 100


@pytest.fixture(scope="module")
def known(platform: Platform) -> City:
    return viewer.city(platform)


@contextmanager
def put(platform: Platform, known: City, lesson_id: str) -> Iterator[str]:
    """A lesson of the first school under a licence that is not for the public, with one segment; nobody can play it for long."""
    school = known.schools[0].code
    record = {
        "id": lesson_id,
        "title": "access",
        "school": {"code": school},
        "licence": {"id": viewer.strict_licence(known)},
        "published": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600)),
        "master": f"{lesson_id}/h/master.m3u8",
    }
    with forwarded(platform) as endpoint:
        packager = client(platform, endpoint, store.PACKAGER, "video-library")
        for name, body in (("lesson.json", json.dumps(record).encode()), ("h/master.m3u8", SEGMENT)):
            packager.put_object(
                Bucket="lessons", Key=f"{lesson_id}/{name}", Body=body, CacheControl="public, max-age=60"
            )
    yield lesson_id
    with place.of_stack(platform.stack).buckets() as (uploads, lessons):
        library.remove(uploads, lessons, lesson_id, timedelta(days=1))


@pytest.fixture(scope="module")
def lesson(platform: Platform, known: City) -> Iterator[str]:
    with put(platform, known, "l-accessaccessacc2") as found:
        yield found


def _viewing(known: City, *scopes: Scope) -> str:
    """A tier of one of these scopes that may stream and that the licence is for."""
    licence = next(each for each in known.licences if each.id == viewer.strict_licence(known))
    return next(t.id for t in known.tiers if t.scope in scopes and Action.VIEW in t.actions and t.id in licence.tiers)


def test_a_student_of_the_school_plays_what_the_public_may_not(platform: Platform, known: City, lesson: str) -> None:
    refused = viewer.play(platform, lesson)
    assert (refused.status, refused.json["reason"]) == (403, "sign-in-needed")
    assert refused.json["zh"]
    student = viewer.session(platform, _viewing(known, Scope.CLASS), known.schools[0].code)
    answer = viewer.play(platform, lesson, student)
    assert answer.status == 200
    master = answer.json["master"]
    assert viewer.ask(platform, master, Cookie=viewer.cookie(answer.json["token"])).body == SEGMENT
    assert viewer.ask(platform, master).status == 403
    assert viewer.ask(platform, master, Cookie=f"{session_token.COOKIE}={student}").status == 403, (
        "a session plays nothing"
    )


def test_a_stranger_is_refused_with_a_reason_in_both_languages(platform: Platform, known: City, lesson: str) -> None:
    parties = {code for each in known.agreements for code in each.schools}
    stranger = next(school.code for school in known.schools if school.code not in parties)
    answer = viewer.play(platform, lesson, viewer.session(platform, _viewing(known, Scope.CLASS), stranger))
    assert (answer.status, answer.json["reason"]) == (403, "out-of-reach")
    assert known.schools[0].name.en in answer.json["en"]
    assert known.schools[0].name.zh in answer.json["zh"]


def test_a_teacher_of_the_alliance_plays_it(platform: Platform, known: City, lesson: str) -> None:
    owner = known.schools[0].code
    allies = {code for alliance, _ in known.memberships[owner] for _, code in alliance.members} - {owner}
    teacher = viewer.session(platform, _viewing(known, Scope.ALLIANCE), sorted(allies)[-1])
    assert viewer.play(platform, lesson, teacher).status == 200


def test_a_token_for_a_school_s_cache_does_not_open_the_city_s(platform: Platform, known: City, lesson: str) -> None:
    code = known.schools[0].code
    student = viewer.session(platform, _viewing(known, Scope.CLASS), code)
    answer = viewer.play(platform, lesson, student, f"?place={code}")
    assert answer.json["place"] == code
    assert "set-cookie" not in answer.headers
    assert viewer.ask(platform, answer.json["master"], Cookie=viewer.cookie(answer.json["token"])).status == 403


def test_an_unknown_lesson_is_not_found(platform: Platform) -> None:
    answer = viewer.play(platform, "l-nowherenowhereno")
    assert (answer.status, answer.json["reason"]) == (404, "no-such-lesson")


def test_the_gateway_speaks_http_2(platform: Platform) -> None:
    address, context = urlsplit(platform.url), ssl.create_default_context(cafile=str(platform.authority))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((address.hostname, address.port or 443), 30) as plain,
        context.wrap_socket(plain, server_hostname=address.hostname) as line,
    ):
        assert line.selected_alpn_protocol() == "h2"


def test_figures_and_health_are_for_the_cluster_only(platform: Platform) -> None:
    for path in ("/access/metrics", "/access/healthz", "/access/../metrics", "/access/%2e%2e/metrics"):
        assert b"city_play_decisions" not in viewer.ask(platform, path).body
    knock = ("exec", "-n", "entitlement", "deployment/entitlement", "--", "python3", "-c")
    fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/metrics').read().decode())"
    assert "city_play_decisions_total" in platform.cluster.kubectl(*knock, fetch)


def test_the_rules_in_force_are_those_of_the_catalog(platform: Platform, known: City) -> None:
    knock = ("exec", "-n", "entitlement", "deployment/entitlement", "--", "python3", "-c")
    fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/metrics').read().decode())"
    version = generated.digest(document.text(known))[: versions.SHORT]
    said = platform.cluster.kubectl(*knock, fetch)
    assert f'city_access_rules{{version="{version}"}} 1.0' in said
    assert "city_access_rules_unsound 0.0" in said


def test_the_log_names_the_decision_and_holds_no_token(platform: Platform, known: City, lesson: str) -> None:
    student = viewer.session(platform, _viewing(known, Scope.CLASS), known.schools[0].code)
    viewer.play(platform, lesson, student)
    log = platform.cluster.kubectl("logs", "-n", "entitlement", "deployment/entitlement", "--tail=200")
    rows = [json.loads(line) for line in log.splitlines() if line.startswith('{"action"')]
    assert any(row.get("lesson") == lesson and row["verdict"] == "allowed" for row in rows)
    assert student not in log
    assert "eyJ" not in log


def test_the_command_explains_the_same_decision(platform: Platform, known: City, lesson: str) -> None:
    def explain(*words: str) -> tuple[int, str]:
        huiju = Path(sys.executable).with_name("huiju")
        done = subprocess.run(
            [str(huiju), "access", "explain", lesson, "--stack", platform.stack, *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    code, said = explain()
    assert (code, "sign-in-needed" in said) == (1, True), said
    code, said = explain("--tier", _viewing(known, Scope.CLASS), "--school", known.schools[0].code)
    assert (code, "may play" in said) == (0, True), said


ROUTE = "guarded-trial"


def _route(name: str, service: str, rule: dict[str, Any]) -> dict[str, Any]:
    """A trial's own way through the gateway, to ``service``."""
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": service},
        "spec": {
            "parentRefs": [{"name": "gateway", "namespace": "gateway", "sectionName": "https"}],
            "hostnames": ["localhost"],
            "rules": [{**rule, "backendRefs": [{"name": service, "port": 8080}]}],
        },
    }


@contextmanager
def _applied(platform: Platform, *objects: dict[str, Any]) -> Iterator[None]:
    """They are there for as long as the body runs."""
    every = yaml.safe_dump_all(objects)
    platform.cluster.kubectl("apply", "-f", "-", stdin=every)
    try:
        yield
    finally:
        platform.cluster.kubectl("delete", "--wait=false", "-f", "-", stdin=every)


def _guarded(platform: Platform, known: City) -> tuple[dict[str, Any], dict[str, Any]]:
    """A way to the portal that only the first tier may use: the policy, as the plan makes it, and the route."""
    keys = {"accessKey": viewer.seed(platform), renewal.EPOCHS: str(renewal.ring(platform.stack))}
    settings = config.read(text({**RAW, **keys}), "test")
    settings = settings.model_copy(update={"public_port": int(platform.url.rpartition(":")[2])})
    policy = sign_in.policy(ROUTE, "portal", [known.tiers[0].id], settings).props
    plain = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": f"/{ROUTE}/"}}],
        "filters": [{"type": "URLRewrite", "urlRewrite": plain}],
    }
    return policy, _route(ROUTE, "portal", rule)


@pytest.fixture
def guarded(platform: Platform, known: City) -> Iterator[str]:
    """A path of the gateway that only the first tier may use; it leads to the portal."""
    with _applied(platform, *_guarded(platform, known)):
        yield f"/{ROUTE}/"


def _settled(platform: Platform, path: str) -> int:
    """Status without a session, once the gateway has the route; the portal's page answers every other path."""
    for _ in range(60):
        status = viewer.ask(platform, path).status
        if status != 404:
            return status
        time.sleep(1)
    return status


def test_the_gateway_lets_only_sessions_of_the_tiers_given_through(
    platform: Platform, known: City, guarded: str
) -> None:
    allowed, other = (viewer.session(platform, tier.id, known.schools[0].code) for tier in known.tiers[:2])
    assert _settled(platform, guarded) == 401
    assert viewer.ask(platform, guarded, Authorization=f"Bearer {allowed}").status == 200
    assert viewer.ask(platform, guarded, Cookie=f"{session_token.COOKIE}={allowed}").status == 200
    assert viewer.ask(platform, guarded, Authorization=f"Bearer {other}").status == 403
    assert viewer.ask(platform, guarded, Authorization=f"Bearer {allowed[:-8]}AAAAAAAA").status == 401
    assert viewer.ask(platform, guarded, Cookie=f"{session_token.COOKIE}=nonsense").status == 401
    assert viewer.ask(platform, "/").status == 200, "what is not guarded stays open"


BROKEN_KEYS: dict[str, dict[str, Any]] = {
    "gone": {"type": "ValueRef", "valueRef": {"group": "", "kind": "ConfigMap", "name": "of-no-keys"}},
    "none": {"type": "Inline", "inline": '{"keys": []}'},
    "cut off": {"type": "Inline", "inline": '{"keys": [{"kty": "EC", "crv": "P-2'},
}
BROKEN_SECONDS = 10
"""As long as a new policy takes to arrive, and longer."""


@pytest.mark.parametrize("keys_are", BROKEN_KEYS)
def test_a_gateway_without_good_keys_lets_nobody_through(
    platform: Platform, known: City, keys_are: str, proof: Callable[[str, str], None]
) -> None:
    policy, route = _guarded(platform, known)
    policy["spec"]["jwt"]["providers"][0]["localJWKS"] = BROKEN_KEYS[keys_are]
    good = viewer.session(platform, known.tiers[0].id, known.schools[0].code)
    seen, asked, end = set[int](), 0, time.monotonic() + BROKEN_SECONDS
    with _applied(platform, policy, route):
        while time.monotonic() < end:
            seen.add(viewer.ask(platform, f"/{ROUTE}/", Authorization=f"Bearer {good}").status)
            asked += 1
            assert viewer.ask(platform, "/").status == 200, "and what is not guarded stays open"
            time.sleep(0.5)
    assert min(seen) >= 400, seen
    proof(f"access: a gateway whose keys are {keys_are}", f"{asked} requests with a good session, 0 let through")


FEW, BURST = 2, 24
"""Requests per second that the trial's limit lets through, and how many come at once."""


@pytest.fixture
def scarce(platform: Platform) -> Iterator[str]:
    """An id of no lesson, for which the gateway lets few ask: a limit as the plan makes it, with a lower number."""
    lesson_id = named_after(uuid4().hex, "a trial")
    limits = [admission.Limit(admission.DOORS[0].paths, FEW), admission.Limit((), BURST)]
    policy = routes.traffic_policy("scarce-trial", "entitlement", limiting.spec(limits)).props
    rule = {"matches": [{"path": {"type": "Exact", "value": f"/access/play/{lesson_id}"}}]}
    with _applied(platform, policy, _route("scarce-trial", "entitlement", rule)):
        yield lesson_id


def test_the_gateway_keeps_to_the_catalog_s_limits(platform: Platform, known: City) -> None:
    words = ("get", "backendtrafficpolicy", "entitlement", "-n", "entitlement", "-o", "json")
    found = json.loads(platform.cluster.kubectl(*words))
    (ancestor,) = found["status"]["ancestors"]
    assert {each["type"]: each["status"] for each in ancestor["conditions"]}["Accepted"] == "True", ancestor
    assert _limits(found["spec"]) == _limits(limiting.spec(admission.limits(known)))


def _limits(spec: dict[str, Any]) -> list[tuple[str, Any]]:
    """Expression of the paths and limit of each rule; the cluster fills defaults in around them."""
    rules = spec["rateLimit"]["local"]["rules"]
    return [
        (each.get("clientSelectors", [{"path": {"value": ""}}])[0]["path"]["value"], each["limit"]) for each in rules
    ]


def test_what_is_more_than_the_limit_is_refused_in_words_and_nowhere_written_down(
    platform: Platform, scarce: str
) -> None:
    def burst() -> list[viewer.Answer]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: viewer.play(platform, scarce), range(BURST)))

    # The gateway takes the trial's way up within seconds; until then everybody passes, and is written down.
    answers, end = burst(), time.monotonic() + 60
    while not any(each.status == 429 for each in answers) and time.monotonic() < end:
        answers += burst()
    begun = time.monotonic()
    last = burst()
    let_in = sum(each.status == 404 for each in last)
    assert let_in <= FEW * (time.monotonic() - begun + 2)
    answers += last
    assert {each.status for each in answers} == {404, 429}
    refused = [each for each in answers if each.status == 429]
    # The words and how long to wait arrive a moment after the limit.
    told = [each for each in last if each.status == 429]
    assert {each.body for each in told} == {json.dumps(admission.SAID, ensure_ascii=False).encode()}
    assert {each.headers.get("retry-after") for each in told} == {str(admission.SECONDS)}
    assert viewer.play(platform, "l-nowherenowhereno").status == 404, "whoever asks for something else is let in"
    time.sleep(admission.SECONDS)
    assert viewer.play(platform, scarce).status == 404, "and so is this one, a second later"
    end = time.monotonic() + PATIENCE_SECONDS
    passed = len(answers) - len(refused) + 1
    while len(found := traced(platform, "--lesson", scarce)) < passed and time.monotonic() < end:
        time.sleep(2)
    assert len(found) == passed


def test_renewed_signing_keys_end_nothing(platform: Platform, known: City, lesson: str) -> None:
    tier, school = _viewing(known, Scope.CLASS), known.schools[0].code
    while (due := renewal.ring(platform.stack).due) is not Step.PUBLISH:
        _step(platform, known, due)  # what a run left that was ended in the middle of this one
    student = viewer.session(platform, tier, school)
    before = viewer.play(platform, lesson, student).json
    for step in (Step.PUBLISH, Step.SIGN):
        secrets.renew(step, stack=platform.stack, apply=True)
        assert viewer.play(platform, lesson, student).status == 200, step
        assert viewer.ask(platform, before["master"], Cookie=viewer.cookie(before["token"])).status == 200, step
    after = viewer.play(platform, lesson, viewer.session(platform, tier, school)).json
    first, second = (jwt.get_unverified_header(each["token"])["kid"] for each in (before, after))
    assert first != second
    assert viewer.ask(platform, after["master"], Cookie=viewer.cookie(after["token"])).status == 200
    with pytest.raises(UserError, match="accepted until"):
        secrets.renew(Step.DROP, stack=platform.stack, apply=True)
    _step(platform, known, Step.DROP)
    refused = viewer.play(platform, lesson, student)
    assert (refused.status, refused.json["reason"]) == (403, "session-invalid"), "by a key that counts no more"
    assert viewer.ask(platform, before["master"], Cookie=viewer.cookie(before["token"])).status == 403
    assert viewer.ask(platform, after["master"], Cookie=viewer.cookie(after["token"])).status == 200


def _step(platform: Platform, known: City, step: Step) -> None:
    """As if the new key had signed for so long by now that everything the old one signed is over."""
    file = configuration.document(platform.stack)
    since = datetime.now(UTC) - renewal.longest(known) - timedelta(minutes=1)
    file["config"][f"{config.NAMESPACE}:{renewal.SINCE}"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    configuration.rewrite(platform.stack, file)
    secrets.renew(step, stack=platform.stack, apply=True)


def test_new_signing_keys_end_every_session_and_permission_that_was_given(
    platform: Platform, known: City, lesson: str
) -> None:
    tier, school = _viewing(known, Scope.CLASS), known.schools[0].code
    student = viewer.session(platform, tier, school)
    before = viewer.play(platform, lesson, student).json
    assert viewer.ask(platform, before["master"], Cookie=viewer.cookie(before["token"])).status == 200
    secrets.rotate(stack=platform.stack, passphrase=False, store_key=False, access_key=True, tls=False, apply=True)
    refused = viewer.play(platform, lesson, student)
    assert (refused.status, refused.json["reason"]) == (403, "session-invalid")
    assert viewer.ask(platform, before["master"], Cookie=viewer.cookie(before["token"])).status == 403
    after = viewer.play(platform, lesson, viewer.session(platform, tier, school)).json
    assert viewer.ask(platform, after["master"], Cookie=viewer.cookie(after["token"])).status == 200
