"""Takes the steps of the Dockerfile in an empty Debian, where no container engine is at hand.

    python tests/container/rehearsal.py /path/of/an/empty/debian      (as root)

The directory is what `debootstrap --variant=minbase --include=ca-certificates,python3-venv trixie DIRECTORY` makes, and
its Python stands for that of the base image. COPY, ENV, USER, WORKDIR and RUN are done as they stand, all stages in one
tree; at the end `rebond` waits in it to be run as the Dockerfile's user: see docs/deployment.md.
"""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def instructions(text: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions, comments left out and continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(word.upper(), rest) for word, rest in found]


def sent(path: Path) -> bool:
    """Whether .dockerignore lets the file into the build."""
    verdict = True
    for line in (ROOT / ".dockerignore").read_text().split():
        pattern = line.lstrip("!").removeprefix("**/")
        parts = [path.name, *(parent.name for parent in path.parents)] if "**/" in line else [path.parts[0]]
        if any(fnmatch.fnmatch(part, pattern) for part in parts):
            verdict = line.startswith("!")
    return verdict


def copy(tree: Path, workdir: str, words: list[str]) -> None:
    """COPY of files and directories of the sources."""
    *sources, target = words
    place = tree / workdir.lstrip("/") / target
    for source in sources:
        for file in sorted([ROOT / source] if (ROOT / source).is_file() else (ROOT / source).rglob("*")):
            if file.is_file() and sent(file.relative_to(ROOT)):
                inside = file.name if file == ROOT / source else str(file.relative_to(ROOT / source))
                (place / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, place / inside)


def main(tree: Path) -> None:
    """All steps, in their order; the first that fails ends it."""
    workdir, variables = "/", {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    python = tree / "usr/local/bin/python"  # where the base image has it
    if not python.is_symlink():
        python.symlink_to("/usr/bin/python3")
    for word, rest in instructions((ROOT / "Dockerfile").read_text()):
        print(f"{word} {rest}", flush=True)
        if word == "FROM":
            workdir = "/"
        elif word == "WORKDIR":
            workdir = rest
            (tree / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif word == "ENV":
            for name, value in re.findall(r"(\w+)=(\S+)", rest):
                variables[name] = value.replace("$PATH", variables["PATH"])
        elif word == "COPY" and not rest.startswith("--from"):  # the stages share one tree
            copy(tree, workdir, rest.split())
        elif word == "RUN":
            network = {name: value for name, value in os.environ.items() if re.search("(?i)proxy|PIP_CERT", name)}
            step = f"cd {workdir} && {rest}"
            subprocess.run(["chroot", tree, "/bin/sh", "-c", step], env={**variables, **network}, check=True)
        elif word in {"ENTRYPOINT", "CMD"}:
            assert isinstance(json.loads(rest), list), "the exec form: a shell would not pass SIGTERM on"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
