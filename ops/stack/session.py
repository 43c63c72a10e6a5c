"""One whole run: tools, cluster, images, settings, recovery, the engine, and what is said at the end."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from catalog import load_named, names
from catalog.errors import UserError
from derive import cache_tree
from infra.plan import gateway
from local import paths, toolchain
from ops import derived, health
from ops.audits import pending, plain, runs
from ops.databases import beginning
from ops.phases import Phases
from ops.stack import (
    authority,
    backup,
    checkpoint,
    configuration,
    doubt,
    engine,
    live,
    lock,
    moved,
    placing,
    policies,
    recovery,
    release,
    rotation,
    school_authority,
    store,
)
from ops.stack.checkpoint import Say
from ops.stack.target import Target, of_settings

TOOLS = ("pulumi", "kubernetes-provider", "kubectl", "envoy-gateway", "cloudnative-pg", "barman-cloud")
"""What a run needs besides the cluster's own programs; the last three for what they install."""
DOMAIN = "localhost"
EDGE_DOMAIN = "huiju.test"
"""Of school boxes, for which `localhost` is themselves; a name that no registry ever gives away (RFC 6761)."""


@dataclass(frozen=True)
class Wanted:
    """What the user asked for."""

    stack: str = "local"
    city: str = "tiny"
    profile: str = "local"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    refresh: bool = False
    break_lock: bool = False
    database_from: str | None = None
    """Archive that new instances of the database are filled from."""
    directory: Path = paths.ROOT
    """Where `Pulumi.yaml` is; tests and benchmarks have programs of their own."""


def provision(
    wanted: Wanted, cluster: Target | None, phases: Phases, *, preview: bool = False
) -> engine.Outcome | None:
    """Everything from the tools to the end of `pulumi up`, on the audit record; None when only previewed, which is on none.

    ``cluster`` is the one that the user named; without one it is where the stack is, and the embedded one for a new stack.
    """
    if preview:
        return _provisioned(wanted, cluster, phases, preview=True)
    with runs.watched(_city(wanted), wanted.stack, "up", phases) as run:
        outcome = _provisioned(wanted, cluster, phases, preview=False)
        run.changes = outcome.changes if outcome else {}
    return outcome


def _city(wanted: Wanted) -> str:
    """Whose facts the run brings: a file of a person's own settles it, whatever was asked for."""
    own = {} if configuration.generated(wanted.stack) else configuration.settings(wanted.stack)
    return str(own.get("city") or wanted.city)


def _provisioned(wanted: Wanted, cluster: Target | None, phases: Phases, *, preview: bool) -> engine.Outcome | None:
    rotation.resume(phases.say)
    cluster = placing.place(wanted.stack, cluster)
    with phases.phase("tools"):
        for name in TOOLS:
            phases.now(name)
            toolchain.tool(name, phases.now)
    with phases.phase("cluster"):
        if cluster is None or cluster.embedded:
            cluster = start_cluster(phases)
        environment = engine.shell(cluster.reached_by)
        placing.refuse_strangers(wanted.stack, environment, allowed=_may_move(wanted, environment))
    with ExitStack() as previewed:
        if configuration.generated(wanted.stack):
            with phases.phase("images"):
                references = cluster.deliver(phases.now)
            with phases.phase("settings"):
                settings = settings_for(wanted, cluster, references, environment, phases.say)
                if preview:
                    previewed.enter_context(configuration.tried(wanted.stack, settings))
                else:
                    configuration.ensure(wanted.stack, settings)
        with phases.phase("rules"):
            policies.refuse(wanted.stack)
        if preview:
            _previewed(wanted, environment, phases)
            return None
    with phases.phase("state"):
        since = settle(wanted, environment, phases)
    with phases.phase("pulumi up"), rotation.brought(wanted.stack):
        outcome = apply(wanted, "up", environment, phases, since=since)
    release.record(wanted.stack)
    if health.policies_known(environment) is None:
        with phases.phase("policies"):
            phases.say(f"network policies: {health.verify_policies(wanted.stack, cluster)}")
    return outcome


