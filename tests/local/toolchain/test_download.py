"""The download path against a server that plays the release site, honest and otherwise."""

from __future__ import annotations

import hashlib
import urllib.request
from pathlib import Path

import pytest

from local.settings import Settings
from local.toolchain import download
from local.toolchain.download import DownloadError

from .conftest import Site

BODY = bytes(range(256)) * 2048
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


@pytest.fixture
def part(tmp_path: Path, site: Site) -> Path:
    site.files["/file"] = BODY
    return tmp_path / "downloads" / "file.part"


def fetch(site: Site, part: Path, settings: Settings, digest: str = DIGEST, path: str = "/file") -> None:
    download.fetch(site.url + path, digest, part, settings, lambda line: None)


def test_a_good_file_arrives_whole(site: Site, part: Path, impatient: Settings) -> None:
    fetch(site, part, impatient)
    assert part.read_bytes() == BODY
    assert site.asked == [("/file", "")]


def test_a_file_with_another_checksum_is_refused_and_not_kept(site: Site, part: Path, impatient: Settings) -> None:
    with pytest.raises(DownloadError, match="does not have the pinned checksum"):
        fetch(site, part, impatient, digest="sha256:" + "0" * 64)
    assert not part.exists()
    assert len(site.asked) == 1, "asking again would bring the same bytes"


def test_sha512_pins_are_checked_as_sha512(site: Site, part: Path, impatient: Settings) -> None:
    fetch(site, part, impatient, digest=f"sha512:{hashlib.sha512(BODY).hexdigest()}")
    assert part.read_bytes() == BODY


def test_a_truncated_file_is_continued_where_it_broke_off(site: Site, part: Path, impatient: Settings) -> None:
    site.moods = ["truncates", "good"]
    fetch(site, part, impatient)
    assert part.read_bytes() == BODY
    assert site.asked[1] == ("/file", f"bytes={len(BODY) // 2}-")


def test_a_download_that_a_killed_run_began_is_continued(site: Site, part: Path, impatient: Settings) -> None:
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY[:1000])
    fetch(site, part, impatient)
    assert part.read_bytes() == BODY
    assert site.asked == [("/file", "bytes=1000-")]


def test_a_server_that_ignores_ranges_sends_everything_again(site: Site, part: Path, impatient: Settings) -> None:
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY[:1000])
    site.moods = ["ignores ranges"]
    fetch(site, part, impatient)
    assert part.read_bytes() == BODY


def test_a_whole_file_left_behind_is_not_downloaded_again(site: Site, part: Path, impatient: Settings) -> None:
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY)
    fetch(site, part, impatient)
    assert part.read_bytes() == BODY


def test_a_wrong_beginning_left_behind_does_not_spoil_the_download(site: Site, part: Path, impatient: Settings) -> None:
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    fetch(site, part, impatient)
    assert part.read_bytes() == BODY


def test_a_missing_file_is_refused_at_once(site: Site, part: Path, impatient: Settings) -> None:
    with pytest.raises(DownloadError, match="answered 404"):
        fetch(site, part, impatient, path="/absent")
    assert len(site.asked) == 1


def test_a_passing_fault_of_the_server_is_tried_again(site: Site, part: Path, impatient: Settings) -> None:
    site.moods = ["status 503", "good"]
    fetch(site, part, impatient)
    assert part.read_bytes() == BODY


def test_a_lasting_fault_of_the_server_ends_after_a_few_attempts(site: Site, part: Path, impatient: Settings) -> None:
    site.moods = ["status 503"]
    with pytest.raises(DownloadError, match="answered 503"):
        fetch(site, part, impatient)
    assert len(site.asked) == download.ATTEMPTS


def test_a_redirect_is_followed(site: Site, part: Path, impatient: Settings) -> None:
    site.moods = [f"redirect {site.url}/file", "good"]
    fetch(site, part, impatient, path="/old")
    assert part.read_bytes() == BODY


def test_a_redirect_from_https_to_http_is_refused() -> None:
    request = urllib.request.Request("https://example.org/a")
    with pytest.raises(DownloadError, match="not https"):
        download._SafeRedirects().redirect_request(request, None, 302, "", None, "http://example.org/b")  # type: ignore[arg-type]


def test_a_server_that_falls_silent_is_given_up_and_what_came_is_kept(
    site: Site, part: Path, impatient: Settings
) -> None:
    site.moods = ["hangs"]
    with pytest.raises(DownloadError, match="broke off"):
        fetch(site, part, impatient)
    assert part.stat().st_size >= len(BODY) // 2, "a later run continues from here"


def test_a_server_that_drips_is_given_up(site: Site, part: Path, impatient: Settings) -> None:
    site.moods = ["drips"]
    with pytest.raises(DownloadError, match="too slow"):
        fetch(site, part, impatient)


def test_a_host_that_is_not_there_is_a_clear_error(part: Path, impatient: Settings) -> None:
    with pytest.raises(DownloadError, match="cannot be reached"):
        download.fetch("http://127.0.0.1:1/file", DIGEST, part, impatient, lambda line: None)


def test_a_mirror_stands_in_for_the_release_site(site: Site, part: Path) -> None:
    site.files["/mirror/releases.example/v1/file"] = BODY
    settings = Settings.model_validate({"releases": {"mirror": site.url + "/mirror/"}})
    download.fetch("https://releases.example/v1/file", DIGEST, part, settings, lambda line: None)
    assert part.read_bytes() == BODY


def test_the_proxy_of_the_settings_is_asked_instead_of_the_site(site: Site, part: Path) -> None:
    site.files["http://releases.example/file"] = BODY
    settings = Settings.model_validate({"proxy": {"http": site.url}})
    download.fetch("http://releases.example/file", DIGEST, part, settings, lambda line: None)
    assert part.read_bytes() == BODY


def test_hosts_named_direct_do_not_go_through_the_proxy(site: Site, part: Path) -> None:
    settings = Settings.model_validate({"proxy": {"http": "http://127.0.0.1:1", "no": "127.0.0.1"}})
    fetch(site, part, settings)
    assert part.read_bytes() == BODY
