"""What HL7's tables come to in FHIR, as HL7's v2-to-FHIR maps and R4's pages have it."""

from typing import Final

SEX: Final = {
    "f": "female",
    "m": "male",
    "o": "other",
    "a": "other",
    "u": "unknown",
    "x": "other",
    "n": "other",
    "female": "female",
    "male": "male",
    "unknown": "unknown",
    "other": "other",
    "d": "other",
}
# v2 0004 that has a class; R (recurring) and B (obstetrics) have none of their own, N and U say nothing
CLASS: Final = {"i": "imp", "o": "amb", "e": "emer", "p": "prenc"}
STATUS: Final = {
    "A01": "in-progress",
    "A02": "in-progress",
    "A03": "finished",
    "A04": "in-progress",
    "A05": "planned",
    "A06": "in-progress",
    "A07": "in-progress",
    "A11": "cancelled",
    "A13": "in-progress",
    "A14": "planned",
    "A21": "onleave",
    "A22": "in-progress",
    "A27": "cancelled",
    "A38": "cancelled",
}
# v2 0112 (UB-04) and R4's discharge-disposition
DISPOSITION: Final = {
    **dict.fromkeys(("01", "1", "home"), "home"),
    **dict.fromkeys(("02", "2", "05", "5"), "oth-hosp"),
    **dict.fromkeys(("03", "3"), "snf"),
    **dict.fromkeys(("04", "4"), "long"),
    **dict.fromkeys(("07", "7"), "aadvice"),
    **dict.fromkeys(("20", "40", "41", "42", "exp"), "exp"),
    **dict.fromkeys(("50", "51"), "hosp"),
    **dict.fromkeys(("62",), "rehab"),
    **dict.fromkeys(("65",), "psy"),
}
USE: Final = {
    **dict.fromkeys(("a", "admitting", "admission"), ("ad", "admission")),
    **dict.fromkeys(("f", "final", "d", "discharge"), ("dd", "discharge")),
}
# those who take part: v2 0443 and 0912, and R4's participant types and roles of practitioners
ATTENDING: Final = ("atnd", "attending", "attender")
REFERRING: Final = ("ref", "referring", "referrer")
CONSULTING: Final = ("con", "consulting", "consultant")
ADMITTING: Final = ("adm", "admitting", "admitter")
PRIMARY: Final = ("pcp", "primary care physician", "general-practitioner", "family doctor", "pprf")
ROLES: Final = {
    **dict.fromkeys(("at", "atnd"), ATTENDING),
    **dict.fromkeys(("ad", "adm"), ADMITTING),
    **dict.fromkeys(("cp", "con"), CONSULTING),
    **dict.fromkeys(("rp", "ref"), REFERRING),
    **dict.fromkeys(("pp", "fhcp"), PRIMARY),
}
# of a relationship, the kind that is as right; who is called a mother is no father
KIN: Final = {
    **dict.fromkeys(("spo", "spouse", "wife", "husband"), ("spouse", "sps", "spouse-or-partner")),
    **dict.fromkeys(("hus", "wif", "husb", "sps"), ("spouse", "sps", "spouse-or-partner")),
    **dict.fromkeys(("dom", "domprt", "life partner", "partner"), ("partner", "domprt")),
    **dict.fromkeys(("mth", "mother"), ("parent", "prn", "mth", "mother")),
    **dict.fromkeys(("fth", "father"), ("parent", "prn", "fth", "father")),
    **dict.fromkeys(("par", "parent", "prn"), ("parent", "prn")),
    **dict.fromkeys(("son",), ("child", "chd", "chil", "son")),
    **dict.fromkeys(("dau", "daughter"), ("child", "chd", "chil", "daughter")),
    **dict.fromkeys(("chd", "child", "nchild"), ("child", "chd", "chil")),
    **dict.fromkeys(("bro", "brother"), ("sibling", "sib", "brother")),
    **dict.fromkeys(("sis", "sister"), ("sibling", "sib", "sister")),
    **dict.fromkeys(("sib", "sibling"), ("sibling", "sib")),
    **dict.fromkeys(("grd", "guardian", "guard"), ("guardian", "guard", "grd")),
    **dict.fromkeys(("frnd", "friend", "fnd"), ("friend", "frnd", "fnd")),
    **dict.fromkeys(("gch", "grandchild"), ("grandchild", "gch", "famemb")),
    **dict.fromkeys(("grp", "grandparent"), ("grandparent", "grp", "famemb")),
    **dict.fromkeys(("emc", "emergency contact", "ec"), ("emergency-contact", "emergency contact", "c")),
    **dict.fromkeys(("emr", "employer"), ("employer", "emr", "e")),
}
SYSTEMS: Final = {
    **dict.fromkeys(
        ("sct", "snomed", "snm", "snomed-ct", "snomed ct", "sct2", "2.16.840.1.113883.6.96"),
        "http://snomed.info/sct",
    ),
    **dict.fromkeys(("i10", "icd10", "icd-10", "2.16.840.1.113883.6.3"), "http://hl7.org/fhir/sid/icd-10"),
    **dict.fromkeys(
        ("i10c", "icd10cm", "icd-10-cm", "2.16.840.1.113883.6.90"), "http://hl7.org/fhir/sid/icd-10-cm"
    ),
    **dict.fromkeys(("i9c", "icd9cm", "icd-9-cm", "i9cdx"), "http://hl7.org/fhir/sid/icd-9-cm"),
    **dict.fromkeys(("i9", "icd9", "icd-9"), "http://hl7.org/fhir/sid/icd-9-cm"),
    **dict.fromkeys(
        ("icd10gm", "icd-10-gm", "i10g", "icd10gm2026"), "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
    ),
    **dict.fromkeys(("ln", "loinc"), "http://loinc.org"),
}
LANGUAGES: Final = {
    "eng": "en",
    "english": "en",
    "ger": "de",
    "deu": "de",
    "dan": "da",
    "swe": "sv",
    "fin": "fi",
    "rus": "ru",
    "spa": "es",
    "ara": "ar",
    "fra": "fr",
    "fre": "fr",
    "ita": "it",
    "dut": "nl",
    "nld": "nl",
    "spanish": "es",
}
