"""Where chains ended when somebody looked: kept apart from the record, so that a chain which is cut short contradicts them.

Two places: the lines that the service prints when it ships a segment, which the log collector keeps in a bucket of its own with an account
of its own; and a file among this machine's own records of the stack, written by `huiju up` and by each `huiju audit verify` that found
nothing wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from catalog import names
from catalog.errors import UserError
from derive import audit
from derive.audit import Head
from local import paths
from ops import given_files, log_lines
from ops.lessons.place import Place
from ops.stack.alone import alone
from ops.stack.store import FolderStore
from services.entitlement.shipping import HEAD

SUFFIX, LOCK = ".heads", ".lock"
DIGITS = 12


def file(where: Place) -> Path:
    """This machine's own anchors of a stack's store: a line of JSON for each chain. A store that was made anew has other ones."""
    return _folder() / f"{where.stack}-{_store(where)}{SUFFIX}"


def of_other_stores(where: Place) -> list[Path]:
    """Anchors of stores that this stack had before."""
    return sorted(set(_folder().glob(f"{where.stack}-{'[0-9a-f]' * DIGITS}{SUFFIX}")) - {file(where)})


def _folder() -> Path:
    return paths.state_dir() / "audit"


def _store(where: Place) -> str:
    """Names the store: by its volume where it is the embedded one, else by its address."""
    outside = where.settings.get("storeEndpoint")
    volume = ("get", "pvc", "objects", "-n", names.namespace(names.OBJECT_STORE), "-o", "jsonpath={.metadata.uid}")
    return hashlib.sha256(str(outside or where.kubectl(*volume)).encode()).hexdigest()[:DIGITS]


def read(where: Path) -> list[Head]:
    """Anchors in a file, none when there is no such file. Raises `UserError` for a line that is no anchor."""
    if not where.exists():
        return []
    found = []
    for number, line in enumerate(given_files.text(where).splitlines(), 1):
        try:
            found.append(head(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{where}:{number}: this is no anchor: it has a writer, a sequence and a hash. "
                "Somebody changed the file: look for a copy of it before you delete it"
            ) from error
    return found


def remember(where: Path, heads: Iterable[Head], expired: datetime | None = None) -> None:
    """Keep the latest head of each chain, durably; what began before ``expired`` is dropped. Two commands at once lose none."""
    with alone(where.with_suffix(LOCK)):
        latest: dict[str, Head] = {}
        for each in (*read(where), *heads):
            if each.writer not in latest or latest[each.writer].sequence < each.sequence:
                latest[each.writer] = each
        kept = [latest[name] for name in sorted(latest) if expired is None or audit.begun(name) >= expired]
        text = "".join(json.dumps(asdict(each)) + "\n" for each in kept)
        FolderStore(where.parent).write(where.name, text.encode())


def head(row: dict[str, object]) -> Head:
    """An anchor from its JSON. Raises ValueError, KeyError or TypeError for what is none."""
    writer, sequence, digest = row["writer"], row["sequence"], row["hash"]
    if not (isinstance(writer, str) and isinstance(sequence, int) and isinstance(digest, str)):
        raise TypeError("a field of the wrong kind")
    audit.begun(writer)
    return Head(writer, sequence, digest)


def printed(where: Place, since: datetime) -> list[Head]:
    """Heads that the service printed since then, as the store of logs has them."""
    wanted = log_lines.Wanted(since, datetime.now(UTC), f'"{HEAD}"', names.namespace(names.ENTITLEMENT))
    return list(_heads(log_lines.lines(where, wanted)))


def _heads(lines: Iterable[str]) -> Iterator[Head]:
    for line in lines:
        try:
            yield head(json.loads(line[line.index("{") :])[HEAD])
        except (ValueError, KeyError, TypeError):
            continue  # somebody asked for a lesson of that name: the line is another one
