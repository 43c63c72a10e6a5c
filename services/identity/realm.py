"""From the realm as it is to the realm as it should be, part by part; yields a line for each, and changes nothing that is right.

What the catalog does not name stays: accounts, Keycloak's own clients and roles, flows of before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.identity.admin import Admin

Body = dict[str, Any]
RIGHT = "as it should be"
_CONDITION, _CODE = "conditional-user-role", "auth-otp-form"
"""Keycloak's names of "does somebody have this role" and of the form that asks for a one-time code."""


def apply(admin: Admin, desired: Mapping[str, Any]) -> Iterator[str]:
    """Bring it about. Raises `RefusedError`."""
    name = desired["realm"]["realm"]
    top = f"/admin/realms/{name}"
    made = admin.get(top) is None
    if made:
        admin.post("/admin/realms", {"realm": name, "enabled": False})
    yield f"sign-in flow: {_flow(admin, top, desired['flow'])}"
    yield f"attributes: {_replaced(admin, f'{top}/users/profile', desired['profile'])}"
    yield from (f"role {each['name']}: {_role(admin, top, each)}" for each in desired["roles"])
    yield from (f"client {each['clientId']}: {_client(admin, top, each)}" for each in desired["clients"])
    yield from (f"client {each}: {_off(admin, top, each)}" for each in desired["off"])
    for client, rights in desired["service_rights"].items():
        yield f"rights of {client}: {_rights(admin, top, client, rights)}"
    yield from _providers(admin, top, desired["providers"], desired["mappers"])
    # Last, since it switches the realm on and names the flow.
    yield f"realm: {'made' if made else ''}{', ' if made else ''}{_replaced(admin, top, desired['realm'])}"


def _holds(there: Any, wanted: Any) -> bool:  # noqa: ANN401  # any JSON
    """Whether everything that is wanted is there; Keycloak adds keys of its own, and orders lists as it likes."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(_holds(there.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(there, list)
            and len(there) == len(wanted)
            and all(any(_holds(one, each) for one in there) for each in wanted)
        )
    return bool(there == wanted)


def _replaced(admin: Admin, path: str, wanted: Body) -> str:
    there = admin.get(path)
    if _holds(there, wanted):
        return RIGHT
    admin.put(path, {**there, **wanted})
    return "changed"


def _flow(admin: Admin, top: str, wanted: Mapping[str, Any]) -> str:
    """Keycloak's own flow for browsers, with one thing changed: who is asked for a code is decided by a role, not by whoever set one up."""
    alias = wanted["alias"]
    if any(flow["alias"] == alias for flow in admin.get(f"{top}/authentication/flows")):
        return RIGHT
    # Made under another name and renamed at the end: a flow that was cut off half-way never counts as made.
    draft = f"{alias}-draft"
    for flow in admin.get(f"{top}/authentication/flows"):
        if flow["alias"] == draft:
            admin.delete(f"{top}/authentication/flows/{flow['id']}")
    admin.post(f"{top}/authentication/flows/browser/copy", {"newName": draft})
    executions = f"{top}/authentication/flows/{draft}/executions"
    code = _by_role(admin, top, executions, wanted["role"])
    admin.put(executions, {**code, "requirement": "REQUIRED"})
    stated = {"default.reference.value": wanted["reference"], "default.reference.maxAge": str(wanted["seconds"])}
    admin.post(f"{top}/authentication/executions/{code['id']}/config", {"alias": wanted["reference"], "config": stated})
    (flow,) = (flow for flow in admin.get(f"{top}/authentication/flows") if flow["alias"] == draft)
    admin.put(f"{top}/authentication/flows/{flow['id']}", {**flow, "alias": alias})
    return "made"


def _by_role(admin: Admin, top: str, executions: str, role: str) -> Body:
    """Put the condition in place of those that are there; the execution that asks for the code."""
    rows = admin.get(executions)
    place = next(index for index, row in enumerate(rows) if row.get("providerId") == _CODE)
    level = rows[place]["level"]
    start = max(index for index in range(place) if rows[index]["level"] < level)
    above = rows[start]
    end = next((index for index in range(start + 1, len(rows)) if rows[index]["level"] < level), len(rows))
    for row in rows[start + 1 : end]:
        if row.get("providerId") != _CODE:
            admin.delete(f"{top}/authentication/executions/{row['id']}")
    added = admin.post(
        f"{top}/authentication/flows/{_quoted(above['displayName'])}/executions/execution", {"provider": _CONDITION}
    )
    config = {"alias": role, "config": {"condUserRole": role, "negate": "false"}}
    admin.post(f"{top}/authentication/executions/{added}/config", config)
    rows = admin.get(executions)
    (condition,) = (row for row in rows if row["id"] == added)
    admin.put(executions, {**condition, "requirement": "REQUIRED"})
    return next(row for row in rows if row.get("providerId") == _CODE)


