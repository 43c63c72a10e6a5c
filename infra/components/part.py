"""How a part of the plan becomes resources: one class for every kind, without `pulumi_kubernetes` (docs/decisions/0050)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from catalog import names
from infra.plan.resource import HELM_RELEASE, TIMEOUT, Resource, ordered

PROVIDER_VERSION = "4.25.0"


class Part(pulumi.ComponentResource):
    """A component whose children are the resources of one part of the plan, created in their order."""

    def __init__(
        self,
        token: str,
        name: str,
        resources: Sequence[Resource],
        *,
        protect: bool,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        super().__init__(token, name, None, opts)
        self.children: dict[str, pulumi.CustomResource] = {}
        before: list[pulumi.Resource] = []
        for group in ordered(resources):
            made = [_register(each, self, before, keep=protect and each.keeps_data) for each in group]
            self.children |= {each.logical_name: child for each, child in zip(group, made, strict=True)}
            before = list(made)


def _register(
    each: Resource, parent: pulumi.Resource, before: list[pulumi.Resource], *, keep: bool
) -> pulumi.CustomResource:
    options = pulumi.ResourceOptions(
        parent=parent,
        depends_on=before,
        version=PROVIDER_VERSION,
        aliases=[pulumi.Alias(name=name) for name in each.aliases],
        protect=keep,
        retain_on_delete=keep,
        # Names are fixed: creating the new object first would write over the old one, and deleting the old would delete both.
        delete_before_replace=True,
        additional_secret_outputs=["data", "stringData"] if each.secret else None,
        custom_timeouts=pulumi.CustomTimeouts(create=TIMEOUT, update=TIMEOUT, delete=TIMEOUT),
    )
    return pulumi.CustomResource(each.token, each.logical_name, _inputs(each), options)


def _inputs(each: Resource) -> dict[str, Any]:
    """The manifest as inputs: secrets marked, files as assets, one writer's name on every object.

    With one fixed server-side-apply manager, creating over an object that a killed run left unrecorded is the same as updating
    it (docs/decisions/0061); the provider's own default is a new random name per object.
    """
    props = dict(each.props)
    if each.token != HELM_RELEASE:
        metadata = props["metadata"]
        annotations = {
            **metadata.get("annotations", {}),
            names.ANNOTATION_FIELD_MANAGER: names.field_manager(pulumi.get_stack()),
        }
        props["metadata"] = {**metadata, "annotations": annotations}
    for key in ("data", "stringData"):
        if each.secret and key in props:
            props[key] = pulumi.Output.secret(props[key])
    if each.token == HELM_RELEASE and "valueYamlFiles" in props:
        props["valueYamlFiles"] = [pulumi.FileAsset(path) for path in props["valueYamlFiles"]]
    return props


def provider(kubeconfig: str | None, context: str | None, identity: str) -> pulumi.ProviderResource:
    """The cluster. Its identity is the stack's: a moved kubeconfig file is the same cluster and replaces nothing."""
    props = {"kubeconfig": kubeconfig, "context": context, "clusterIdentifier": identity}
    # Changed in place; as immutable, each change would delete them first under the feet of running pods.
    mutable = {"enableConfigMapMutable": "true", "enableSecretMutable": "true"}
    given = {key: value for key, value in props.items() if value}
    options = pulumi.ResourceOptions(version=PROVIDER_VERSION)
    return pulumi.ProviderResource("kubernetes", "cluster", {**given, **mutable}, options)
