"""The page /docs, and what it loads: a style and a script, each at an address that has its digest.

It is our own: Swagger UI resolves the whole document before it shows a row, 14 s of a processor for 578 operations, and
has 1.7 MB. This one makes a group and an operation when they are opened: 0.2 s, 12 kB.
"""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from app.core.serving.shell import content_policy

POLICY = content_policy("connect-src 'self'", "style-src 'self'", "script-src 'self'")
FOR_EVER = "public, max-age=31536000, immutable"
# What the page loads: the file beside this module, and its type.
FILES = {"page.css": ("documentation.css", "text/css"), "page.js": ("documentation.js", "text/javascript")}


class Static(NamedTuple):
    """What is sent as it stands, with the digest by which a client knows it again."""

    content: bytes
    digest: str
    media_type: str

    @classmethod
    def of(cls, content: bytes, media_type: str) -> "Static":
        return cls(content, sha256(content).hexdigest()[:16], media_type)


@cache
def file(name: str) -> Static:
    """A file of `FILES`, by its name."""
    beside, media_type = FILES[name]
    return Static.of(Path(__file__).with_name(beside).read_bytes(), media_type)


@cache
def page() -> str:
    """The page. Its addresses are relative, and change with what is there."""
    text = Path(__file__).with_name("documentation.html").read_text(encoding="utf-8")
    for name in FILES:
        text = text.replace(f'"docs/{name}"', f'"docs/{name}?{file(name).digest}"')
    return text
