"""The pack's entry. `PolicyPack` never returns, so nothing else may stand here: the rules are in modules beside it."""

from pulumi_policy import EnforcementLevel, PolicyPack

from policies.platform.engine import policies

PolicyPack(name="huiju", enforcement_level=EnforcementLevel.MANDATORY, policies=policies())
