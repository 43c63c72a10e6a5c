"""What a video token says, and what the caches are told; that a real cache reads it so is tests/integration/test_video_tokens.py."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from derive import keys, lesson, session_token, video_token

LESSON, OTHER = "l-" + "a" * 16, "l-" + "b" * 16
SEED = "a-seed-of-thirty-two-characters-or-more"
HOST = "https://anything.example:8443"


def container(text: str) -> re.Pattern[str]:
    """As the plugin reads it, near enough: POSIX extended, from the start of the address."""
    kind, _, pattern = text.partition(":")
    assert kind == "regex"
    return re.compile(pattern)


def allows(text: str, path: str) -> bool:
    return bool(container(text).match(HOST + path))


@pytest.fixture
def row() -> dict[str, Any]:
    """The one issuer of a cache's configuration."""
    text = video_token.configuration("https://x", "a-place", [keys.public_jwk(SEED, keys.VIDEO)])
    ((issuer, found),) = json.loads(text).items()
    assert issuer == "https://x"
    return dict(found)


def test_a_token_always_names_its_place_and_its_lesson() -> None:
    found = video_token.claims("https://x", "a-place", LESSON, 5)
    assert {key: found[key] for key in ("iss", "aud", "exp", "cdniv")} == {
        "iss": "https://x",
        "aud": "a-place",
        "exp": 5,
        "cdniv": 1,
    }
    assert found["cdniuc"]


def test_nothing_in_a_token_renews_it_or_is_refused_by_the_plugin() -> None:
    found = video_token.claims("https://x", "a-place", LESSON, 5)
    assert not {"cdnistt", "cdniets", "cdnistd", "jti", "cdniip", "cdnicrit"} & set(found)


@pytest.mark.parametrize("path", ["/h/master.m3u8", "/h/r/v-1/1.m4s", "/h/r/poster.jpg", "/lesson.json"])
def test_a_token_opens_everything_of_its_lesson(path: str) -> None:
    assert allows(video_token.claims("https://x", "p", LESSON, 5)["cdniuc"], f"/lessons/{LESSON}{path}")


@pytest.mark.parametrize(
    "path",
    [
        f"/lessons/{OTHER}/h/1.m4s",
        f"/lessons/{LESSON}x/h/1.m4s",
        f"/x/lessons/{LESSON}/h/1.m4s",
        f"/lessons/{LESSON}/..%2f{OTHER}/h/1.m4s",
        f"/lessons/{LESSON}/h/1.m4s;x=y",
        f"/uploads/{LESSON}/h/1.m4s",
        f"/lessons/{LESSON}",
    ],
)
def test_a_token_opens_nothing_else(path: str) -> None:
    assert not allows(video_token.claims("https://x", "p", LESSON, 5)["cdniuc"], path)


@pytest.mark.parametrize("name", ["", "probe", f"{LESSON}/..", f"{LESSON}.*", "l-" + "A" * 16, f"{LESSON}\n"])
def test_what_is_no_lesson_s_id_gets_no_token(name: str) -> None:
    with pytest.raises(ValueError, match="no lesson id"):
        video_token.claims("https://x", "p", name, 5)


def test_a_cache_holds_no_key_that_signs(row: dict[str, Any]) -> None:
    assert row["renewal_kid"] == row["keys"][0]["kid"]
    assert not [key for key in row["keys"] if "d" in key or "k" in key]


def test_a_cache_knows_its_place_and_takes_tokens_off_addresses(row: dict[str, Any]) -> None:
    assert (row["id"], row["strip_token"]) == ("a-place", True)


@pytest.mark.parametrize(
    ("path", "free"),
    [
        (lesson.public_path(lesson.INDEX), True),
        (lesson.public_path(lesson.record_key(LESSON)), True),
        (f"/lessons/{LESSON}/h/r/poster.jpg", True),
        (f"/lessons/{LESSON}/h/master.m3u8", False),
        (f"/lessons/{LESSON}/h/r/v/1.m4s", False),
        (f"/lessons/{LESSON}/h/lesson.json", False),
        (f"/lessons/{LESSON}/h/r/poster.jpg/1.m4s", False),
        (f"/lessons/{LESSON}/h/1.m4s?/lessons/index.json", False),
        ("/lessons/index.jsonx", False),
        ("/lessons/indexxjson", False),
    ],
)
def test_the_list_the_records_and_the_posters_are_open_and_media_are_not(
    row: dict[str, Any], path: str, free: bool
) -> None:
    open_ = [each["uri"] for each in row["auth_directives"] if each["auth"] == "allow"]
    assert len(open_) == len(row["auth_directives"])
    assert any(allows(each, path) for each in open_) is free


def _conditions() -> dict[str, re.Pattern[str]]:
    """Condition -> pattern, of the guard's rules."""
    rows = re.findall(r"^cond %\{([^}]+)\} /(.*)/$", video_token.guard(), re.MULTILINE)
    return {name: re.compile(pattern) for name, pattern in rows}


@pytest.mark.parametrize(
    ("cookie", "dropped"),
    [
        ("a=b", False),
        ("URISigningPackage=aa.bb.cc", False),
        (f"a=b; URISigningPackage=aa.b-b.c_c; {session_token.COOKIE}=x.y.z", False),
        ("URISigningPackage=aa.b=b.cc", True),
        ("URISigningPackage=aa.bb", True),
        ("URISigningPackage=aa.bb.cc.dd", True),
        ("URISigningPackage=", True),
        ("URISigningPackage=aa.bb.cc; URISigningPackage=aa.b=b.cc", True),
        ('URISigningPackage="aa.bb.cc"', True),
    ],
)
def test_a_cookie_that_is_no_token_in_form_never_reaches_the_plugin(cookie: str, dropped: bool) -> None:
    assert bool(_conditions()["CLIENT-HEADER:Cookie"].search(cookie)) is dropped


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("lessons/index.json", False),
        (f"lessons/{LESSON}/h/a...b.m4s", False),
        ("parcels/pool/a_1.2+ds~1_amd64.deb", False),
        ("lessons/", True),
        (f"lessons/{LESSON}/", True),
        (f"lessons/{LESSON}/../{OTHER}/1", True),
        (f"lessons/{LESSON}/./1", True),
        (f"lessons/{LESSON}//1", True),
        (f"lessons/{LESSON}/%2e%2e/1", True),
        (f"lessons/{LESSON}/h/1.m4s/..", True),
    ],
)
def test_a_way_that_plugin_and_store_might_read_differently_is_refused(path: str, refused: bool) -> None:
    assert bool(_conditions()["CLIENT-URL:PATH"].search(path)) is refused


def test_neither_cookie_nor_credentials_go_on_to_the_store() -> None:
    assert "rm-header Cookie" in video_token.dropping()
    assert "rm-header Authorization" in video_token.dropping()
