"""The policy pack before and during every run: what breaks a rule is refused before anything is made.

The engine asks the pack about each resource in the moment in which it makes it; resources that are ready earlier are made by then
(docs/decisions/0083). So the plan as a whole is judged first, by the same rules, and the engine judges what it is really given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from catalog import City, load_named
from catalog.errors import UserError
from infra import config
from infra.plan.platform import plan
from infra.plan.resource import Resource
from local import paths
from ops.stack import configuration
from policies.platform.planned import Planned
from policies.platform.rules import RULES, Facts, breaches

PACK = paths.ROOT / "policies" / "platform"


def refuse(stack: str) -> None:
    """Raise `UserError` with every rule that the stack's plan breaks. A stack whose secrets only the engine opens is left to the engine."""
    document = configuration.document(stack)
    if "encryptionsalt" not in document:
        return
    found = {**configuration.settings(stack), **configuration.read_secrets(stack)}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items()}
    settings = config.read({f"{config.NAMESPACE}:{key}": text for key, text in texts.items()}, stack)
    city = load_named(settings.city)
    judge(city, plan(city, settings).resources)


def judge(city: City, resources: Iterable[Resource]) -> None:
    """Raise `UserError` with every rule that these resources of ``city`` break, in the rules' words."""
    facts = Facts.of(city)
    said = [
        f"{each.logical_name} {sentence} ({rule.name})"
        for each in resources
        for rule, sentence in breaches(Planned(each.token, each.logical_name, each.props), facts)
    ]
    if said:
        raise UserError(
            "nothing was changed, since the plan breaks rules of policies/platform:\n  " + "\n  ".join(said)
        )


def options(stack: str, folder: Path) -> list[str]:
    """Words that make the engine ask the pack, whose configuration is put into ``folder``."""
    settings: Mapping[str, object] = configuration.settings(stack)
    city = settings.get("city") or config.StackSettings.model_fields["city"].default
    file = folder / "policy-pack.json"
    # Per policy: what stands under `all` is not handed to it.
    file.write_text(json.dumps({rule.name: {"city": city} for rule in RULES}))
    return ["--policy-pack", str(PACK), "--policy-pack-config", str(file)]
