"""A client that openapi-generator makes for Java, with the distribution's JDK and Jackson, calls the real service."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deployed import program
from tests.processes import Service

DOCUMENT = Path(__file__).parents[2] / "openapi" / "openapi.json"
SOURCES = Path(__file__).with_name("java")
JARS = [Path("/usr/share/java") / f"{name}.jar" for name in (
    "jackson-annotations", "jackson-core", "jackson-databind", "jsr305", "geronimo-annotation-1.3-spec",
)]  # fmt: skip
NAME = "openapi-generator-cli"
GENERATOR = shutil.which(NAME, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or ""
OPERATIONS = (
    "list_time_entries", "create_time_entry", "update_time_entry", "list_missions", "list_consultants",
    "get_project_totals", "list_events",
)  # fmt: skip
STEPS = [
    "list", "next page", "create", "create again", "update", "a problem", "a sum beyond 32 bits", "export", "feed",
]  # fmt: skip
ABSENT = [str(each) for each in JARS if not each.exists()]
ABSENT += [name for name, found in ((NAME, GENERATOR), ("javac", program("javac"))) if not found]


def run(*words: str | Path, place: Path, **environment: str) -> str:
    done = subprocess.run(
        words, cwd=place, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {', '.join(ABSENT)}")
def test_a_java_program_calls_the_service_by_the_generated_client(service: Service, tmp_path: Path) -> None:
    options = "openApiNullable=false,useSingleRequestParameter=true,useJakartaEe=false,documentationProvider=none"
    without = "apiDocs=false,modelDocs=false,apiTests=false,modelTests=false"
    run(GENERATOR, "generate", "-g", "java", "--library", "native", "-i", DOCUMENT, "-o", tmp_path / "made",
        "--additional-properties", options, "--openapi-normalizer", f"FILTER=operationId:{'|'.join(OPERATIONS)}",
        "--global-property", without, "--model-name-mappings", "Override=RuleOverride",
        "--parameter-name-mappings", "wait=waitSeconds", place=tmp_path)  # fmt: skip
    sources = tmp_path / "made" / "src" / "main" / "java"
    shutil.copy(SOURCES / "Tour.java", sources)
    module = sources / "com" / "fasterxml" / "jackson" / "datatype" / "jsr310"
    module.mkdir(parents=True)
    shutil.copy(SOURCES / "JavaTimeModule.java", module)
    shutil.copy(SOURCES / "RFC3339JavaTimeModule.java", sources / "org" / "openapitools" / "client")
    jars = ":".join(map(str, JARS))
    # Of the classes of all schemas those that the program needs.
    run("javac", "-nowarn", "-proc:none", "-cp", jars, "-sourcepath", sources, "-d", tmp_path / "classes",
        sources / "Tour.java", place=tmp_path)  # fmt: skip
    keys = {"LEAD": service.keys["lead"], "AUDITOR": service.keys["auditor"]}
    said = run("java", "-cp", f"{tmp_path / 'classes'}:{jars}", "Tour", place=tmp_path, BASE=service.base, **keys)
    assert said.splitlines() == STEPS
