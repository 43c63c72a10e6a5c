"""What somebody is in a school's register, in the words of OneRoster 1.2; the tiers say what follows from it."""

from __future__ import annotations

from enum import StrEnum


class RosterRole(StrEnum):
    """What somebody is at a school, in the standard's words (https://www.imsglobal.org/spec/oneroster/v1p2); not an access tier."""

    STUDENT = "student"
    TEACHER = "teacher"
    PARENT = "parent"
    GUARDIAN = "guardian"
    RELATIVE = "relative"
    AIDE = "aide"
    COUNSELOR = "counselor"
    PRINCIPAL = "principal"
    PROCTOR = "proctor"
    SITE_ADMINISTRATOR = "siteAdministrator"
    DISTRICT_ADMINISTRATOR = "districtAdministrator"
    SYSTEM_ADMINISTRATOR = "systemAdministrator"
