"""The tools the kit runs: ``tool(name)`` gives a program's path, ``tool_env()`` the environment that finds them all."""

from local.toolchain.environment import tool_env
from local.toolchain.resolve import bundle, share, tool

__all__ = ["bundle", "share", "tool", "tool_env"]
