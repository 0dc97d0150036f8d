"""What travels of persons and organisations that are looked up: what it takes to name one, and no more."""

from pydantic import Field

from app.core.schemas import Id, PersonName, Read


class LookupPerson(Read):
    """A person who can be named."""

    id: Id
    name: PersonName = Field(description="First name and family name, as colleagues see them beside acts.")
    organisation_name: str = Field(
        description="Present name of the organisation for which the person works; it tells persons of one name apart."
    )


class LookupOrganisation(Read):
    """An organisation that can be named."""

    id: Id
    name: str = Field(description="Name by which the programme knows the organisation.")
