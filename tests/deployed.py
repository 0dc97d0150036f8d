"""The files of `deploy/` as tests run them: by the distribution's programs, on ports and at places of the test."""

import shutil
import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

DEPLOY = Path(__file__).parents[1] / "deploy"


def program(name: str) -> str | None:
    """Where a program of the distribution is, those of the administrator too; None where it is absent."""
    return shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")


def but_for(name: str, changes: Mapping[str, str]) -> str:
    """The text of a file, but for parts of it: each must be there."""
    text = (DEPLOY / name).read_text()
    for ours, here in changes.items():
        assert ours in text
        text = text.replace(ours, here)
    return text


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