def _previewed(wanted: Wanted, environment: Mapping[str, str], phases: Phases) -> None:
    """Show what `pulumi up` would do, from what the cluster holds where that is uncertain. What a dead run left is not touched.

    Raises `UserError` for a damaged state, which the next run mends.
    """
    with phases.phase("state"):
        backend = store.open_store()
        elsewhere = placing.refuse_strangers(wanted.stack, environment, allowed=_may_move(wanted, environment))
        since = recovery.uncertain(backend, wanted.stack, moved=elsewhere, break_lock=wanted.break_lock)
        try:
            checkpoint.load(backend, wanted.stack)
        except ValueError as damage:
            raise UserError(
                f"the state file of stack {wanted.stack!r} is damaged ({damage}), so nothing can be previewed: "
                f"`huiju up --stack {wanted.stack}` puts the newest whole copy in its place"
            ) from damage
        _begin(wanted, environment, phases)
    with phases.phase("preview"), scratch(wanted.stack) as folder:
        words = ["--stack", wanted.stack, "--diff", *_refresh(wanted, since), *policies.options(wanted.stack, folder)]
        text = engine.previewed(words, {**environment, "TMPDIR": str(folder)})
    phases.console.print(text, markup=False)


def start_cluster(phases: Phases) -> Target:
    """The embedded cluster, started when it is not running."""
    from local import cluster

    return Target(cluster.up(phases.now), embedded=True)


def settings_for(
    wanted: Wanted, cluster: Target, references: Mapping[str, str], environment: Mapping[str, str], say: Say
) -> configuration.Wanted:
    """What the generated stack file says; the cluster is asked what its database began with."""
    derived_files = derived.folder(wanted.city, say)
    database = beginning.settled(lambda words: live.kubectl(words, environment), wanted.database_from)
    pair = authority.ensure(DOMAIN, *cache_tree.doors(load_named(wanted.city), EDGE_DOMAIN))
    public = {
        "city": wanted.city,
        "profile": wanted.profile,
        "overrides": dict(wanted.overrides) or None,
        "domain": DOMAIN,
        "edgeDomain": EDGE_DOMAIN,
        "schoolCa": school_authority.bundle(),
        "derived": derived_files,
        "publicPort": public_port(),
        "images": dict(sorted(references.items())),
        **manifests(),
        "databaseArchive": database.archive,
        "databaseRecoverFrom": database.source,
        "kubeconfig": str(cluster.kubeconfig),
        "context": cluster.context,
        "tlsCert": pair.certificate,
    }
    return configuration.Wanted(
        {key: value for key, value in public.items() if value is not None}, {"tlsKey": pair.key}
    )


def manifests() -> dict[str, str]:
    """Settings that name what others' releases install, as the toolchain has it."""
    return {
        "gatewayChart": str(toolchain.share("envoy-gateway") / "charts" / "gateway-helm"),
        "databaseOperator": str(toolchain.share("cloudnative-pg") / "operator.yaml"),
        "databasePlugin": str(toolchain.share("barman-cloud") / "plugin.yaml"),
    }


def public_port() -> int:
    """The port of the embedded cluster's forwarder."""
    from local import cluster

    return cluster.public_port()


def _may_move(wanted: Wanted, environment: Mapping[str, str]) -> bool:
    """The embedded cluster is made anew at will; any other one only when the user says so."""
    return wanted.refresh or environment.get("KUBECONFIG") == str(paths.kubeconfig())