def _quoted(alias: str) -> str:
    return alias.replace(" ", "%20")


def _role(admin: Admin, top: str, wanted: Mapping[str, Any]) -> str:
    path, body = f"{top}/roles/{wanted['name']}", {"name": wanted["name"], "description": wanted["description"]}
    there, done = admin.get(path), []
    if there is None:
        admin.post(f"{top}/roles", body)
        done.append("made")
    elif not _holds(there, body):
        admin.put(path, {**there, **body})
        done.append("changed")
    contained = [admin.get(f"{top}/roles/{each}") for each in wanted["contains"]]
    done += _held(admin, f"{path}/composites", contained)
    return ", ".join(done) or RIGHT


def _held(admin: Admin, path: str, wanted: list[Body]) -> Iterator[str]:
    """Let the list of roles at ``path`` be those that are wanted; a line for each change."""
    there = {role["name"]: role for role in admin.get(path) or []}
    names = {role["name"] for role in wanted}
    missing = [role for role in wanted if role["name"] not in there]
    over = [role for name, role in there.items() if name not in names]
    if missing:
        admin.post(path, missing)
        yield "given " + ", ".join(role["name"] for role in missing)
    if over:
        admin.delete(path, over)
        yield "taken " + ", ".join(role["name"] for role in over)


def _client(admin: Admin, top: str, wanted: Body) -> str:
    found = admin.get(f"{top}/clients", clientId=wanted["clientId"])
    if not found:
        admin.post(f"{top}/clients", wanted)
        return "made"
    (there,) = found
    path = f"{top}/clients/{there['id']}"
    there = {**there, "secret": admin.get(f"{path}/client-secret").get("value")}
    if _holds(there, wanted):
        return RIGHT
    # Mappers are things of their own, with ids: by name they are replaced, without one they would be added again.
    ids = {each["name"]: each["id"] for each in there.get("protocolMappers", [])}
    mappers = [
        {**each, **({"id": ids[each["name"]]} if each["name"] in ids else {})}
        for each in wanted.get("protocolMappers", [])
    ]
    admin.put(path, {**there, **wanted, "protocolMappers": mappers})
    return "changed"


def _off(admin: Admin, top: str, client_id: str) -> str:
    """Switch off a client of Keycloak's own; nobody signs in by it any more."""
    for there in admin.get(f"{top}/clients", clientId=client_id):
        if there["enabled"]:
            admin.put(f"{top}/clients/{there['id']}", {**there, "enabled": False})
            return "switched off"
    return RIGHT


def _rights(admin: Admin, top: str, client_id: str, wanted: list[str]) -> str:
    """Roles of the client that administers the realm, for the account of another client."""
    (client,) = admin.get(f"{top}/clients", clientId=client_id)
    (management,) = admin.get(f"{top}/clients", clientId="realm-management")
    account = admin.get(f"{top}/clients/{client['id']}/service-account-user")
    rights = [admin.get(f"{top}/clients/{management['id']}/roles/{name}") for name in wanted]
    # What the account may do, and what of it the client's token states: the Admin API goes by the token.
    held = (f"users/{account['id']}/role-mappings", f"clients/{client['id']}/scope-mappings")
    done = [line for each in held for line in _held(admin, f"{top}/{each}/clients/{management['id']}", rights)]
    return ", ".join(done) or RIGHT


def _providers(admin: Admin, top: str, wanted: list[Body], mappers: list[Body]) -> Iterator[str]:
    """Providers that the stack does not name any more are taken away: nobody comes in by them."""
    instances = f"{top}/identity-provider/instances"
    there = {each["alias"]: each for each in admin.get(instances)}
    for alias in sorted(there.keys() - {each["alias"] for each in wanted}):
        admin.delete(f"{instances}/{alias}")
        yield f"provider {alias}: taken away"
    for each in wanted:
        alias = each["alias"]
        if alias in there:
            # Keycloak never shows the secret again, so whether it is the same cannot be seen.
            admin.put(f"{instances}/{alias}", {**there[alias], **each})
        else:
            admin.post(instances, each)
        _mappers(
            admin, f"{instances}/{alias}/mappers", [one for one in mappers if one["identityProviderAlias"] == alias]
        )
        yield f"provider {alias}: {'set' if alias in there else 'made'}"


def _mappers(admin: Admin, path: str, wanted: list[Body]) -> None:
    there = {each["name"]: each for each in admin.get(path)}
    for name in there.keys() - {each["name"] for each in wanted}:
        admin.delete(f"{path}/{there[name]['id']}")
    for each in wanted:
        if each["name"] in there:
            admin.put(f"{path}/{there[each['name']]['id']}", {**there[each["name"]], **each})
        else:
            admin.post(path, each)
