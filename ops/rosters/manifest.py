"""The manifest: which version of the standard it is, and which files are there."""

from __future__ import annotations

from ops.rosters.findings import Findings
from ops.rosters.form import FORMS, MANIFEST, VERSIONS, Form
from ops.rosters.rows import Encoding, rows
from ops.rosters.source import Source

BULK, DELTA, ABSENT = "bulk", "delta", "absent"


def files(source: Source, findings: Findings, encoding: Encoding) -> tuple[Form, ...]:
    """The files to read, in their order; what is wrong with the manifest, or with what is there, is noted."""
    name = MANIFEST.file
    if name not in source.names:
        where = " in its top folder" if source.archive else ""
        findings.add(name, 1, "", f"is missing: a roster has a manifest.csv{where} that names its files")
        return ()
    said: dict[str, tuple[int, str]] = {}
    for line, (key, value) in rows(source, MANIFEST, findings, encoding):
        if key in said:
            findings.add(name, line, "propertyName", f"is on line {said[key][0]} already: keep one", "twice")
        said.setdefault(key, (line, value))
    for key, allowed in VERSIONS.items():
        line, value = said.get(key, (1, ""))
        if value not in allowed:
            findings.add(
                name, line, "value", f"{key} must be {' or '.join(allowed)}: ask for an export in that version"
            )
    return tuple(form for form in FORMS if _wanted(form, said, source, findings))


def _wanted(form: Form, said: dict[str, tuple[int, str]], source: Source, findings: Findings) -> bool:
    name, key, there = MANIFEST.file, f"file.{form.name}", form.file in source.names
    line, mode = said.get(key, (1, ABSENT))
    if mode == DELTA:
        findings.add(name, line, "value", f"{key} is a delta, which is not taken: ask for a bulk export")
    elif mode not in {BULK, ABSENT}:
        findings.add(name, line, "value", f"{key} must be `bulk` or `absent`")
    elif mode == BULK and not there:
        findings.add(name, line, "value", f"{key} is `bulk`, but there is no {form.file}: export it again")
    elif mode == ABSENT and form.needed:
        findings.add(name, line, "value", f"{key} must be `bulk`: nothing can be decided without {form.file}")
    elif mode == ABSENT and there:
        findings.add(name, line, "value", f"{form.file} is there, but {key} is not `bulk`: say which is right")
    return mode == BULK and there
