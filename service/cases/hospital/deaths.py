"""Dispositions that say a death: by codes, and by words in the languages that hospitals write them in."""

import re
from typing import Any, Final

from service.values.identifiers.placeholders import words_of

_DISPOSITIONS: Final = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
_SNOMED: Final = "http://snomed.info/sct"
_TABLE_0112: Final = ("20", "40", "41", "42")
_CODES: Final = frozenset(
    {
        (_DISPOSITIONS, "exp"),
        # § 301 SGB V, as in Germany's basic profiles; the data dictionary of the NHS
        ("http://fhir.de/CodeSystem/dkgev/EntlassungsgrundErsteUndZweiteStelle", "07"),
        ("https://fhir.hl7.org.uk/CodeSystem/UKCore-DischargeMethodEngland", "4"),
        ("https://fhir.hl7.org.uk/CodeSystem/UKCore-DischargeDestinationEngland", "79"),
        *((_SNOMED, code) for code in ("419099009", "371828006", "397709008")),
        *(
            (system, code)
            for code in _TABLE_0112
            # without a system, as with PV1-36, it is HL7's table that everybody extends
            for system in (
                None,
                "http://terminology.hl7.org/CodeSystem/v2-0112",
                "http://hl7.org/fhir/v2/0112",
                "urn:oid:2.16.840.1.113883.12.112",
                "urn:oid:2.16.840.1.113883.6.301.5",
                "http://www.nubc.org/patient-discharge",
                "https://www.nubc.org/CodeSystem/PatDischargeStatus",
            )
        ),
    }
)
"""Those of HL7, of countries, of table 0112 and of the UB-04 form, and SNOMED CT's of who has died."""
# without marks above and below letters, as `words_of` gives them
_WORDS: Final = (
    *("expired", "deceased", "died", "dead", "death", "dod", "dode", "dodt", "dodsfald", "afdod"),
    *("avliden", "avled", "avlidit", "dodsfall", "verstorben", "gestorben", "tod", "tot", "todesfall"),
    *("exitus", "kuollut", "kuoli", "kuolema", "menehtynyt", "умер", "умерла", "смерть", "скончался"),
    *("скончалась", "летальныи"),
)
_WHOLE: Final = ("exp", "mors")
_WHO: Final = (
    "the|in|hospital|patienten|patientin|patient|pat|pt|client|resident|infant|newborn|baby|person"
    "|has|is|was|er|ist|har|ar|on|пациент|больнои"
)
_SAYING: Final = re.compile(rf"\W*(?:(?:{_WHO})\W+)*(?:(?:{'|'.join(_WORDS)})\b|(?:{'|'.join(_WHOLE)})\W*\Z)")


def is_death(disposition: dict[str, Any]) -> bool:
    """Return whether a disposition, a `Coded` of the contracts, says that somebody has died.

    Its words count, whichever coding has them, and a code that is such a word itself.
    """
    codings = [disposition, *disposition.get("alternates", ())]
    texts = [disposition.get("text", "")]
    for coding in codings:
        texts += (coding.get("display", ""), coding.get("code", ""))
    if any(_SAYING.match(words_of(text)) for text in texts):
        return True
    return any((coding.get("system"), coding.get("code")) in _CODES for coding in codings)
