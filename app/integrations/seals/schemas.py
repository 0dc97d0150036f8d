"""Schemas of seals."""

from datetime import datetime

from pydantic import Field

from app.core.schemas import Read


class EventSeal(Read):
    """A digest of the events of a range, which also covers the digest of the range before it.

    Keep one elsewhere: `rebond check --seal NUMBER:SHA256` tells later whether the events up to it are what they were.
    """

    number: int = Field(examples=[12], description="Number of the seal: they follow each other from 1, without a hole.")
    after: int = Field(description="Sequence number before the range: upto of the seal before, or 0.")
    upto: int = Field(description="Sequence number of the last event of the range.")
    count: int = Field(description="Number of events in the range; numbers that a refused write has drawn are holes.")
    sha256: str = Field(
        description="SHA-256 in hexadecimal digits: number, range, count, the digest before, each event in order."
    )
    previous: str | None = Field(description="sha256 of the seal before; null for the first.")
    sealed_at: datetime = Field(description="Instant in UTC at which the events were sealed.")
