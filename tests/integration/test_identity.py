"""Signing in on the running platform: real Keycloak, a real browser, and what happens when something is wrong or away."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
import shutil
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from catalog import City, names
from catalog.access import Scope
from derive import identity, realm, session_token
from infra.plan.identity import ADMIN, SETUP
from ops.lessons import place
from ops.lessons.place import Place
from services.identity.admin import Admin
from services.identity.realm import RIGHT, apply
from tests.integration import outside, viewer
from tests.integration.conftest import Platform
from tests.integration.test_access import SEGMENT, put

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
PASSWORD = "a planted password 4711"
CITY = f"/admin/realms/{identity.REALM}"


@pytest.fixture(scope="module")
def known(platform: Platform) -> City:
    return viewer.city(platform)


@pytest.fixture(scope="module")
def where(platform: Platform) -> Place:
    return place.of_stack(platform.stack)


def _secret(where: Place, name: str) -> dict[str, str]:
    found = json.loads(where.kubectl("get", "secret", name, "-n", names.IDENTITY, "-o", "json"))
    return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}


def desired(where: Place) -> dict[str, Any]:
    """What the set-up brings about."""
    found: dict[str, Any] = json.loads(next(iter(_secret(where, SETUP).values())))
    return found


@contextmanager
def administration(where: Place) -> Iterator[Admin]:
    """The administrator of everything, as the set-up is."""
    held = _secret(where, ADMIN)
    with (
        where.forwarded(names.IDENTITY, names.IDENTITY, identity.PORT) as address,
        Admin(f"{address}{identity.PATH}") as admin,
    ):
        admin.sign_in(held["client"], held["secret"])
        yield admin


@pytest.fixture
def admin(where: Place) -> Iterator[Admin]:
    with administration(where) as found:
        yield found


Account = Callable[..., str]


@pytest.fixture
def account(where: Place, admin: Admin) -> Iterator[Account]:
    """``account(name, tier, school, role=..., partner=..., person=...)`` makes one, without the role of the tier where ``role`` is None."""
    made = []

    def make(  # noqa: PLR0917
        name: str,
        tier: str,
        school: str | None,
        role: str | None = "",
        partner: str | None = None,
        person: str | None = None,
    ) -> str:
        said = {"tier": tier, "school": school, "partner": partner, "person": person}
        attributes = {key: [value] for key, value in said.items() if value}
        body = {
            "username": name,
            "enabled": True,
            "attributes": attributes,
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
        }
        _without(admin, name)
        user = admin.post(f"{CITY}/users", body)
        made.append(user)
        if role is not None:
            admin.post(f"{CITY}/users/{user}/role-mappings/realm", [admin.get(f"{CITY}/roles/{role or tier}")])
        return user

    yield make
    # Over a way of its own: the one before ends with the pod that it led to.
    with administration(where) as now:
        for user in made:
            now.delete(f"{CITY}/users/{user}")


def _without(admin: Admin, name: str) -> None:
    """Whatever an earlier run left behind."""
    for found in admin.get(f"{CITY}/users", username=name, exact="true"):
        admin.delete(f"{CITY}/users/{found['id']}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "apt-get install chromium"
    with sync_playwright() as run:
        browser = run.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context: BrowserContext = chromium.new_context(
        ignore_https_errors=True, locale="en-US", viewport={"width": 1000, "height": 800}
    )
    yield context.new_page()
    context.close()


def to_sign_in(page: Page, platform: Platform, name: str, password: str = PASSWORD) -> None:
    page.goto(f"{platform.url.rstrip('/')}/access/sign-in")
    page.locator("#username").fill(name)
    page.locator("#password").fill(password)
    page.locator("#kc-login").click()


def session_of(page: Page, platform: Platform) -> dict[str, Any]:
    found: dict[str, Any] = page.request.get(f"{platform.url.rstrip('/')}/access/session").json()
    return found


def one_time_code(secret: str, moment: float) -> str:
    """RFC 6238, as any authenticator app counts."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(moment) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def test_what_is_right_is_not_touched_again(where: Place, admin: Admin) -> None:
    lines = list(apply(admin, desired(where)))
    assert len(lines) > 10
    assert not [line for line in lines if not line.endswith(RIGHT)]


