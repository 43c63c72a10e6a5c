"""Looking for words in much: every spelling in which a secret could leak, by `grep -F`, which reads a hundred megabytes a second for any
number of them."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

LEAST = 8
"""Bytes of a spelling; a shorter one would be found by chance."""


def spellings(word: str) -> set[bytes]:
    """The word as it is, escaped as in JSON and in addresses, and in base64 wherever it begins in what was encoded."""
    plain = word.encode()
    found = {
        plain,
        json.dumps(word)[1:-1].encode(),
        quote(word, safe="").encode(),
        quote(word, safe="").lower().encode(),
    }
    for before in range(3):
        # What stands before and after changes the characters at both ends: those are left out.
        whole = base64.b64encode(b"\0" * before + plain + b"\0\0\0")
        first = -(-before * 4 // 3)
        found |= {
            whole[first : (before + len(plain)) * 4 // 3],
            whole[first : (before + len(plain)) * 4 // 3].translate(_URL),
        }
    return {each for each in found if len(each) >= LEAST}


_URL = bytes.maketrans(b"+/", b"-_")


class Search:
    """Words by name, and where they were found."""

    def __init__(self, words: Mapping[str, str], folder: Path) -> None:
        self.names = {spelling: name for name, word in words.items() for spelling in spellings(word)}
        self.patterns = b"".join(each + b"\n" for each in sorted(self.names))
        # A file and not arguments, which every user of a machine reads.
        self._file = folder / "patterns"
        self._file.touch(mode=0o600)
        self._file.write_bytes(self.patterns)

    def found(self, content: bytes) -> set[str]:
        """Names of the words that are in it."""
        command = ["grep", "-a", "-o", "-F", "-f", str(self._file)]
        done = subprocess.run(command, input=content, capture_output=True, check=False, env={"LC_ALL": "C"})
        assert done.returncode in {0, 1}, done.stderr.decode()
        return self.named(done.stdout.splitlines())

    def named(self, matches: Iterable[bytes]) -> set[str]:
        """Names of the words that grep printed."""
        return {self.names[each] for each in matches if each in self.names}
