"""The reader's language, and the few words that no panel owns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True)
class Text:
    """A title or a sentence, in both languages."""

    zh: str
    en: str


class Spoken(Protocol):
    """A text of ours, or a name of the catalog."""

    @property
    def zh(self) -> str:
        """In Chinese."""

    @property
    def en(self) -> str:
        """In English."""


UNKNOWN = Text(zh="未知", en="unknown")
"""Stands wherever a value is not there: never a blank, never a zero."""


def say(text: Spoken, tongue: Language) -> str:
    """``text`` in this language."""
    return text.zh if tongue == "zh" else text.en


def both(text: Spoken) -> dict[str, str]:
    """``text`` as JSON has it."""
    return {"zh": text.zh, "en": text.en}
