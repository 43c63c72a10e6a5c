"""The modules that run on a box, as far as they decide: what to install, what to restart, what to ask for, what to switch to."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "playbooks" / "library"


def module_of(file: Path) -> ModuleType:
    """A module that no package holds."""
    specification = importlib.util.spec_from_file_location(file.stem, file)
    assert specification and specification.loader
    found = importlib.util.module_from_spec(specification)
    sys.modules[file.stem] = found
    specification.loader.exec_module(found)
    return found


NAMES = ("box_packages", "box_unit", "cache_configuration", "box_certificate")
PACKAGES, UNIT, CACHE, CERTIFICATE = (module_of(LIBRARY / f"{name}.py") for name in NAMES)
VERSIONS = {"unbound": "1.17", "libc6": "2.36", "chrony": "4.3"}


@pytest.mark.parametrize(
    ("there", "todo"),
    [
        ({}, {"unbound": ("", "1.17")}),
        ({"unbound": "1.17"}, {}),
        ({"unbound": "1.18", "libc6": "2.36"}, {"unbound": ("1.18", "1.17")}),
        ({"unbound": "1.17", "libc6": "2.35", "vim": "9"}, {"libc6": ("2.35", "2.36")}),
    ],
    ids=[
        "a fresh box",
        "all there",
        "newer than the parcel",
        "the base is behind, and foreign packages are left alone",
    ],
)
def test_packages_are_brought_to_exactly_the_parcels_versions(there: dict[str, str], todo: dict[str, Any]) -> None:
    assert PACKAGES.steps(["unbound"], VERSIONS, there) == todo


RUNNING = {"ActiveState": "active", "UnitFileState": "enabled"}


@pytest.mark.parametrize(
    ("shown", "state", "stale", "verbs"),
    [
        (RUNNING, "running", False, []),
        (RUNNING, "running", True, ["restart"]),
        ({**RUNNING, "UnitFileState": "disabled"}, "running", False, ["enable"]),
        ({"ActiveState": "inactive", "UnitFileState": "disabled"}, "running", True, ["enable", "start"]),
        ({"ActiveState": "failed", "UnitFileState": "enabled"}, "running", False, ["start"]),
        (RUNNING, "off", True, ["stop", "disable"]),
        ({"ActiveState": "inactive", "UnitFileState": "disabled"}, "off", False, []),
    ],
)
def test_a_unit_is_told_only_what_it_needs(shown: dict[str, str], state: str, stale: bool, verbs: list[str]) -> None:
    assert UNIT.wanted(shown, state, stale) == verbs


def test_a_file_that_changed_after_the_start_asks_for_a_restart_whoever_changed_it(tmp_path: Path) -> None:
    file = tmp_path / "unbound.conf"
    file.write_text("server:\n")
    changed = file.stat().st_ctime
    assert UNIT.changed_since(changed - 10, [str(file)]) == [str(file)]
    assert UNIT.changed_since(changed + 1, [str(file)]) == []
    assert UNIT.changed_since(0, [str(tmp_path / "absent")]) == []


def test_the_start_is_read_as_systemd_prints_it() -> None:
    assert UNIT.started({"ExecMainStartTimestamp": "@1795543838"}) == 1795543838.0
    assert UNIT.started({"ExecMainStartTimestamp": "", "ActiveEnterTimestamp": "@5"}) == 5.0
    assert UNIT.started({}) == 0.0


class Server:
    """Traffic Server as the module meets it: it accepts or not, and is well or not with what is in use."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, *, accepts: bool = True, well: bool = True
    ) -> None:
        self.told: list[tuple[str, bool]] = []
        monkeypatch.setattr(CACHE, "complaint", lambda state: "" if accepts else "ERROR: remap.config")
        self.folder = folder
        monkeypatch.setattr(CACHE, "tell", self.tell)
        monkeypatch.setattr(CACHE, "ill", lambda unit, health: "" if well else "no answer")
        monkeypatch.setattr(CACHE.shutil, "chown", lambda *words: None)

    def tell(self, unit: str, restart: bool) -> str:
        """Note what is in use when the server is told, and whether it was restarted."""
        self.told.append(((self.folder / "current").readlink().name, restart))
        return ""


def replace(folder: Path, files: dict[str, str]) -> tuple[str, str]:
    """What went wrong, and the state in use afterwards."""
    params = {
        "folder": str(folder),
        "files": files,
        "owner": "x",
        "restart": ["records.config"],
        "health": "",
        "unit": "u",
    }
    wrong = CACHE.replace(params, CACHE.read(folder / "current"))
    current = folder / "current"
    return wrong, CACHE.read(current).get("remap.config", "") if current.exists() else ""


OLD, NEW = {"remap.config": "old\n", "records.config": "a\n"}, {"remap.config": "new\n", "records.config": "a\n"}


def test_a_configuration_that_is_accepted_and_does_well_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(monkeypatch, tmp_path)
    replace(tmp_path, OLD)
    assert replace(tmp_path, NEW) == ("", "new\n")
    assert server.told[-1] == (CACHE.digest(NEW), False), "a remap rule needs no restart"


def test_a_configuration_that_is_refused_never_replaces_a_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Server(monkeypatch, tmp_path)
    replace(tmp_path, OLD)
    server = Server(monkeypatch, tmp_path, accepts=False)
    wrong, current = replace(tmp_path, NEW)
    assert "does not accept" in wrong and current == "old\n"
    assert not server.told and not (tmp_path / CACHE.digest(NEW)).exists()