def test_what_somebody_changed_by_hand_is_put_back(where: Place, admin: Admin) -> None:
    there = admin.get(CITY)
    admin.put(CITY, {**there, "bruteForceProtected": False})
    (portal,) = admin.get(f"{CITY}/clients", clientId=identity.CLIENT_PORTAL)
    admin.put(f"{CITY}/clients/{portal['id']}", {**portal, "redirectUris": ["https://elsewhere.example/*"]})
    changed = [line for line in apply(admin, desired(where)) if not line.endswith(RIGHT)]
    assert changed == ["client portal: changed", "realm: changed"]
    assert admin.get(CITY)["bruteForceProtected"] is True


@pytest.mark.parametrize(
    "path",
    [
        "/identity/admin/",
        "/identity/admin/realms/city/users",
        "/identity/realms/master",
        "/identity/realms/city/../master",
        "/identity/realms/city/%2e%2e/master",
        "/identity/realms/city//../master",
        "/identity/realms/city/..;/master",
        "/identity/realms/city/..;x=1/..;/admin/realms",
        "/identity/resources/../admin/realms",
        "/identity/realms/city",
        "/identity/realms/city/",
        "/identity/realms/city/account",
        "/identity/realms/city/account/",
        "/identity/realms/city/account/credentials",
        "/identity/realms/city/protocol/../account/",
        "/identity/realms/city/protocol/%2e%2e/account/",
        "/identity/realms/city/protocol/..;/account/",
        "/identity/realms/city/clients-registrations/default",
        "/identity/realms/city/clients-registrations/openid-connect",
        "/identity/metrics",
        "/identity/health",
        "/identity/",
    ],
)
def test_nothing_but_signing_in_is_reachable_from_outside(platform: Platform, path: str) -> None:
    answer = viewer.ask(platform, path)
    assert answer.status in {400, 404}, answer.body[:300]
    assert b"master" not in answer.body and b"public_key" not in answer.body


@pytest.mark.parametrize("client", ["account", "account-console", "security-admin-console"])
def test_nobody_signs_in_to_pages_of_keycloaks_own(platform: Platform, client: str) -> None:
    """The page says that the client is off, and asks nobody for a password."""
    page = "/admin/city/console/" if client == "security-admin-console" else "/realms/city/account/"
    back = quote(f"{platform.url.rstrip('/')}{identity.PATH}{page}")
    asked = f"client_id={client}&redirect_uri={back}&response_type=code&scope=openid"
    proof = f"code_challenge={'a' * 43}&code_challenge_method=S256"
    answer = viewer.ask(platform, f"/identity/realms/city/protocol/openid-connect/auth?{asked}&{proof}")
    assert answer.status == 400, answer.body[:300]
    assert b'id="password"' not in answer.body


def test_the_issuer_is_the_public_address(platform: Platform) -> None:
    answer = viewer.ask(platform, "/identity/realms/city/.well-known/openid-configuration")
    assert answer.json["issuer"] == f"{platform.url.rstrip('/')}/identity/realms/city"


def test_nobody_says_themselves_by_which_name_they_came(platform: Platform) -> None:
    named = {"X-Forwarded-Host": "elsewhere.example", "X-Forwarded-Port": "1", "Forwarded": "host=elsewhere.example"}
    answer = viewer.ask(platform, "/identity/realms/city/.well-known/openid-configuration", **named)
    assert answer.status == 200
    assert b"elsewhere" not in answer.body


def test_no_client_takes_a_password_beside_the_sign_in_page(platform: Platform, known: City, account: Account) -> None:
    account("p-0009", viewer.tier_of(known, Scope.CLASS), known.schools[0].code)
    form = {"grant_type": "password", "client_id": "admin-cli", "username": "p-0009", "password": PASSWORD}
    url = f"{platform.url.rstrip('/')}{identity.PATH}{identity.token_path()}"
    answer = httpx.post(url, data=form, verify=ssl.create_default_context(cafile=str(platform.authority)))
    assert answer.status_code in {400, 401}
    assert "access_token" not in answer.text


def test_a_pupil_signs_in_with_a_browser_and_out_of_everything(
    platform: Platform, known: City, account: Account, page: Page, tmp_path: Path
) -> None:
    tier, school = viewer.tier_of(known, Scope.CLASS), known.schools[0]
    account("p-0001", tier, school.code)
    to_sign_in(page, platform, "p-0001")
    page.wait_for_url(platform.url.rstrip("/") + "/")
    said = session_of(page, platform)
    assert (said["signed_in"], said["school"]["en"]) == (True, school.name.en)
    page.wait_for_selector("#who:not([hidden])")
    page.screenshot(path=tmp_path / "signed-in.png", full_page=True)
    cookies = {each["name"]: each for each in page.context.cookies()}
    assert all(cookies[session_token.COOKIE][key] for key in ("httpOnly", "secure"))

    page.goto(f"{platform.url.rstrip('/')}/access/sign-out")
    page.wait_for_url(platform.url.rstrip("/") + "/")
    assert session_of(page, platform)["signed_in"] is False
    page.goto(f"{platform.url.rstrip('/')}/access/sign-in")
    assert page.locator("#password").count() == 1, "Keycloak asks again"


