"""The page /docs and what it loads: Swagger UI, our style and our script, each at an address that has its digest."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import fastapi_offline

from app.core.serving.shell import content_policy

POLICY = content_policy("connect-src 'self'", "img-src 'self' data:", "style-src 'self'", "script-src 'self'")
FOR_EVER = "public, max-age=31536000, immutable"
_THEIRS, _OURS = Path(fastapi_offline.__file__).parent / "static", Path(__file__).parent
# What the page loads, in this order.
FILES = {
    "swagger-ui.css": (_THEIRS / "swagger-ui.css", "text/css"),
    "page.css": (_OURS / "documentation.css", "text/css"),
    "swagger-ui-bundle.js": (_THEIRS / "swagger-ui-bundle.js", "text/javascript"),
    "page.js": (_OURS / "documentation.js", "text/javascript"),
}


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
    path, media_type = FILES[name]
    return Static.of(path.read_bytes(), media_type)


@cache
def page() -> str:
    """The page. Its addresses are relative, and change with what is there."""
    text = (_OURS / "documentation.html").read_text(encoding="utf-8")
    for name in FILES:
        text = text.replace(f'"docs/{name}"', f'"docs/{name}?{file(name).digest}"')
    return text
