"""`huiju school authority`: whom the platform trusts boxes by."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ops.stack import school_authority

Replace = Annotated[
    bool,
    typer.Option(
        "--replace",
        help="Make a new authority first; boxes of the former one stay in until they have new certificates.",
    ),
]


def command(replace: Replace = False) -> None:
    """Print the certificates of the school CA, for stack config `schoolCa`. (`huiju up` sets it in a generated stack file by itself.)"""
    if replace:
        kept = school_authority.rotate()
        Console(stderr=True, soft_wrap=True).print(Text(f"the former authority is trusted as its file says: {kept}"))
    typer.echo(school_authority.bundle(), nl=False)
