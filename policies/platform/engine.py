"""The rules as the engine's policies.

The engine tells a pack nothing of the stack's config, so the city comes in the pack's own configuration (`huiju up` gives it); without one
a namespace's own label says of which city of the kit it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from pulumi_policy import (
    Policy,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

import catalog
from catalog import names
from policies.platform.planned import Planned
from policies.platform.rules import RULES, Facts, Rule

CITY: Final = "city"
"""Key of every policy's configuration: the city, as `catalog.find` takes it."""
SCHEMA: Final = PolicyConfigSchema(properties={CITY: {"type": "string"}})


def policies() -> list[Policy]:
    """A policy per rule."""
    return [
        ResourceValidationPolicy(rule.name, rule.description, _validation(rule), config_schema=SCHEMA) for rule in RULES
    ]


def _validation(rule: Rule) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        resource = Planned(args.resource_type, args.name, plain(args.props))
        city = args.get_config().get(CITY) or resource.labels.get(names.LABEL_CITY)
        for sentence in rule.check(resource, facts(city)):
            report(f"{args.name} {sentence}", None)

    return validate


@cache
def facts(city: str | None) -> Facts:
    """Facts of the city; of none there are none, so nothing is funded. Raises `CatalogError` for one that is not there or unsound."""
    return Facts.of(catalog.load_named(city)) if city else Facts("no city", ())


def plain(value: Any) -> Any:  # noqa: ANN401  # any JSON
    """Ordinary dictionaries and lists; None where the engine does not know a value before the update, which then is judged again."""
    if isinstance(value, Mapping):
        return {str(key): _known(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_known(value, at) for at in range(len(value))]
    return value


def _known(owner: Any, key: Any) -> Any:  # noqa: ANN401  # any JSON
    try:
        return plain(owner[key])
    except UnknownValueError:
        return None
