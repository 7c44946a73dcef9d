"""Security labels by codes: one YAML file a sensitivity in `mappings/labels/`, read strictly at start."""

import hashlib
from pathlib import Path
from typing import Any

from marshmallow import fields, validate

from service.values.access.labels import LEVELS, SENSITIVITIES, Label, Labels
from service.wire.contracts import configured
from service.wire.contracts.documents.fields import Code, Contract, OpenCode, Uri, many
from service.wire.json import canonical


class _Codes(Contract):
    system = Uri(required=True)
    starts = fields.List(OpenCode(limit=50), required=True, validate=validate.Length(min=1))


class _Label(Contract):
    label = Code(SENSITIVITIES, required=True)
    confidentiality = Code(LEVELS, required=True)
    codes = many(_Codes, required=True)


def load(folder: Path) -> Labels:
    """Return the labels of a folder, by file name; none when there is no such folder.

    Raises:
        Misconfigured: with file and place of each mistake.
    """
    paths = (path for path in sorted(folder.glob("*.yaml")) if not path.name.startswith("."))
    documents = [configured.load(_Label(), path, "The label") for path in paths]
    if not documents:
        return Labels()
    return Labels(hashlib.sha256(canonical(documents)).hexdigest(), tuple(map(_label, documents)))


def _label(document: dict[str, Any]) -> Label:
    starts = tuple((codes["system"], tuple(codes["starts"])) for codes in document["codes"])
    return Label(document["label"], document["confidentiality"], starts)
