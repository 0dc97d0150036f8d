"""What a cursor opens, and for how long."""

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from app.commands.installation import renew_secrets
from app.core import clock, installation
from app.core.db import create_engine
from app.core.problems import InvalidCursor
from app.core.reading import cursors

NOW, BEFORE, SEAL = b"n" * 32, b"b" * 32, b"caller and list"


def shortened(cursor: str) -> str:
    """The cursor as all were before: with 12 bytes of the HMAC."""
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    return base64.urlsafe_b64encode(raw[:12] + raw[16:]).decode().rstrip("=")


def test_every_bit_of_a_signature_of_128_counts() -> None:
    cursor = cursors.close([NOW], SEAL, b"12345678")
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert len(raw) == 16 + 8
    assert cursors.unseal([NOW], SEAL, cursor) == b"12345678"
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidCursor):
            cursors.unseal([NOW], SEAL, base64.urlsafe_b64encode(changed).decode())


def test_a_shorter_signature_opens_until_its_day() -> None:
    former = shortened(cursors.close([NOW], SEAL, b"12345678"))
    with clock.frozen(datetime(2027, 6, 30, 12, tzinfo=UTC)):
        assert cursors.unseal([NOW], SEAL, former) == b"12345678"
    with clock.frozen(datetime(2027, 7, 1, 12, tzinfo=UTC)), pytest.raises(InvalidCursor):
        cursors.unseal([NOW], SEAL, former)


def test_the_first_secret_signs_and_each_opens() -> None:
    old = cursors.close([BEFORE], SEAL, b"position")
    assert cursors.unseal([NOW, BEFORE], SEAL, old) == b"position"
    assert cursors.unseal([NOW], SEAL, cursors.close([NOW, BEFORE], SEAL, b"position")) == b"position"
    with pytest.raises(InvalidCursor):
        cursors.unseal([NOW], SEAL, old)


def test_a_renewed_secret_leaves_the_one_before_it_until_the_next_renewal(
    new_database: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = new_database("cursors")
    monkeypatch.setenv("DATABASE_URL", url)

    async def read() -> tuple[bytes, ...]:
        engine = create_engine(url, pool_size=1)
        try:
            return await installation.cursor_secrets(engine)
        finally:
            await engine.dispose()

    first = asyncio.run(read())
    renew_secrets()
    second = asyncio.run(read())
    renew_secrets()
    third = asyncio.run(read())
    assert capsys.readouterr().out == 2 * "renewed: restart the service\n"
    assert len(first) == 1
    assert second[1:] == first
    assert third[1:] == second[:1]
    assert len({*first, *second, *third}) == 3
