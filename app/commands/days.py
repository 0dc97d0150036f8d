"""`rebond days`: the days that are left."""

from app.commands import remote

COLUMNS = ("territory", "territory_name", "days_ordered", "days_entered", "days_left")


def days(
    territory: remote.Territory = None,
    url: remote.Url = remote.HERE,
    key: remote.Key = None,
    as_json: remote.AsJson = False,
) -> None:
    """Say how many engineering days each territory of a running service has left.

    Exit code 1 where the service refuses, 3 where none answers.
    """
    answer = remote.ask(remote.address("summary", territory), (), url, key)
    rows = [answer] if territory else answer["by_territory"]
    remote.show([{name: row[name] for name in COLUMNS} for row in rows], COLUMNS, as_json=as_json)
