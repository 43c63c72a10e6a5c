"""Subjects under which lessons are published, by which agreements can be narrower than a whole school's library."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.types import Fact, Names, SubjectId


class Subject(Fact):
    """A subject that is taught."""

    id: SubjectId
    """Short id."""
    name: Names
    """Its name. Lessons are published under it in either language."""

    @property
    def words(self) -> tuple[str, ...]:
        """What a lesson's record may call it."""
        return spellings(self.id, self.name.model_dump())


def spellings(subject: str, name: Mapping[str, str]) -> tuple[str, ...]:
    """The words for a subject with this id and these names, each as `spelled` gives it."""
    return tuple(dict.fromkeys(spelled(each) for each in (subject, *name.values())))


def spelled(text: str) -> str:
    """A subject's word without what people write differently: blanks around it and capitals."""
    return text.strip().casefold()