def settle(wanted: Wanted, environment: Mapping[str, str], phases: Phases) -> float | None:
    """Recover from a dead run, copy the state, make the stack if it is new; since when things are uncertain, or None."""
    elsewhere = placing.refuse_strangers(wanted.stack, environment, allowed=_may_move(wanted, environment))
    backend = store.open_store()
    before = lock.marker(backend, wanted.stack)
    since = recovery.prepare(
        backend, wanted.stack, environment, phases.say, moved=elsewhere, break_lock=wanted.break_lock
    )
    if before and not before.here:
        # This machine has no note of it: what its lock tells is all that the record will have.
        who = f"{before.user}@{before.host}"
        pending.keep(wanted.stack, runs.killed(before.operation, wanted.stack, before.since, who, None))
    plain.note(backend, wanted.stack)
    backup.take(backend, wanted.stack)
    # Before the engine makes anything there: a run that fails leaves objects too.
    moved.record(backend, wanted.stack, live.cluster_uid(environment))
    _begin(wanted, environment, phases)
    return since


def _begin(wanted: Wanted, environment: Mapping[str, str], phases: Phases) -> None:
    """Make the stack, with nothing in it, if it is new."""
    if store.open_store().read(checkpoint.key(wanted.stack)) is None:
        phases.now(f"stack {wanted.stack}")
        engine.ask(
            ["stack", "init", wanted.stack, "--secrets-provider", "passphrase", "--no-select"],
            environment,
            wanted.directory,
        )


def _refresh(wanted: Wanted, since: float | None) -> list[str]:
    return ["--refresh"] if wanted.refresh or since is not None else []


def apply(
    wanted: Wanted, operation: str, environment: Mapping[str, str], phases: Phases, *, since: float | None
) -> engine.Outcome:
    """Run the engine under the run marker; after a dead run refresh first, sweep last, and only then be certain again."""
    backend = store.open_store()
    words = [operation, "--yes", "--skip-preview", "--stack", wanted.stack, *_refresh(wanted, since)]
    log = paths.state_dir() / "logs" / f"{operation}-{time.strftime('%Y%m%d-%H%M%S')}.log"
    done = 0

    def step(name: str, state: str) -> None:
        nonlocal done
        done += not state.endswith("...") and "ing" not in state
        phases.now(f"{operation}: {done} done, {name.rsplit('/', 1)[-1]} {state}")

    with lock.running(backend, wanted.stack, operation) as marker, scratch(wanted.stack) as folder:
        own = {lock.RUN_VARIABLE: marker.run, "TMPDIR": str(folder)}
        variables = {**environment, **engine.NO_CHECKPOINTS, **own}
        rules = policies.options(wanted.stack, folder) if operation == "up" and wanted.directory == paths.ROOT else []
        outcome = engine.run([*words, *rules], variables, log=log, directory=wanted.directory, step=step)
        if since is not None:
            recovery.sweep(backend, wanted.stack, environment, since, phases.say)
            doubt.end(backend, wanted.stack)
    phases.say(", ".join(f"{count} {word}" for word, count in outcome.changes.items()))
    return outcome


@contextmanager
def scratch(stack: str) -> Iterator[Path]:
    """Where the engine and its plugins put what they forget to remove: the provider leaves copies of the kubeconfig behind.

    Emptied before, for what a killed run left, and removed afterwards.
    """
    folder = paths.state_dir() / "tmp" / stack
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def reapply(
    stack: str, phases: Phases, operation: str = "up", check: Callable[[], None] = lambda: None
) -> engine.Outcome:
    """`pulumi up` of the stack as its file says, on the cluster that the file names; on the audit record as ``operation``.

    Raises what ``check`` raises afterwards: the run has then failed.
    """
    with runs.watched(str(configuration.settings(stack)["city"]), stack, operation, phases) as run:
        outcome = _reapplied(stack, phases)
        run.changes = outcome.changes
        check()
    return outcome


def _reapplied(stack: str, phases: Phases) -> engine.Outcome:
    rotation.resume(phases.say)
    wanted = Wanted(stack=stack)
    environment = engine.shell(of_settings(configuration.settings(stack)).reached_by)
    with phases.phase("rules"):
        policies.refuse(stack)
    with phases.phase("state"):
        since = settle(wanted, environment, phases)
    with phases.phase("pulumi up"), rotation.brought(wanted.stack):
        outcome = apply(wanted, "up", environment, phases, since=since)
    release.record(stack)
    return outcome


