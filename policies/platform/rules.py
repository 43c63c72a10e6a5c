"""The rules of the policy pack: each looks at one planned resource and says, in a sentence that says what to do, what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

from catalog import City, names
from catalog.wording import did_you_mean
from policies.platform import exceptions
from policies.platform.planned import Body, Planned, images, pods
from policies.platform.restricted import ENFORCE, LEVEL, broken

DIGEST: Final = re.compile(r".+@sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Facts:
    """What of the catalog the rules need."""

    city: str
    funding: Collection[str]

    @classmethod
    def of(cls, city: City) -> Facts:
        """The facts of ``city``."""
        return cls(city.id, tuple(source.id for source in city.funding_sources))


@dataclass(frozen=True)
class Rule:
    """One rule; ``check`` yields a sentence for each breach."""

    name: str
    description: str
    check: Callable[[Planned, Facts], Iterator[str]]


def funded(resource: Planned, facts: Facts) -> Iterator[str]:
    """Every namespace is paid for by a budget line or gift that the catalog knows."""
    if resource.kind != "Namespace":
        return
    line = resource.labels.get(names.LABEL_FUNDING)
    if not line:
        yield f"has no label {names.LABEL_FUNDING}: name in it the funding source that pays, as the service in the catalog does"
    elif line not in facts.funding:
        hint = did_you_mean(str(line), facts.funding)
        yield f"is paid for by {line!r}, which is none of the funding sources of {facts.city}{hint}; add it to the catalog or name another"


def restricted(resource: Planned, _: Facts) -> Iterator[str]:
    """Namespaces enforce Pod Security `restricted`, and no pod would be turned away by it."""
    level = exceptions.level(resource, LEVEL)
    if resource.kind == "Namespace" and resource.labels.get(ENFORCE) != level:
        yield f"must carry the label {ENFORCE}: {level}"
    for pod in pods(resource):
        judged = exceptions.without_node_folder(resource, pod)
        yield from (f"is not `{LEVEL}`: see to it that {breach}" for breach in broken(judged))


def pinned(resource: Planned, _: Facts) -> Iterator[str]:
    """Every image is named by its digest: a tag can be moved to something that nobody looked at."""
    for where, image in images(resource):
        shown = _shown(image)
        if shown and not DIGEST.fullmatch(shown):
            yield f"names the image {shown!r} at {where} by something that can change: write NAME@sha256:DIGEST"


def _shown(image: Body | str) -> str:
    """An image as one text, empty where none is named; a chart may give repository, tag and digest apart."""
    if isinstance(image, str):
        return image
    if not image["repository"]:
        return ""
    digest = image.get("digest")
    return f"{image['repository']}@{digest}" if digest else f"{image['repository']}:{image['tag']}"


RULES: Final = (
    Rule("funding-line-present", "Every namespace names a funding source of the catalog.", funded),
    Rule(
        "pod-security-restricted",
        "Every namespace enforces Pod Security restricted, and every pod fits it.",
        restricted,
    ),
    Rule("no-mutable-image-tag", "Every image is named by its digest.", pinned),
)


def breaches(resource: Planned, facts: Facts) -> Iterator[tuple[Rule, str]]:
    """Every rule that the resource breaks, with its sentence."""
    for rule in RULES:
        yield from ((rule, sentence) for sentence in rule.check(resource, facts))
