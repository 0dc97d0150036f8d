"""A program of its own: a template and data come in on stdin as JSON, the PDF goes out on stdout.

Typst is native code that reads what people wrote: should it break or loop on a text, this process ends, and the service
goes on.
"""

import json
import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any

MEMORY = 2 * 1024**3  # bytes; a document of a hundred pages takes a tenth


def typeset(order: Mapping[str, Any]) -> bytes:
    """The document that is ordered: PDF/UA-1, and of the other standards that the order names."""
    import typst

    document: bytes = typst.compile(
        order["template"].encode(),
        format="pdf",
        ignore_system_fonts=True,
        pdf_standards=["ua-1", *order.get("standards", ())],
        sys_inputs={"data": json.dumps(order["data"])},
    )
    return document


def main(make: Callable[[Mapping[str, Any]], bytes] = typeset) -> None:
    """Make the one document that is ordered."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    sys.stdout.buffer.write(make(json.load(sys.stdin)))


if __name__ == "__main__":
    main()