def destroy(wanted: Wanted, phases: Phases, *, protected: bool) -> None:
    """Destroy every object of the stack; with ``protected`` lift the protection first: what is marked to stay, stays all the same.

    Raises `UserError` when the cluster does not answer. The embedded one is started for it where it is down; where it was
    reset, everything in it is gone already.
    """
    settings = configuration.settings(wanted.stack)
    cluster = of_settings(settings)
    if not placing.holds_anything(wanted.stack) or (cluster.embedded and not cluster.kubeconfig.exists()):
        phases.say(f"nothing of stack {wanted.stack!r} is there to destroy")
        return
    # The record goes with the platform, so this run's own is kept here and goes to the next one.
    city = str(settings.get("city") or wanted.city)
    with runs.watched(city, wanted.stack, "destroy", phases, leaves=False) as run:
        run.changes = _destroyed(wanted, cluster, phases, protected=protected).changes


def _destroyed(wanted: Wanted, cluster: Target, phases: Phases, *, protected: bool) -> engine.Outcome:
    rotation.resume(phases.say)
    if cluster.embedded:
        with phases.phase("cluster"):
            start_cluster(phases)
    environment = engine.shell(cluster.reached_by)
    with phases.phase("state"):
        since = settle(wanted, environment, phases)
        if protected:
            engine.ask(["state", "unprotect", "--all", "--yes", "--stack", wanted.stack], environment)
    with phases.phase("destroy"):
        return apply(wanted, "destroy", environment, phases, since=since)


def publish_sample(wanted: Wanted, phases: Phases) -> None:
    """Render and publish the sample lesson, unless it is there."""
    from ops import lesson

    with phases.phase("lesson"):
        lesson.publish_sample(wanted.stack, phases.now)


def url(stack: str) -> str:
    """The public address of the platform, without a trailing slash; empty before its first `up`, and while its state cannot be read."""
    try:
        state = checkpoint.load(store.open_store(), stack)
    except ValueError:
        return ""
    return str((state.outputs if state else {}).get("url") or "")


def forwarding(cluster: Target, port: int) -> str:
    """What makes the gateway of an outside cluster answer at `localhost`, whose certificate it has."""
    context = f" --context {shlex.quote(cluster.context)}" if cluster.context else ""
    where = f"--kubeconfig {shlex.quote(str(cluster.kubeconfig))}{context}"
    return f"kubectl {where} -n {names.namespace(names.GATEWAY)} port-forward service/{gateway.PROXY} {port}:443"


def announce(wanted: Wanted, named: Target | None, phases: Phases) -> None:
    """Say where everything is; ``named`` is the cluster that the user named."""
    address = url(wanted.stack)
    # Without the option a command is about the stack of the trial.
    of = "" if wanted.stack == Wanted().stack else f" --stack {wanted.stack}"
    phases.console.print(f"\n[bold green]up[/] in {sum(phases.seconds.values()):.0f} s")
    phases.console.print(f"  portal        {address}/")
    phases.console.print(
        f"  dashboards    {address}/{names.MONITORING}/  (sign in: huiju access sign-in --tier TIER{of})"
    )
    phases.console.print(f"  lessons       {address}/lessons/index.json")
    cluster = named or of_settings(configuration.settings(wanted.stack))
    if urlsplit(address).hostname == DOMAIN and not cluster.embedded:
        phases.console.print(f"  reach it by   {forwarding(cluster, urlsplit(address).port or 443)}")
    if configuration.generated(wanted.stack):
        phases.console.print(
            f"  trust         {authority.certificate_file()}  (the local CA, for browsers and curl --cacert)"
        )
    first = "" if shutil.which("huiju") else "source .venv/bin/activate, then "
    phases.console.print(f"  next          {first}huiju status{of} | huiju lesson publish FILE{of} | huiju down{of}")