def test_a_configuration_that_does_no_good_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Server(monkeypatch, tmp_path)
    replace(tmp_path, OLD)
    server = Server(monkeypatch, tmp_path, well=False)
    wrong, current = replace(tmp_path, NEW)
    assert "old one is back" in wrong and current == "old\n"
    assert server.told[-1] == (CACHE.digest(OLD), True)


def test_a_change_of_the_records_restarts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, tmp_path)
    replace(tmp_path, OLD)
    replace(tmp_path, {**OLD, "records.config": "b\n"})
    assert server.told[-1][1] is True


def test_states_in_use_are_never_tidied_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Server(monkeypatch, tmp_path)
    for number in range(6):
        replace(tmp_path, {"remap.config": f"{number}\n"})
    CACHE.tidy(tmp_path)
    left = [each for each in tmp_path.iterdir() if each.is_dir() and not each.is_symlink()]
    assert len(left) == CACHE.KEPT
    assert (tmp_path / "current" / "remap.config").read_text() == "5\n"


def test_a_switch_that_was_cut_off_before_the_server_was_told_is_told_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(monkeypatch, tmp_path)
    changed = {**NEW, "records.config": "b\n"}
    replace(tmp_path, OLD)
    with monkeypatch.context() as cut:
        cut.setattr(CACHE, "tell", killed)
        with pytest.raises(KeyboardInterrupt):
            replace(tmp_path, changed)
    assert CACHE.read(tmp_path / "current") == changed
    assert CACHE.due(tmp_path, changed, changed)
    assert replace(tmp_path, changed) == ("", "new\n")
    assert server.told[1:] == [(CACHE.digest(changed), True)], "what it reads only when it starts had changed"
    assert not CACHE.due(tmp_path, changed, changed)


def killed(*_: object, **__: object) -> str:
    """The link drops, and the module ends."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("wanted", [NEW, {**NEW, "more": ""}], ids=["the same again", "another one"])
def test_after_a_cut_the_way_back_leads_to_what_the_server_was_well_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, str]
) -> None:
    Server(monkeypatch, tmp_path)
    replace(tmp_path, OLD)
    with monkeypatch.context() as cut:
        cut.setattr(CACHE, "tell", killed)
        with pytest.raises(KeyboardInterrupt):
            replace(tmp_path, NEW)
    server = Server(monkeypatch, tmp_path, well=False)
    wrong, current = replace(tmp_path, wanted)
    assert "old one is back" in wrong and current == "old\n"
    assert server.told[-1] == (CACHE.digest(OLD), True)


def test_a_note_that_a_power_cut_emptied_has_the_server_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(monkeypatch, tmp_path)
    replace(tmp_path, OLD)
    (tmp_path / CACHE.UNTOLD).write_text("")
    assert replace(tmp_path, OLD) == ("", "old\n")
    assert server.told[-1] == (CACHE.digest(OLD), True)


@pytest.mark.parametrize("accepts", [True, False])
def test_a_state_in_use_that_somebody_edited_is_replaced_or_stays_but_is_never_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accepts: bool
) -> None:
    Server(monkeypatch, tmp_path)
    replace(tmp_path, OLD)
    for _ in range(3):
        edited = tmp_path / "current" / "remap.config"
        edited.write_text("by hand\n")
        used = (tmp_path / "current").resolve()
        Server(monkeypatch, tmp_path, accepts=accepts)
        wrong, current = replace(tmp_path, OLD)
        assert CACHE.read(used)["remap.config"] == "by hand\n", "it is there until another one is in use"
        assert (bool(wrong), current) == (not accepts, "old\n" if accepts else "by hand\n")


MINE, HOST = "2990100005", "2990100005.edge.example.test"


def certified(folder: Path, code: str = MINE, host: str = HOST) -> str:
    """A key and a certificate as a box has them, which is its own authority here: that in PEM."""
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "397", "-subj", f"/CN={code}")
    files = ("-keyout", str(folder / "box.key"), "-out", str(folder / "box.crt"))
    assert not CERTIFICATE.openssl("req", "-x509", *new, "-addext", f"subjectAltName=DNS:{host}", *files)[0]
    return (folder / "box.crt").read_text()


@pytest.mark.parametrize(
    ("code", "host", "why"),
    [
        (MINE, HOST, ""),
        ("2990100004", HOST, "it is another school's"),
        (f"{MINE}0", HOST, "it is another school's"),
        (MINE, "2990100005.edge.former.test", f"it is not for {HOST}"),
    ],
    ids=["its own", "a spare box that moved", "a code that begins alike", "the domain changed"],
)
def test_a_certificate_of_another_school_or_for_another_name_is_asked_for_anew(
    tmp_path: Path, code: str, host: str, why: str
) -> None:
    authority = certified(tmp_path, code, host)
    assert CERTIFICATE.lacking(tmp_path, MINE, HOST, authority, 60) == why


def test_a_certificate_near_its_end_or_of_another_authority_is_asked_for_anew(tmp_path: Path) -> None:
    assert CERTIFICATE.lacking(tmp_path, MINE, HOST, "", 60) == "there is none"
    authority = certified(tmp_path)
    assert CERTIFICATE.lacking(tmp_path, MINE, HOST, authority, 398) == "it ends within 398 days"
    (tmp_path / "other").mkdir()
    assert CERTIFICATE.lacking(tmp_path, MINE, HOST, certified(tmp_path / "other"), 60) == "another authority signed it"
