"""`rebond to-do`: what waits for the holder of the key."""

from app.commands import remote

COLUMNS = ("territory", "kind", "count", "oldest_on", "link")


def to_do(url: remote.Url = remote.HERE, key: remote.Key = None, as_json: remote.AsJson = False) -> None:
    """List what waits for the holder of the key in a running service.

    Exit code 1 where the service refuses, 3 where none answers.
    """
    remote.show(remote.ask(remote.address("me/to-do", None), (), url, key), COLUMNS, as_json=as_json)