def test_a_wrong_password_lets_nobody_in_and_many_lock_the_account(
    platform: Platform, known: City, account: Account, page: Page
) -> None:
    account("p-0002", viewer.tier_of(known, Scope.CLASS), known.schools[0].code)
    for _ in range(known.sign_in.wrong_tries):
        to_sign_in(page, platform, "p-0002", "not this one")
        page.wait_for_selector("#input-error-username")
    to_sign_in(page, platform, "p-0002")
    page.wait_for_selector("#kc-login")
    assert session_of(page, platform)["signed_in"] is False


@pytest.mark.parametrize("scope", [Scope.CITY, Scope.DISTRICT, Scope.AGREEMENT])
def test_staff_set_a_second_factor_up_and_are_asked_for_it_ever_after(
    platform: Platform, known: City, account: Account, *, chromium: Browser, tmp_path: Path, scope: Scope
) -> None:
    """Of the city's office, of a district's, of a partner: the session says which."""
    tier = next(tier for tier in realm.tiers(known) if tier.two_factor and tier.scope is scope)
    district = known.districts[0] if scope is Scope.DISTRICT else None
    partner = known.partners[0] if scope is Scope.AGREEMENT else None
    account("s-0001", tier.id, district and district.division_code, partner=partner and partner.id)
    context = chromium.new_context(ignore_https_errors=True, locale="en-US")
    page = context.new_page()
    to_sign_in(page, platform, "s-0001")
    page.locator("#mode-manual").click()
    secret = page.locator("#kc-totp-secret-key").inner_text().replace(" ", "")
    page.screenshot(path=tmp_path / "second-factor.png", full_page=True)
    page.locator("#totp").fill(one_time_code(secret, time.time()))
    page.locator("#saveTOTPBtn").click()
    # Setting it up is not the same as showing it: it is asked for before anything opens.
    page.wait_for_selector("[data-reason=second-factor-needed]")
    assert session_of(page, platform)["signed_in"] is False
    page.get_by_role("link", name="Sign in again").click()
    page.locator("#password").fill(PASSWORD)
    page.locator("#kc-login").click()
    page.locator("#otp").fill("000000")
    page.locator("#kc-login").click()
    page.wait_for_selector("#input-error-otp")
    assert session_of(page, platform)["signed_in"] is False
    # The one that set it up has been used, and counts once.
    page.locator("#otp").fill(one_time_code(secret, time.time() + 30))
    page.locator("#kc-login").click()
    page.wait_for_url(platform.url.rstrip("/") + "/")
    said = session_of(page, platform)
    assert said["tier"]["en"] == tier.name.en
    assert said["district"] == (district and district.name.model_dump())
    assert said["partner"] == (partner and partner.name.model_dump())
    assert said["school"] is None
    context.close()


def test_whose_account_lacks_the_role_is_not_let_in_by_a_password(
    platform: Platform, known: City, account: Account, page: Page
) -> None:
    tier = next(tier for tier in realm.tiers(known) if tier.two_factor)
    account("s-0002", tier.id, None, role=None)
    to_sign_in(page, platform, "s-0002")
    page.wait_for_selector("[data-reason=second-factor-needed]")
    assert session_of(page, platform)["signed_in"] is False


def test_the_client_that_makes_accounts_may_do_nothing_else(where: Place, admin: Admin) -> None:
    (secret,) = (each["secret"] for each in desired(where)["clients"] if each["clientId"] == identity.CLIENT_ACCOUNTS)
    with where.forwarded(names.IDENTITY, names.IDENTITY, identity.PORT) as address:
        form = {"grant_type": "client_credentials", "client_id": identity.CLIENT_ACCOUNTS, "client_secret": secret}
        top = f"{address}{identity.PATH}"
        token = httpx.post(f"{top}{identity.token_path()}", data=form).json()["access_token"]
        head = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{top}{CITY}/users?max=1", headers=head).status_code == 200
        for path in (
            f"{CITY}/clients",
            f"{CITY}/identity-provider/instances",
            "/admin/realms/master/users",
            f"{CITY}/events",
        ):
            assert httpx.get(f"{top}{path}", headers=head).status_code == 403, path
        assert httpx.put(f"{top}{CITY}", headers=head, json=admin.get(CITY)).status_code == 403


