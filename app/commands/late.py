"""`rebond late`: what firms owe beyond its day."""

from app.commands import remote

COLUMNS = ("territory", "firm_name", "siren", "number", "due_on", "days_past_due", "due_eur", "left_eur")


def late(
    territory: remote.Territory = None,
    url: remote.Url = remote.HERE,
    key: remote.Key = None,
    as_json: remote.AsJson = False,
) -> None:
    """List the late instalments of advances in a running service, the oldest first.

    Exit code 1 where the service refuses, 3 where none answers.
    """
    query = [("late", "true"), ("sort", "due_on")]
    remote.show(remote.ask(remote.address("instalments", territory), query, url, key), COLUMNS, as_json=as_json)
