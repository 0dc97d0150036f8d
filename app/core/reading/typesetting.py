"""A program of its own: a template and data come in on stdin as JSON, the PDF goes out on stdout.

Typst is native code that reads what people wrote: should it break or loop on a text, this process ends, and the service
goes on.
"""

import json
import resource
import sys

MEMORY = 2 * 1024**3  # bytes; a document of a hundred pages takes a tenth


def main() -> None:
    """Set the one document that is ordered."""
    import typst

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    order = json.load(sys.stdin)
    document = typst.compile(
        order["template"].encode(),
        format="pdf",
        ignore_system_fonts=True,
        pdf_standards=["ua-1"],
        sys_inputs={"data": json.dumps(order["data"])},
    )
    sys.stdout.buffer.write(document)


if __name__ == "__main__":
    main()
