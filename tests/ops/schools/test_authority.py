"""`huiju school authority`: prints what a stack has to trust, and nothing that has to stay here."""

from __future__ import annotations

import sys

import pytest
from cryptography import x509
from pydantic import TypeAdapter

from infra.config import Certificates
from ops.cli import main
from ops.stack import school_authority


def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    """Standard output and standard error."""
    monkeypatch.setattr(sys, "argv", ["huiju", "school", "authority", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_what_is_printed_is_what_the_stack_s_settings_take(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = printed(monkeypatch, capsys)
    assert printed(monkeypatch, capsys)[0] == first == school_authority.bundle()
    after, said = printed(monkeypatch, capsys, "--replace")
    assert "schools-until-" in said
    for text in (first, after):
        TypeAdapter(Certificates).validate_python(text)
        assert "PRIVATE KEY" not in text
    (before,) = x509.load_pem_x509_certificates(first.encode())
    new, former = x509.load_pem_x509_certificates(after.encode())
    assert (new != before, former) == (True, before)
