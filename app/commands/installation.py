"""The command about the secrets of the installation: renew the one that signs cursors."""

import asyncio

from app.commands.database import database, engine_of
from app.core import installation
from app.settings import get_settings


def renew_secrets() -> None:
    """Renew the secret that signs cursors. Restart the service then: each worker keeps what it began with.

    Cursors and positions in the feed from before stay good until the next renewal: renew twice where the secret is
    known to somebody. A reader of the feed then begins at its start again.
    """

    async def renew(url: str) -> None:
        async with engine_of(url, "rebond secrets") as engine:
            await installation.renew_cursor_secret(engine)

    with database(get_settings()) as url:
        asyncio.run(renew(url))
    print("renewed: restart the service")
