"""Which epochs of the signing keys count: the one that signs, and beside it one that is only accepted, while tokens pass from old to new.

Three steps replace a key without ending anything. The new key is *published*: everybody who verifies accepts it, and the old one still
signs. Then it *signs*, and the old one is still accepted until the last of its tokens has ended. Then the old one is *dropped*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from derive import keys

_FORM = re.compile(r"[1-9][0-9]{0,3}(,[1-9][0-9]{0,3})?")


class Step(StrEnum):
    """One of the three, in their order."""

    PUBLISH = "publish"
    SIGN = "sign"
    DROP = "drop"


@dataclass(frozen=True)
class Ring:
    """As it is written: ``1``; ``1,2`` (2 is published); ``2,1`` (2 signs); ``2``."""

    signs: int = 1
    beside: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The ring that ``text`` writes. Raises ValueError for what is none."""
        if not _FORM.fullmatch(text):
            raise ValueError(
                f"{text!r} is no list of epochs: the one that signs and, beside it, one that is accepted, as in 1,2"
            )
        signs, *others = (int(part) for part in text.split(","))
        if others and abs(others[0] - signs) != 1:
            raise ValueError(f"{text!r}: two epochs beside each other follow one on the other, as in 1,2")
        return cls(signs, others[0] if others else None)

    def __str__(self) -> str:
        """What `parse` reads."""
        return ",".join(str(each) for each in (self.signs, self.beside) if each)

    @property
    def accepted(self) -> tuple[int, ...]:
        """Every epoch whose tokens count, the newest first whoever signs: what verifiers are given does not change when the signer does."""
        return tuple(sorted((each for each in (self.signs, self.beside) if each), reverse=True))

    @property
    def due(self) -> Step:
        """The step that comes next."""
        if self.beside is None:
            return Step.PUBLISH
        return Step.SIGN if self.beside > self.signs else Step.DROP

    def after(self) -> Ring:
        """The ring after that step."""
        if self.beside is None:
            return Ring(self.signs, self.signs + 1)
        return Ring(self.beside, self.signs) if self.beside > self.signs else Ring(self.signs)

    def public_keys(self, seed: str, purpose: str) -> list[dict[str, str]]:
        """What verifiers of ``purpose`` accept, as JSON Web Keys, the newest first."""
        return [keys.public_jwk(seed, purpose, epoch) for epoch in self.accepted]

    def key_id(self, purpose: str) -> str:
        """``kid`` of the key that signs."""
        return keys.key_id(purpose, self.signs)
