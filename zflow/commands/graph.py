"""`zflow graph`: the states of the walk as a drawing."""

from __future__ import annotations

import click

from zflow.commands.light import volume
from zflow.status.document import gather
from zflow.status.view import MARKS


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "mermaid", "svg")),
    default="text",
    show_default=True,
    help="Format of the drawing.",
)
def graph(form: str) -> None:
    """Draw the states, with the current one marked."""
    from zflow.commands.product import product
    from zflow.walk import diagram

    document = gather(volume())
    statuses = {each["name"]: each["status"] for each in document["states"]}
    present = diagram.Present(document["state"], document["place"], statuses)
    names = [state.name for state in product().states]
    match form:
        case "mermaid":
            click.echo(diagram.as_mermaid(names, present))
        case "svg":
            click.echo(diagram.as_svg(names, present))
        case _:
            click.echo(diagram.as_text(names, present, MARKS))