@pytest.mark.parametrize("kind", outside.KINDS)
def test_people_of_an_outside_provider_come_in_as_its_tier(
    platform: Platform, where: Place, admin: Admin, page: Page, kind: str
) -> None:
    """The outside is another realm of the same Keycloak: the protocol between the two is the real one."""
    known = viewer.city(platform)
    top, school = platform.url.rstrip("/"), known.schools[1]
    tier = next(tier for tier in realm.tiers(known) if not tier.two_factor and tier.scope is Scope.ALLIANCE)
    wanted = desired(where)
    # The gateway leads to no other realm: the outside has an address of its own, as an outside has.
    with where.forwarded(names.IDENTITY, names.IDENTITY, identity.PORT) as address:
        at = f"{address.replace('127.0.0.1', 'localhost')}{identity.PATH}"
        provider = outside.made(admin, kind, top, at, school=school.code, tier=tier.id)
        try:
            list(
                apply(admin, {**wanted, "providers": [provider.representation()], "mappers": list(provider.mappers())})
            )
            page.goto(f"{top}/access/sign-in")
            page.locator(f"#social-{outside.REALM}").click()
            page.locator("#username").fill(outside.PERSON)
            page.locator("#password").fill(outside.PASSWORD)
            page.locator("#kc-login").click()
            page.wait_for_url(f"{top}/")
            said = session_of(page, platform)
            assert (said["tier"]["en"], said["school"]["en"]) == (tier.name.en, school.name.en)
        finally:
            for found in admin.get(f"{CITY}/users", idpAlias=outside.REALM):
                admin.delete(f"{CITY}/users/{found['id']}")
            lines = list(apply(admin, wanted))
            admin.delete(f"/admin/realms/{outside.REALM}")
    assert f"provider {outside.REALM}: taken away" in lines


@pytest.fixture
def lesson(platform: Platform, known: City) -> Iterator[str]:
    with put(platform, known, "l-identityidentity") as found:
        yield found


def test_while_keycloak_is_away_nobody_new_comes_in_and_lessons_go_on(  # noqa: PLR0917
    platform: Platform,
    known: City,
    account: Account,
    where: Place,
    page: Page,
    lesson: str,
    proof: Callable[[str, str], None],
) -> None:
    account("p-0003", viewer.tier_of(known, Scope.CLASS), known.schools[0].code)
    top = platform.url.rstrip("/")
    to_sign_in(page, platform, "p-0003")
    page.wait_for_url(f"{top}/")
    # The permission is a cookie of the browser from here on.
    given = page.request.post(f"{top}/access/play/{lesson}")
    assert given.status == 200, given.text()
    where.kubectl("scale", "deployment/identity", "-n", names.IDENTITY, "--replicas=0")
    try:
        where.kubectl(
            "wait",
            "--for=delete",
            "pod",
            "-l",
            "app.kubernetes.io/name=identity",
            "-n",
            names.IDENTITY,
            "--timeout=25s",
        )
        assert session_of(page, platform)["signed_in"] is True
        played = page.request.get(f"{top}{given.json()['master']}")
        assert (played.status, played.body()) == (200, SEGMENT), "what was begun goes on"
        assert page.request.post(f"{top}/access/play/{lesson}").status == 200, "decided as ever"
        code = viewer.ask(platform, "/access/callback?code=c&state=s")
        assert b"data-reason" in code.body and code.status in {403, 503}
        begun = viewer.ask(platform, "/access/sign-in")
        assert begun.status in {302, 503}
        assert session_token.COOKIE not in str(begun.headers)
        said = "the session counts on, 1 lesson begun and 1 asked for then are given; 2 steps of signing in give no session"
        proof("access: Keycloak is away", said)
    finally:
        where.kubectl("scale", "deployment/identity", "-n", names.IDENTITY, "--replicas=1")
        _wait(where)


def _wait(where: Place) -> None:
    end = time.monotonic() + 180
    while "1" not in where.kubectl(
        "get", "deployment/identity", "-n", names.IDENTITY, "-o", "jsonpath={.status.readyReplicas}"
    ):
        assert time.monotonic() < end, "Keycloak does not come back"
        time.sleep(2)


def test_logs_name_nobody(where: Place) -> None:
    said = where.kubectl("logs", "deployment/identity", "-n", names.IDENTITY, "--tail=-1")
    assert "Keycloak" in said
    assert not re.search(r"p-000\d|s-000\d|planted", html.unescape(said))
