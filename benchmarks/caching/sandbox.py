"""A folder in which Traffic Server runs as a process of this machine, on the very files that the kit generates for its shield.

What the files say stays as it is, but for what a machine has only once: folders and ports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks.caching.plain import plain
from derive import shield

MODULES = "/usr/lib/trafficserver/modules"
_ONCE = re.compile(r"CONFIG proxy[.]config[.](http[.]server_ports|ssl[.]).*\n")


def write(folder: Path, files: Mapping[str, str], port: int, schools: int, cache_mib: int) -> None:
    """The shield's own files, in ``folder`` and on two ports of loopback; `TS_RUNROOT` is the folder then."""
    for place in ("etc", "cache", "store", "log", "run"):
        (folder / place).mkdir()
    # Where the files say that they are.
    configuration, cache = Path(files["plugin.config"].split()[1]).parent, files["storage.config"].split()[0]
    moved: dict[str, object] = {
        str(configuration): folder / "etc",
        cache: folder / "cache",
        shield.SIGNING: folder / "store",
    }
    files = plain(files, {shield.VIEWERS_PORT: port, shield.PORT: schools})
    listening = f"CONFIG proxy.config.http.server_ports STRING {port}:ip-in=127.0.0.1 {schools}:ip-in=127.0.0.1\n"
    here = {
        "records.config": _ONCE.sub("", files["records.config"]) + listening,
        "storage.config": f"{folder / 'cache'} {cache_mib}M\n",
    }
    store = {
        shield.SIGNING_FILE: shield.signing_file("an-account", "of-this-machine"),
        "region.config": shield.region_file("us-east-1"),
    }
    _put(folder / "etc", {**files, **here}, moved)
    _put(folder / "store", store, moved)
    _put(folder, {"runroot.yaml": _layout(folder)}, {})


def _put(folder: Path, files: Mapping[str, str], moved: Mapping[str, object]) -> None:
    for name, text in files.items():
        for old, new in moved.items():
            text = text.replace(old, str(new))  # noqa: PLW2901 - one text on its way
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _layout(folder: Path) -> str:
    """Where Traffic Server looks for what is its own."""
    here = {
        "sysconfdir": "etc",
        "runtimedir": "run",
        "logdir": "log",
        "cachedir": "cache",
        "datadir": ".",
        "localstatedir": ".",
    }
    there = {
        "exec_prefix": "/usr", "bindir": "/usr/bin", "sbindir": "/usr/sbin", "includedir": "/usr/include", "libexecdir": MODULES,
        "libdir": str(Path(MODULES).parent),
    }  # fmt: skip
    rows = {"prefix": str(folder), **{key: str(folder / name) for key, name in here.items()}, **there}
    return "".join(f"{key}: {value}\n" for key, value in rows.items())
