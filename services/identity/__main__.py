"""What runs in the cluster: ``python3 -m services.identity DESIRED.json`` brings the realm to what the file says.

`IDENTITY_URL` says where Keycloak answers; the folder `IDENTITY_ADMIN` holds the administrator's `client` and `secret`, and `before` where
the secret was changed: then an old one opens the door for the last time, and is replaced first of all. There are several, one a line, where
it was changed again before anybody knew that the change had come here.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from services.identity.admin import Admin, SignInError
from services.identity.realm import apply


def main(path: str) -> None:
    """Apply, saying what was changed. Raises for what Keycloak refuses, with its words."""
    folder = Path(os.environ["IDENTITY_ADMIN"])
    client, secret = ((folder / name).read_text(encoding="utf-8") for name in ("client", "secret"))
    former = (folder / "before").read_text(encoding="utf-8").split("\n") if (folder / "before").exists() else []
    secrets = [secret, *former]
    desired = json.loads(Path(path).read_text(encoding="utf-8"))
    with Admin(os.environ["IDENTITY_URL"]) as admin:
        admin.wait()
        for index, secret in enumerate(secrets):
            try:
                admin.sign_in(client, secret)
            except SignInError:
                if index == len(secrets) - 1:
                    raise
                continue
            if index:
                admin.renew_own_secret(client, secrets[0])
                print("administrator: secret replaced", flush=True)
            break
        for line in apply(admin, desired):
            print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
