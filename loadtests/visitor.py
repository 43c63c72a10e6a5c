"""The portal user: opens the page as a browser does, signs in, sees the list; or, in a break, looks up the next lesson."""

from __future__ import annotations

import json
from typing import ClassVar, Final

from derive.session_token import COOKIE
from derive.traffic import Kind
from loadtests.page import parts
from loadtests.person import Person
from loadtests.schedule import Arrival

PAGE: Final = "/"
SIGN_IN: Final = "/access/sign-in"
"""Where a minted session's token is put into the browser's cookie: a load test signs nobody in through Keycloak."""
SESSION: Final = "/access/session"
"""Who is there: the portal asks it on every visit."""
POSTERS: Final = 6
"""Posters on the first screen of the list; the others are loaded when they come into view."""


def no_page(body: bytes) -> str:
    """What is wrong with a page."""
    return "" if b"<html" in body else "not a page"


def no_list(body: bytes) -> str:
    """What is wrong with the list of lessons."""
    try:
        rows = json.loads(body)["lessons"]
    except (ValueError, TypeError, KeyError):
        return "not a list of lessons"
    return "" if rows else "the list of lessons is empty"


def no_session(body: bytes) -> str:
    """What is wrong with the answer to who is there."""
    return "" if b'"signed_in"' in body else "not an answer to who is there"


class MissingError(Exception):
    """Something did not come; the request that failed is on record already."""


class Visitor(Person):
    """Signs in or looks something up."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.SIGN_IN, Kind.LOOK_UP})
    there = False
    """Whether the list has come, or is known not to."""

    def visit(self, person: Arrival, since: float) -> None:
        """The page with its parts, the sign-in, who is there, the list; and then the posters."""
        body = b""
        try:
            body = self._enter(person, since)
        except MissingError as missing:
            problem = str(missing)
        else:
            problem = ""
        self.there = True
        self.journey(person.kind, since, problem)
        if body and person.kind is Kind.SIGN_IN:
            for path in posters(body, self.part.order.list_path):
                self.fetch(path, "poster", self.now())

    def _enter(self, person: Arrival, since: float) -> bytes:
        """The list of lessons, and everything that comes before it. Whoever only looks something up has the parts and is signed in."""
        page = self._have(self.fetch(PAGE, "page", since, check=no_page), "page")
        if person.kind is Kind.SIGN_IN:
            for path in parts(page.decode(errors="replace")):
                self._have(self.fetch(path, "page part", self.now()), "part of the page")
            if self.token:
                self._have(self.fetch(SIGN_IN, "sign-in", self.now(), method="POST", bearer=self.token), "sign-in")
        elif self.token:
            self.cookies[COOKIE] = self.token
        self._have(self.fetch(SESSION, "session", self.now(), check=no_session), "session")
        return self._have(self.fetch(self.part.order.list_path, "list", self.now(), check=no_list), "list")

    @staticmethod
    def _have(body: bytes | None, what: str) -> bytes:
        if body is None:
            raise MissingError(f"no {what}")
        return body

    def left_waiting(self, person: Arrival, since: float) -> None:
        """Whoever still waits for the list when the run ends has waited in vain."""
        if not self.there:
            self.journey(person.kind, since, "not answered")


def posters(body: bytes, list_path: str) -> list[str]:
    """Paths of the posters on the first screen of the list."""
    folder = list_path.rpartition("/")[0]
    rows = json.loads(body)["lessons"][:POSTERS]
    return [f"{folder}/{row['poster']}" for row in rows if row.get("poster")]
