"""A client of the application in this process: httpx2's, without what only a network needs."""

import asyncio
import contextlib
from typing import Any

import httpx2
import zstandard

from tests.answers import hold


class InProcess(httpx2.AsyncClient):
    """Requests are built as ever; the application gets each whole, and its answer comes back whole. It is held against
    the OpenAPI document.

    There is no redirect, no authentication but the header's, no cookie, and no compression that is not asked for. An
    application that fails has answered 500.
    """

    def __init__(self, app: Any) -> None:
        transport = httpx2.ASGITransport(app=app)
        super().__init__(transport=transport, base_url="http://rebond.test", headers={"Accept-Encoding": "identity"})
        self.app = app

    async def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        body, url = await request.aread(), request.url
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "server": (url.host, url.port),
            "client": ("127.0.0.1", 123),
            "root_path": "",
        }
        coming = [{"type": "http.request", "body": body, "more_body": False}]
        answered = asyncio.Event()
        status, headers, parts = 0, [], []

        async def receive() -> dict[str, Any]:
            if coming:
                return coming.pop()
            await answered.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                assert not status
                status, headers = message["status"], message["headers"]
                return
            assert status
            assert not answered.is_set()
            if request.method != "HEAD":
                parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                answered.set()

        failed = True
        with contextlib.suppress(Exception):  # a caller sees no more of it
            await self.app(scope, receive, send)
            failed = False
        assert failed or answered.is_set()
        answered.set()
        sent = b"".join(parts)
        if sent and (b"content-encoding", b"zstd") in [(name.lower(), value) for name, value in headers]:
            sent = zstandard.ZstdDecompressor().decompressobj().decompress(sent)  # which httpx2 leaves to a package
        # As a stream: given as content, httpx2 would add a Content-Length that the application did not send.
        stream = httpx2.ByteStream(sent)
        response = httpx2.Response(status or 500, headers=headers, stream=stream, request=request)
        await response.aread()
        if not failed:
            hold(request.method, scope.get("route"), response)
        return response
