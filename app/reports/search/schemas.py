"""What a search answers."""

from enum import StrEnum

from pydantic import Field

from app.core.schemas import PersonalText, Read
from app.firms.schemas import SirenRead


class SearchKind(StrEnum):
    """What a result is: an object of the list of this kind."""

    FIRM = "firm"
    CONTACT = "contact"
    PROJECT = "project"
    AUDITION = "audition"
    GRANT = "grant"
    ADVANCE = "advance"


class SearchResult(Read):
    """An object that a search found."""

    kind: SearchKind = Field(description="What it is: it is read at `link`, and listed beside others of its kind.")
    id: str = Field(description="Id of the object; of a firm its SIREN.")
    title: PersonalText = Field(
        description="Name of the firm or person, title of the project, or of what an award is for; of an audition the"
        " names of its firms."
    )
    siren: SirenRead | None = Field(description="Firm that it is, or belongs to; null of projects and auditions.")
    state: str | None = Field(description="Stage of the firm or project, status of the others; null of contacts.")
    link: str = Field(description="Address at which the object is read.")


class SearchResults(Read):
    """What was found, of each kind that the caller may list here."""

    items: list[SearchResult] = Field(description="Firms, contacts, projects, auditions, grants, advances; by title.")
