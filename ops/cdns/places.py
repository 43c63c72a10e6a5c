"""Whether the edge and the gateway of each district with a zone run there: pods and nodes as the cluster has them, judged pod by pod."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog import City, names
from derive import cache_tree
from derive.cache_tree import CacheLevel
from infra.plan import district_gateways, zones
from ops.lessons.place import Place

EDGE, GATEWAY = str(CacheLevel.EDGE), names.GATEWAY
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Pod:
    """One pod of a district's edge or gateway; without a name, that there is none."""

    district: str
    what: str
    """``EDGE`` or ``GATEWAY``."""
    name: str
    node: str
    """Empty while it has none."""
    zone: str
    """Of its node; empty where the node names none."""
    wanted: str
    """The district's zone in the catalog."""

    @property
    def there(self) -> bool:
        """Whether it runs where the link budget supposes it."""
        return bool(self.node) and self.zone == self.wanted

    @property
    def sentence(self) -> str:
        """Where it is, and what to do where that is elsewhere."""
        who = f"{self.district}: {self.what}"
        if not self.name:
            return f"{who}: no pod; set districtGateways in huiju:overrides, then `huiju up` or `pulumi up`"
        if not self.node:
            return f"{who} {self.name}: waits for a node; has one with {zones.ZONE}={self.wanted} room for it?"
        if self.there:
            return f"{who} {self.name}: on {self.node}, in zone {self.zone}"
        return (
            f"{who} {self.name}: on {self.node}, whose zone is {self.zone or 'not named'} and not {self.wanted}: "
            "label a node of the district, then set edgesOnlyInZone in huiju:overrides"
        )


def of(where: Place, city: City) -> list[Pod]:
    """Every pod of the edges and gateways of districts with a zone, in the catalog's order."""
    return judged(city, *(json.loads(where.kubectl(*words))["items"] for words in _asked()))


def _asked() -> Iterator[tuple[str, ...]]:
    edges = f"app.kubernetes.io/name={names.DISTRICT_EDGE},app.kubernetes.io/managed-by={names.MANAGED_BY}"
    yield ("get", "nodes", "-o", "json")
    yield ("get", "pods", "-A", "-l", edges, "-o", "json")
    yield ("get", "pods", "-n", names.namespace(names.GATEWAY), "-l", district_gateways.OWNER, "-o", "json")


def judged(city: City, nodes: Sequence[Object], edges: Sequence[Object], gateways: Sequence[Object]) -> list[Pod]:
    """The pods of ``edges`` and ``gateways`` by district, on ``nodes``; objects as the API has them."""
    zone_of = {each["metadata"]["name"]: each["metadata"].get("labels", {}).get(zones.ZONE, "") for each in nodes}
    found = [
        *_pods(city, EDGE, edges, zone_of, lambda meta: meta["namespace"]),
        *_pods(city, GATEWAY, gateways, zone_of, lambda meta: meta["labels"][district_gateways.OWNER]),
    ]
    order = [each.id for each in city.districts]
    return sorted(found, key=lambda pod: (order.index(pod.district), pod.what, pod.name))


def _pods(
    city: City, what: str, pods: Sequence[Object], zone_of: Mapping[str, str], space: Callable[[Object], str]
) -> Iterator[Pod]:
    for district in map(city.district, cache_tree.edges_in_zone(city)):
        mine = [each for each in pods if space(each["metadata"]) == names.edge_namespace(district.id)]
        wanted = str(district.zone)
        if not mine:
            yield Pod(district.id, what, "", "", "", wanted)
        for each in mine:
            node = str(each["spec"].get("nodeName", ""))
            yield Pod(district.id, what, str(each["metadata"]["name"]), node, zone_of.get(node, ""), wanted)
