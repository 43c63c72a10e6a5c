"""Hands the inventory that `playbooks.inventory` derives from the catalog over to Ansible; it knows nothing itself."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin

from catalog import load_named
from catalog.errors import UserError
from playbooks import inventory as derived

DOCUMENTATION = """
name: huiju
short_description: The schools of a city
description: Hosts and groups from the city's catalog.
options:
  plugin:
    description: This plugin's name.
    required: true
    choices: [huiju]
  city:
    description: Folder of catalog/data, or a path.
    default: tiny
    env: [{name: CITY}]
"""


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]  # ansible is not typed
    """The plugin; ``_meta.hostvars`` is filled in one go, never host by host."""

    NAME = "huiju"

    def verify_file(self, path: str) -> bool:
        """Whether the file is one of ours."""
        return bool(super().verify_file(path)) and path.endswith(("huiju.yml", "huiju.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:  # noqa: ANN401
        """Read the file's options, load the city, fill the inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            city = load_named(self.get_option("city"))
        except UserError as error:
            raise AnsibleParserError(str(error)) from error
        for name, value in derived.shared(city).items():
            inventory.set_variable("all", name, value)
        inventory.add_group(derived.ALL)
        for code, variables in derived.hosts(city).items():
            inventory.add_host(code, group=derived.ALL)
            for name, value in variables.items():
                inventory.set_variable(code, name, value)
        for kind, found in derived.groups(city).items():
            inventory.add_group(kind)
            for group, codes in found.items():
                inventory.add_child(kind, inventory.add_group(group))
                for code in codes:
                    inventory.add_child(group, code)
