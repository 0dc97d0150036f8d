"""Reads of seals."""

from typing import Annotated

from pydantic import Field
from sqlalchemy import select

from app.core.reading.listing import Listing, at_least, equals
from app.core.values import Instant
from app.integrations.seals import schemas
from app.integrations.seals.models import EventSeal

_columns = EventSeal.__table__.c
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]

EVENT_SEALS = Listing(
    schema=schemas.EventSeal,
    rows=select(*(_columns[name] for name in schemas.EventSeal.model_fields)),
    key=EventSeal.number,
    derived=True,
    filters={
        "number": equals(EventSeal.number, Number, "The seal of this number."),
        "number_from": at_least(EventSeal.number, Number, "Seals of this number or a later one."),
        "sealed_from": at_least(EventSeal.sealed_at, Instant, "Seals made at this instant or later."),
    },
    sorts={"number": EventSeal.number},
    default_sort="-number",
)
