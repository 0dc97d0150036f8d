"""One frozen `Settings`, read once from the environment or a `.env` file.

Every variable is documented in the README's table; the prefix is `REBOND_`, but for `DATABASE_URL`.
"""

import os
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AliasChoices, BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app import libpq

_HTTPS = r"^https://[!-~]+$"
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
SecurityContact = Annotated[str, Field(pattern=r"^(?:https://|mailto:|tel:)[!-~]+$")]


def _network(value: object) -> object:
    try:
        return ip_network(str(value))
    except ValueError:
        raise ValueError("it must be networks such as 10.0.0.0/8, separated by commas") from None


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
KEYS_FILE = "demo-keys.json"  # the demonstration's keys, beside the data


class Settings(BaseSettings):
    """What a deployment may choose. Times are seconds, sizes are bytes."""

    model_config = SettingsConfigDict(
        env_prefix="REBOND_", env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True
    )

    database_url: str | None = Field(None, validation_alias=AliasChoices("DATABASE_URL", "database_url"))
    data_dir: Path | None = None
    backup_key_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    workers: int = Field(1, ge=1, le=64)
    operations_host: str = "127.0.0.1"
    operations_port: int | None = Field(None, ge=0, le=65535)
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s?#/]+(?:/[A-Za-z0-9._~-]+)*/?$")] | None = None
    default_language: Literal["en", "fr"] = "en"
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    cors_headers: Annotated[tuple[HeaderName, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    security_contact: Annotated[tuple[SecurityContact, ...], NoDecode] = ()
    security_policy: Annotated[str, Field(pattern=_HTTPS)] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    pool_size: int = Field(10, ge=1, le=100)
    pool_timeout: float = Field(5.0, gt=0)
    max_body_bytes: int = Field(1_048_576, ge=1024)
    max_import_bytes: int = Field(67_108_864, ge=1024)
    import_timeout: float = Field(120.0, gt=0)
    import_memory: int = Field(1_073_741_824, ge=268_435_456)
    import_transaction: int = Field(600, ge=1, le=1800)
    header_timeout: float = Field(10.0, gt=0)
    body_timeout: float = Field(10.0, gt=0)
    request_timeout: float = Field(30.0, gt=0)
    send_timeout: float = Field(20.0, gt=0)
    drain: float = Field(0.0, ge=0, le=300)
    exports: int = Field(3, ge=1, le=100)
    export_timeout: float = Field(600.0, gt=0)
    listeners: int = Field(1000, ge=1, le=20_000)
    directory_url: str = Field("https://recherche-entreprises.api.gouv.fr", pattern=r"^https?://[^\s?#]+$")
    credential_cache: float = Field(3.0, ge=0, le=4)

    @field_validator("cors_origins", "cors_headers", "trusted_proxies", "security_contact", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("public_url")
    @classmethod
    def _without_its_last_slash(cls, value: str | None) -> str | None:
        return value and value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None:
            libpq.address(value)
        return value

    @property
    def prefix(self) -> str:
        """The path below which a proxy shows the service, such as `/rebond`; empty where it is the root."""
        return urlsplit(self.public_url or "").path


def get_settings() -> Settings:
    """The settings as the environment has them now."""
    return Settings()


def misspelt() -> list[tuple[str, str]]:
    """The variables of the environment and of `.env` that are no setting but nearly one, each with that one."""
    settings = {f"REBOND_{name}".upper(): f"REBOND_{name}".upper() for name in Settings.model_fields}
    settings |= {name: name for name in ("REBOND_KEY", "REBOND_URL")}  # options of commands
    settings |= dict.fromkeys(("DATABASE_URL", "REBOND_DATABASE_URL"), "DATABASE_URL")
    given = {name: name.upper() for name in (*os.environ, *dotenv_values(".env"))}
    ours = {name: upper for name, upper in given.items() if upper.startswith(("REBOND_", "DATABASE_"))}
    nearest = ((name, get_close_matches(upper, settings, 1, cutoff=0.85)) for name, upper in sorted(ours.items()))
    return [(name, settings[near[0]]) for name, near in nearest if near and settings[near[0]] != name.upper()]
