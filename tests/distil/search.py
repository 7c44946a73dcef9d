"""Distils the search parameters of R4 (https://hl7.org/fhir/R4/searchparameter-registry.html) and of US Core.

Run as `python -m tests.distil.search FOLDER PACKAGE.tgz...`, FOLDER holding search-parameters.json,
compartmentdefinition-patient.json and profiles-resources.json, the packages being published editions of
hl7.fhir.us.core, oldest first: a later one says better what an earlier one said. The parameters of CarePlan
that IHE's Dynamic Care Planning asks for are R4's. The same files give the same bytes.
"""

import json
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.distil.r4 import ROOTS

DATA = Path(__file__).parents[2] / "service/wire/fhir/search/parameters.json"
# what every resource has stands at Resource
TYPES = frozenset({*ROOTS[: ROOTS.index("Bundle")], "Resource"})
KINDS = frozenset({"token", "reference", "date", "string", "quantity", "uri"})
# no value of a resource answers them, or none as the parameter says: how a name sounds
LEFT_OUT = frozenset({"_text", "_content", "_query", "phonetic"})


def distil(folder: Path, packages: Sequence[Path]) -> bytes:
    """The bytes of parameters.json: one type a line, of each parameter the kind and the expressions.

    Then by which parameters a type is in the compartment of a patient.
    """
    known: dict[str, dict[str, tuple[str, list[str]]]] = {}
    for entry in json.loads((folder / "search-parameters.json").read_bytes())["entry"]:
        _add(known, entry["resource"])
    for profiled in (parameter for package in packages for parameter in _of(package)):
        # what is derived from R4's own says the same of fewer types
        if "derivedFrom" not in profiled and not profiled["code"].startswith("_"):
            _add(known, profiled)
    compartment = json.loads((folder / "compartmentdefinition-patient.json").read_bytes())
    members = {
        entry["code"]: sorted(code for code in entry.get("param", ()) if code in known[entry["code"]])
        for entry in compartment["resource"]
        if entry["code"] in known
    }
    summaries = dict(_summaries(folder))
    sections = {"parameters": known, "compartment": members, "summary": summaries}
    return (
        "{" + ",\n".join(f"{json.dumps(name)}:{_rows(of)}" for name, of in sections.items()) + "}\n"
    ).encode()


def _summaries(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Give of each type the paths of the elements that a summary has."""
    for entry in json.loads((folder / "profiles-resources.json").read_bytes())["entry"]:
        structure = entry["resource"]
        if structure.get("name") in TYPES and structure["resourceType"] == "StructureDefinition":
            elements = structure["snapshot"]["element"][1:]
            marked = [element["path"] for element in elements if element.get("isSummary")]
            yield structure["name"], [path.partition(".")[2] for path in marked]


def _rows(section: dict[str, Any]) -> str:
    rows = (
        f"{json.dumps(type_)}:{json.dumps(section[type_], separators=(',', ':'), sort_keys=True)}"
        for type_ in sorted(section)
    )
    return "{\n" + ",\n".join(rows) + "\n}"


def _of(package: Path) -> Iterator[dict[str, Any]]:
    with tarfile.open(package) as files:
        for member in sorted(files.getmembers(), key=lambda member: member.name):
            if "/SearchParameter-" in member.name and (file := files.extractfile(member)) is not None:
                yield json.load(file)


def _add(known: dict[str, dict[str, tuple[str, list[str]]]], parameter: dict[str, Any]) -> None:
    code, kind = parameter["code"], parameter["type"]
    if kind not in KINDS or code in LEFT_OUT:
        return
    for type_ in TYPES.intersection(parameter["base"]):
        whole = parameter["expression"]
        parts = [part.strip() for part in whole.split("|")]
        own = [part for part in parts if part.lstrip("(").startswith(f"{type_}.")]
        known.setdefault(type_, {})[code] = (kind, own)


if __name__ == "__main__":
    DATA.write_bytes(distil(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]]))
