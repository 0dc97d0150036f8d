"""Answers in fewer bytes: zstd or gzip, where the caller takes them, by starlette-compress."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware, add_compress_type

from app.core.reading.table_schema import MEDIA_TYPE
from app.core.reading.versions import of_encoding

# A row of a table leaves when it is read, as it does uncompressed: each piece is flushed.
for streamed in ("text/csv", "application/x-ndjson"):
    add_compress_type(streamed, streaming=True)
add_compress_type(MEDIA_TYPE)


class Compression:
    """The fastest level of each: beyond it a list of 100 rows has 6 % fewer bytes in gzip, and none in zstd.

    A compressed answer is another representation, so its ETag is another: `"7-zstd"` (RFC 9110 §8.8.3).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = CompressMiddleware(app, zstd_level=1, gzip_level=1, brotli=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def renamed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                encoding = next((value for name, value in headers if name == b"content-encoding"), None)
                if encoding is not None:
                    headers[:] = [
                        (name, of_encoding(value, encoding) if name == b"etag" else value) for name, value in headers
                    ]
            await send(message)

        await self.app(scope, receive, renamed)
