"""``huiju school``: boxes in schools; each sub-command is a module of `ops.schools`."""

from __future__ import annotations

import typer

from ops.schools import authority, certificate, trial, visit, watching

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """School boxes: enrol and provision them, make trial ones here."""


app.command(name="certificate")(certificate.command)
app.command(name="authority")(authority.command)

for command in (
    trial.up,
    trial.down,
    trial.link,
    visit.enrol,
    visit.forget,
    visit.apply,
    visit.status,
    visit.password,
    watching.play,
):
    app.command()(command)
# What follows the code is the box's business, options included.
app.command(context_settings={"ignore_unknown_options": True})(visit.ssh)
