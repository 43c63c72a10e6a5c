"""What a school's box does with lessons: ``serve SETTINGS`` as a service, ``apply FOLDER`` for a stick. Standard library only."""

from __future__ import annotations

import sys

from keeper import service, stick  # type: ignore[import-not-found]  # beside this file, wherever that is on the box

if __name__ == "__main__":
    VERBS = {"serve": service.main, "apply": stick.main}
    if len(sys.argv) < 3 or sys.argv[1] not in VERBS:  # noqa: PLR2004
        sys.exit("usage: huiju-parcel apply FOLDER")
    sys.exit(VERBS[sys.argv[1]](sys.argv[2:]))
