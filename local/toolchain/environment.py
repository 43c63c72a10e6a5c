"""The environment in which plain ``pulumi``, ``kubectl`` and the rest work on this clone."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from local import paths, settings
from local.toolchain import onpath, pins
from local.toolchain.report import Say, to_stderr
from local.toolchain.resolve import tool

SHELL_TOOLS = ("pulumi", "kubectl")
"""What a person types; the other tools run inside the cluster."""


def tool_env(say: Say = to_stderr) -> dict[str, str]:
    """Variables to add to the environment: PATH, the Pulumi settings of this clone, and its kubeconfig when there is one.

    Makes what it names: the tools, the provider's plugin folder, the backend folder and the passphrase (mode 0600).
    """
    found = {
        **settings.environment(),
        "HUIJU_PYTHON": sys.executable,
        "PATH": _search_path(say),
        "PULUMI_BACKEND_URL": f"file://{_made(paths.pulumi_backend_dir())}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase()),
        "PULUMI_HOME": str(_pulumi_home(say)),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }
    if paths.kubeconfig().exists() and not os.environ.get("KUBECONFIG"):
        found["KUBECONFIG"] = str(paths.kubeconfig())
    return found


def passphrase() -> Path:
    """The stack passphrase of this clone, made on first use; readable by its owner only."""
    path = paths.passphrase_file()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # of this call: threads share the process id
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(32))
        try:
            os.link(fresh, path)  # fails where another run was first, whose passphrase then counts
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path


def _search_path(say: Say) -> str:
    """This interpreter's folder and the tools' folders, then the PATH there was without folders of our cache from an earlier time."""
    ours = [str(Path(sys.executable).parent), *(str(tool(name, say).parent) for name in SHELL_TOOLS)]
    rest = [folder for folder in onpath.search_path().split(os.pathsep) if folder]
    return os.pathsep.join(dict.fromkeys([*ours, *rest]))


def _pulumi_home(say: Say) -> Path:
    """The clone's own Pulumi home, with the provider where the engine looks for it; never ``~/.pulumi``."""
    home = paths.state_dir() / "pulumi-home"
    provider = tool("kubernetes-provider", say)
    version = pins.load().bundles["kubernetes-provider"].version
    link = _made(home / "plugins" / f"resource-kubernetes-v{version}") / provider.name
    if not link.is_symlink() or link.readlink() != provider:
        fresh = link.with_name(f".{link.name}.{os.getpid()}")
        fresh.symlink_to(provider)
        fresh.replace(link)
    return home


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
