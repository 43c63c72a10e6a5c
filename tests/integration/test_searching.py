"""The search by which the privacy proof stands: it finds a word however it is spelt, and nothing else."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from tests.integration.searching import Search


def test_every_spelling_of_a_word_is_found_and_nothing_else(tmp_path: Path) -> None:
    search = Search({"a": "a secret/of+mine", "b": "张小明的名字"}, tmp_path)
    for before in range(4):
        for word, name in (("a secret/of+mine", "a"), ("张小明的名字", "b")):
            inner = b"x" * before + word.encode() + b"tail"
            for content in (inner, base64.b64encode(inner), base64.urlsafe_b64encode(inner), json.dumps(word).encode()):
                assert search.found(b"before " + content + b" after") == {name}, (before, content)
    assert search.found(b"a secret/of+min and more") == set()
    leaked: dict[str, Any] = {"deep": [{"er": "a secret/of+mine"}]}
    assert search.found(json.dumps(leaked).encode()) == {"a"}
