"""HL7's validator as HAPI packs it, built by Maven from the pom.xml beside this; run once over all."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / "build" / "validator"
CLASSPATH = BUILT / "classpath"
MAIN = "org.casebridge.validator.Validate"
SECONDS = 1800

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the validator about the resource of a name."""

    name: str
    severity: str
    kind: str
    where: str
    what: str


def missing() -> list[str]:
    """The programs that it needs and are not here."""
    return [tool for tool in ("java", "mvn") if shutil.which(tool) is None]


def build() -> None:
    """Compile it, and let Maven bring what it stands on; quick when both were done before."""
    goals = ["compile", "dependency:build-classpath", f"-Dmdep.outputFile={CLASSPATH}"]
    run(["mvn", "--quiet", "--batch-mode", "--file", str(HERE / "pom.xml"), *goals])


def validate(resources: Iterable[tuple[str, Resource]], definitions: Iterable[Resource] = ()) -> list[Said]:
    """Return what the validator says of named resources; `definitions` are what it knows beside R4."""
    asked = [{"define": definition} for definition in definitions]
    named = [{"name": name, "resource": resource} for name, resource in resources]
    path = os.pathsep.join([str(BUILT / "classes"), CLASSPATH.read_text(encoding="utf-8").strip()])
    lines = "\n".join(json.dumps(line) for line in [*asked, *named])
    *said, end = (json.loads(line) for line in run(["java", "-cp", path, MAIN], lines).splitlines())
    assert end == {"validated": len(named)}
    return [Said(**message) for message in said]


def run(command: list[str], lines: str = "") -> str:
    """Return what a command writes; the end of what it says is told when it fails."""
    done = subprocess.run(
        command, input=lines, capture_output=True, text=True, encoding="utf-8", timeout=SECONDS, check=False
    )
    assert done.returncode == 0, (command[0], done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout
