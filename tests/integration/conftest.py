"""A real cluster and a real platform, once per session.

They belong to a clone id of their own, so that no test touches the platform that a person runs here. `HUIJU_KUBECONFIG` gives
the tests another cluster; `HUIJU_KEEP=1` leaves theirs running for the next session.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import cluster as embedded
from local import paths
from ops.phases import Phases
from ops.stack import authority, configuration, engine, live, session
from ops.stack.target import Target

KEEP = os.environ.get("HUIJU_KEEP") == "1"
if not os.environ.get("HUIJU_CLONE_ID"):
    os.environ["HUIJU_CLONE_ID"] = f"{paths.clone_id()}-t"


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers."""

    kubeconfig: Path
    context: str | None
    embedded: bool

    @property
    def environment(self) -> dict[str, str]:
        """Variables for `pulumi` and `kubectl`."""
        return engine.shell(str(self.kubeconfig))

    @property
    def target(self) -> Target:
        """The same for the kit's own runs."""
        return Target(self.kubeconfig, self.context, embedded=self.embedded)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Standard output of kubectl; raises `UserError` when it fails."""
        return live.kubectl(words, self.environment, stdin=stdin)


@dataclass(frozen=True)
class Platform:
    """A platform that is up."""

    cluster: Cluster
    wanted: session.Wanted
    outcome: engine.Outcome
    url: str
    authority: Path
    """The CA that the gateway's certificate is from."""

    @property
    def stack(self) -> str:
        """Its Pulumi stack."""
        return self.wanted.stack


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The embedded cluster, or the one that `HUIJU_KUBECONFIG` names."""
    target = embedded.target()
    if not target.embedded:
        yield Cluster(target.kubeconfig, target.context, embedded=False)
        return
    kubeconfig = embedded.up()
    yield Cluster(kubeconfig, None, embedded=True)
    if not KEEP:
        embedded.reset()


@pytest.fixture(scope="session")
def platform(cluster: Cluster) -> Platform:
    """The whole platform of the city `tiny`, provisioned by the same code as `huiju up`."""
    wanted = session.Wanted(stack=f"test-{paths.clone_id()}")
    outcome = session.provision(wanted, cluster.target, Phases())
    assert outcome is not None
    return Platform(cluster, wanted, outcome, session.url(wanted.stack), authority.certificate_file())


@pytest.fixture
def kept_settings(platform: Platform) -> Iterator[None]:
    """Put the stack's settings file back afterwards."""
    text = configuration.file(platform.stack).read_text()
    yield
    configuration.replace(configuration.file(platform.stack), text)
