"""What kind of number an identifier is, by HL7 table 0203: https://terminology.hl7.org/CodeSystem-v2-0203.html."""

import re
from collections.abc import Iterable
from typing import Final

SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
_TABLE: Final = """
AC ACSN AM AMA AN ANC AND ANON ANT APRN ASID BA BC BCFN BCT BR BRN BSNR CC CONM CY CZ DC DCFN
DDS DEA DFN DI DL DN DO DP DPM DR DS EI EN ESN FDR FDRFN FI FILL GI GL GN HC IND JHN LACSN LANR
LI LN LR MA MB MC MCD MCN MCR MCT MD MI MR MRT MS NBSNR NCT NE NH NI NII NIIP NP NPI OBI OD PA
PC PCN PE PEN PHC PHE PHO PI PLAC PN PNT PPIN PPN PRC PRN PT QA RI RN RPH RR RRI RRP SB SID SL
SN SNBSN SNO SP SR SS STN TAX TN TPR TRL U UDI UPIN USID VN VP VS WC WCN WP XV XX
"""
TYPES: Final = frozenset(_TABLE.split())
PERSONAL: Final = frozenset({"MR", "MRT", "PI", "PT", "PNT", "PE", "PN", "NI", "JHN", "HC", "CZ"})
"""The numbers of which each names one person: record numbers and those that a country or region gives."""
OF_SYSTEMS: Final = {
    "http://hl7.org/fhir/sid/us-ssn": "SS",
    "urn:oid:2.16.840.1.113883.4.1": "SS",
    "http://hl7.org/fhir/sid/us-medicare": "MC",
    "http://hl7.org/fhir/sid/us-mbi": "MC",
    "urn:oid:2.16.840.1.113883.4.572": "MC",
    "urn:oid:2.16.840.1.113883.4.927": "MC",
    "http://ns.electronichealth.net.au/id/medicare-number": "MC",
}
"""Public systems whose numbers are of one type: it needs not be sent with them."""
_NATIONAL: Final = re.compile(r"NN[A-Za-z]{2,3}")
_WORDS: Final = (
    ("SS", r"ssn?|social.?security.*"),
    ("MR", r"mrn|medical.?record.*|patient.?(id|number)|hospital.?number"),
    ("AN", r".*\baccount.*|acct.*|fin|fin.?nbr|financial.*|har"),
    ("VN", r".*(visit|encounter|admission|stay).*|enc|csn"),
    ("SN", r".*subscriber.*"),
    ("MB", r".*(member|insur|policy|beneficiary).*"),
    ("MC", r"medicare.*"),
    ("MA", r"medicaid.*"),
    ("DL", r".*driver.*|.*licen[cs]e.*"),
    ("SNO", r".*(device|serial).*"),
    ("PPN", r".*passport.*"),
    ("U", r".*(family|household|e.?mail|phone|portal|login|user).*"),
)
_KINDS: Final = tuple((code, re.compile(words)) for code, words in _WORDS)


def type_of(sent: str | None) -> str | None:
    """Return the code of table 0203 for what a sender writes as a number's type, a code or words.

    Words of a sender that say nothing of the kind (`EPI`, `CPR`) give None: it is their record number.
    """
    if not sent:
        return None
    code = sent.strip().upper()
    if code in TYPES or _NATIONAL.fullmatch(code):
        return code
    words = " ".join(re.split(r"[\W_]+", sent.strip().lower()))
    return next((kind for kind, pattern in _KINDS if pattern.fullmatch(words)), None)


def type_of_any(names: Iterable[str]) -> str | None:
    """Return the type that the first of a sender's names for it gives, as `type_of`."""
    return next((kind for name in names if (kind := type_of(name)) is not None), None)


def is_personal(type_: str | None) -> bool:
    """Return whether a number of a type names one person; one without a type is a record number."""
    return type_ is None or type_ in PERSONAL or bool(_NATIONAL.fullmatch(type_))
