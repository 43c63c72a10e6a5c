"""`huiju status`: every component, its address and its health. Exit code 1 when something is broken."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ops import health
from ops.console import console
from ops.health import Fact, Verdict
from ops.stack import configuration, session, target

app = typer.Typer()
COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.BAD: "red"}


@app.command()
def status(
    stack: Annotated[str, typer.Option(help="Pulumi stack.")] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Try out NetworkPolicies with two pods of its own.")] = False,
) -> None:
    """Every component, its address and its health."""
    if verify:
        health.verify_policies(stack, target.of_settings(configuration.settings(stack)))
    facts = health.facts(stack)
    bad = any(fact.verdict is Verdict.BAD for fact in facts)
    if as_json:
        document = {"stack": stack, "ok": not bad, "url": session.url(stack), "facts": [asdict(each) for each in facts]}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        console().print(_table(facts))
    raise typer.Exit(1 if bad else 0)


def _table(facts: list[Fact]) -> Table:
    table = Table("", "component", "namespace", "", box=None, pad_edge=False)
    for fact in facts:
        mark = Text("●", style=COLOURS[fact.verdict])
        table.add_row(mark, Text(fact.component), Text(fact.namespace, style="dim"), Text(fact.detail))
    return table
