"""`huiju secrets`: new passphrase and new credentials, when someone leaves or something leaks."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog import load_named
from derive.signing import Step
from ops.lessons import place
from ops.phases import Phases
from ops.stack import renewal, rotation, session

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Rotate the stack's secrets."""


@app.command()
def rotate(
    *,
    stack: Annotated[str, typer.Option(help="Pulumi stack.")] = "local",
    passphrase: Annotated[bool, typer.Option(help="Encrypt settings and state of this clone's stacks anew.")] = True,
    store_key: Annotated[bool, typer.Option(help="New keys for every account of the embedded object store.")] = True,
    access_key: Annotated[
        bool, typer.Option(help="New signing keys: every session and permission to play ends.")
    ] = True,
    database_key: Annotated[bool, typer.Option(help="New passwords and certificates for the database.")] = True,
    identity_key: Annotated[bool, typer.Option(help="New secrets by which services sign in to Keycloak.")] = True,
    tls: Annotated[bool, typer.Option(help="New key and certificate for the gateway.")] = True,
    apply: Annotated[bool, typer.Option(help="Bring new credentials to the platform at once.")] = True,
) -> None:
    """Replace what the kit made up: passphrase, keys of object store, database and Keycloak, signing keys, the gateway's certificate."""
    phases = Phases()
    rotation.resume(phases.say)
    if passphrase:
        with phases.phase("passphrase"):
            rotation.rotate_passphrase(phases.say)
    if not (store_key or access_key or database_key or identity_key or tls):
        return
    if passphrase and (why := rotation.not_the_kits(stack)):
        phases.say(f"only the passphrase was replaced: {why}")
        return
    with phases.phase("credentials"):
        rotation.rotate_credentials(
            stack,
            store_key=store_key,
            access_key=access_key,
            database_key=database_key,
            identity_key=identity_key,
            tls=tls,
        )
    if apply:
        session.reapply(stack, phases, "secrets-rotate")


NEXT = {
    Step.PUBLISH: "the new keys are accepted; bring them to the schools’ boxes too (`huiju school apply`), then `huiju secrets renew sign`",
    Step.SIGN: "the new keys sign, the old ones are still accepted; `huiju secrets renew drop` once what they signed has ended",
    Step.DROP: "the old keys count no more on the platform; schools’ boxes accept them until `huiju school apply`",
}
"""What is so after a step, and what comes next."""


@app.command()
def renew(
    step: Annotated[Step, typer.Argument(metavar="publish|sign|drop", help="The step; the three come in this order.")],
    *,
    stack: Annotated[str, typer.Option(help="Pulumi stack.")] = "local",
    apply: Annotated[bool, typer.Option(help="Bring the step to the platform at once.")] = True,
) -> None:
    """Take new signing keys without ending a session or a permission, in three steps. After a leak use `rotate` instead."""
    phases = Phases()
    rotation.resume(phases.say)
    with phases.phase(step.value):
        renewal.step(stack, step, load_named(place.of_stack(stack).city))
    if apply:
        session.reapply(stack, phases, f"secrets-renew-{step.value}")
    phases.say(NEXT[step])
