"""`rebond get`: any collection or object of a running service."""

from typing import Annotated

import typer

from app.commands import remote
from app.commands.terminal import CommandRefused


def get(
    collection: Annotated[str, typer.Argument(help="What follows /v1/ or the territory: firms, missions, summary …")],
    given: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Parameters: stage=interviewed sort=name …")
    ] = None,
    territory: remote.Territory = None,
    fields: Annotated[str | None, typer.Option(help="The properties to show, in this order: id,name.")] = None,
    url: remote.Url = remote.HERE,
    key: remote.Key = None,
    as_json: remote.AsJson = False,
) -> None:
    """Read a collection of a running service, every row of it, or an object.

    Exit code 1 where the service refuses, 3 where none answers.
    """
    query = [tuple(each.split("=", 1)) for each in given or ()]
    if odd := next((each[0] for each in query if len(each) == 1), None):
        raise CommandRefused(f"{odd} is no parameter: write name=value")
    query += [("fields", fields)] if fields else []
    answer = remote.ask(remote.address(collection, territory), query, url, key)  # type: ignore[arg-type]  # pairs
    remote.show(answer, as_json=as_json, chosen=bool(fields))
