"""What data is wanted for: HL7 v3 PurposeOfUse, and which code is a kind of which.

https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html
"""

from collections.abc import Iterable
from typing import Final

SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
OID: Final = "urn:oid:2.16.840.1.113883.5.8"
# stored by their places: add at the end
PARENTS: Final[dict[str, str]] = {
    "TREAT": "",
    "CAREMGT": "HOPERAT",
    "COC": "TREAT",
    "CLINTRCH": "TREAT",
    "ETREAT": "TREAT",
    "BTG": "ETREAT",
    "ERTREAT": "ETREAT",
    "HPAYMT": "",
    "CLMATTCH": "HPAYMT",
    "COVAUTH": "HPAYMT",
    "COVERAGE": "HPAYMT",
    "ELIGDTRM": "COVERAGE",
    "ELIGVER": "COVERAGE",
    "ENROLLM": "COVERAGE",
    "REMITADV": "HPAYMT",
    "HOPERAT": "",
    "FRAUD": "HOPERAT",
    "HCOMPL": "HOPERAT",
    "HLEGAL": "HOPERAT",
    "HQUALIMP": "HOPERAT",
    "HSYSADMIN": "HOPERAT",
    "PATADMIN": "HOPERAT",
    "PATSFTY": "HOPERAT",
    "PERFMSR": "HOPERAT",
    "RECORDMGT": "HOPERAT",
    "TRAIN": "HOPERAT",
    "PATRQT": "",
    "PUBHLTH": "",
    "HRESCH": "",
    "HMARKT": "",
}
# a word about treatment is none about emergencies, unless it names them
EMERGENCIES: Final = ("ETREAT", "BTG", "ERTREAT")
_BITS: Final = {code: 1 << place for place, code in enumerate(PARENTS)}


def code_of(said: str) -> str:
    """Return the code of a purpose, which UDAP writes behind its system and `#`; raises KeyError."""
    system, _, code = said.rpartition("#")
    if system not in {"", SYSTEM, OID} or code not in PARENTS:
        raise KeyError(said)
    return code


def is_a(code: str, other: str) -> bool:
    """Tell whether a purpose is another, or a kind of it."""
    return code == other or (code != "" and is_a(PARENTS[code], other))


def mask(codes: Iterable[str]) -> int:
    """Return purposes as bits."""
    return sum(_BITS[code] for code in set(codes))


def mask_with_kinds(codes: Iterable[str]) -> int:
    """Return purposes with all kinds of them as bits; emergencies only where they are named."""
    named = set(codes)
    kinds = {code for code in PARENTS if code not in EMERGENCIES and any(is_a(code, one) for one in named)}
    return mask(kinds | named)
