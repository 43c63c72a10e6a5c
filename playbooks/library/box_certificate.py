"""Ansible module: the box's key, which never leaves it, and the certificate that goes with it.

Asked without a certificate, it makes the key and, when a certificate is needed (none, another key's, another school's, another authority's,
near its end), a request to have signed. Given one, it puts it in place if it fits the key.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: box_certificate
short_description: The box's key and certificate
description: Makes the key and a request on the box; puts the signed certificate in place when it fits the key.
options:
  folder: {description: Where key and certificate are kept., type: path, required: true}
  code: {description: The school's code., type: str, required: true}
  host: {description: The name that the school's classrooms type., type: str, required: true}
  authority: {description: The certificate of the authority that signs, in PEM., type: str, required: true}
  renew_days: {description: Ask for a new one this many days before the end., type: int, default: 60}
  owner: {description: The group that may read the key., type: str, required: true}
  certificate: {description: What was signed, in PEM., type: str}
author: [The huiju authors]
"""
DAY = 86_400


def openssl(*words: str, stdin: str = "") -> tuple[int, str]:
    """Exit code and standard output of openssl; 127 where it is not installed yet."""
    if not shutil.which("openssl"):
        return 127, ""
    done = subprocess.run(["openssl", *words], input=stdin, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def keep(path: Path, text: str, owner: str, mode: int) -> None:
    """Write a file whole or not at all, never readable to more than it shall be."""
    part = path.with_name(f".{path.name}")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(text)
    shutil.chown(part, "root", owner)
    part.chmod(mode)
    part.replace(path)


def lacking(folder: Path, code: str, host: str, authority: str, renew_days: int) -> str:
    """Why a certificate is needed, or nothing."""
    certificate = folder / "box.crt"
    if not certificate.exists():
        return "there is none"
    if openssl("x509", "-in", str(certificate), "-noout", "-checkend", str(renew_days * DAY))[0]:
        return f"it ends within {renew_days} days"
    if public(certificate) != openssl("pkey", "-in", str(folder / "box.key"), "-pubout")[1]:
        return "it belongs to another key"
    if subject(certificate) != f"CN={code}":
        return "it is another school's"
    # It says so in words; not every version's exit code tells.
    if " does match " not in openssl("x509", "-in", str(certificate), "-noout", "-checkhost", host)[1]:
        return f"it is not for {host}"
    with tempfile.NamedTemporaryFile("w") as trusted:
        trusted.write(authority)
        trusted.flush()
        failed, _ = openssl("verify", "-purpose", "sslclient", "-CAfile", trusted.name, str(certificate))
    return "another authority signed it" if failed else ""


def public(certificate: Path) -> str:
    """The certificate's public key."""
    return openssl("x509", "-in", str(certificate), "-noout", "-pubkey")[1]


def subject(certificate: Path) -> str:
    """Whose certificate it is."""
    words = ("-noout", "-subject", "-nameopt", "RFC2253")
    return openssl("x509", "-in", str(certificate), *words)[1].strip().removeprefix("subject=")


def request(folder: Path, code: str, owner: str) -> str:
    """A certificate request for the box's key, which is made if there is none."""
    key = folder / "box.key"
    if not key.exists():
        keep(key, openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")[1], owner, 0o640)
    return openssl("req", "-new", "-key", str(key), "-subj", f"/CN={code}")[1]


def install(folder: Path, text: str, owner: str) -> str:
    """Put the certificate in place; why not, or nothing."""
    if not text.strip():
        return "nothing was signed"
    candidate = folder / ".box.crt"
    candidate.write_text(text)
    fits = public(candidate) == openssl("pkey", "-in", str(folder / "box.key"), "-pubout")[1]
    candidate.unlink()
    if not fits:
        return "the certificate that came back belongs to another key"
    keep(folder / "box.crt", text, owner, 0o644)
    return ""


def main() -> None:
    """The module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "code": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "authority": {"type": "str", "required": True},
            "renew_days": {"type": "int", "default": 60},
            "owner": {"type": "str", "required": True},
            "certificate": {"type": "str"},
        },
        supports_check_mode=True,
    )
    folder, owner, code = Path(module.params["folder"]), module.params["owner"], module.params["code"]
    os.umask(0o077)
    wanted = (module.params[name] for name in ("host", "authority", "renew_days"))
    reason = lacking(folder, code, *wanted)
    signed, csr = module.params["certificate"], ""
    if reason and not module.check_mode:
        if signed is None:
            csr = request(folder, code, owner)
        elif wrong := install(folder, signed, owner):
            module.fail_json(msg=wrong)
    # Asking changes nothing that counts: a key without a certificate is no identity yet.
    module.exit_json(changed=bool(reason) and signed is not None, reason=reason, csr=csr)


if __name__ == "__main__":
    main()
