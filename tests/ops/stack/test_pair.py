"""A key and its certificate are replaced together: wherever that is cut off, a pair is there afterwards, the old one or the new one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalog.errors import UserError
from ops.stack import authority, pair, school_authority
from tests.ops.stack.test_school_authority import box, trusted_by


def cut(monkeypatch: pytest.MonkeyPatch, file: str, renew: Callable[[], object]) -> None:
    """A renewal that is killed when ``file`` is about to be replaced."""
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if target == pair.folder() / file:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            renew()


def server() -> pair.Pair:
    return authority.ensure("localhost")


@pytest.mark.parametrize(("file", "renewed"), [("server.key", False), ("server.crt", True)])
def test_a_renewal_that_is_cut_off_leaves_the_old_pair_or_the_new_one(
    file: str, renewed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = server()
    cut(monkeypatch, file, lambda: authority.ensure("localhost", renew=True))
    after = server()
    assert after.fits
    assert (after.certificate != before.certificate) is renewed
    assert server() == after


@pytest.mark.parametrize("file", ["schools.key", "schools.crt"])
def test_a_new_school_authority_that_is_cut_off_signs_what_the_platform_trusts(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = box()
    cut(monkeypatch, file, school_authority.rotate)
    new, bundle = box(), school_authority.bundle()
    assert trusted_by(bundle, new)
    assert trusted_by(bundle, old)


@pytest.mark.parametrize("key", ["another's", ""])
def test_a_server_s_key_that_is_not_its_certificate_s_is_made_anew_with_it(key: str) -> None:
    server()
    (pair.folder() / "server.key").write_text(key and pair.authority("another").key)
    assert server().fits


@pytest.mark.parametrize("name", ["ca", "schools"])
def test_half_an_authority_is_refused_with_what_to_do_and_kept(name: str) -> None:
    ensure: dict[str, Callable[[], object]] = {"ca": server, "schools": school_authority.ensure}
    ensure[name]()
    certificate = (pair.folder() / f"{name}.crt").read_text()
    (pair.folder() / f"{name}.key").write_text(pair.authority("another").key)
    with pytest.raises(UserError, match=rf"{name}\.crt and {name}\.key do not belong together: put back"):
        ensure[name]()
    assert (pair.folder() / f"{name}.crt").read_text() == certificate


def test_commands_that_need_an_authority_at_once_get_the_same_one() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: school_authority.ensure(), range(16)))
    assert made == {school_authority.ensure()}
