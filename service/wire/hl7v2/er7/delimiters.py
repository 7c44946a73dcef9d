"""The delimiters of a message, which MSH-1 and MSH-2 declare: HL7 v2 chapter 2, "Message delimiters"."""

from dataclasses import dataclass

from service.errors import Malformed

HEADERS = ("MSH", "FHS", "BHS")


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The characters that part a message; one that a sender leaves out of MSH-2 is empty and never used."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def encoding(self) -> str:
        """MSH-2 as it is written."""
        return f"{self.component}{self.repetition}{self.escape}{self.subcomponent}{self.truncation}"

    @property
    def separators(self) -> tuple[str, ...]:
        """Those that part something from something."""
        marks = (self.field, self.repetition, self.component, self.subcomponent)
        return tuple(mark for mark in marks if mark)


DEFAULT = Delimiters()


def delimiters_of(line: str) -> Delimiters:
    """Read the delimiters of a line that begins with MSH, FHS or BHS.

    Raises:
        Malformed: they are missing, a letter, digit or blank, or one of them stands twice.
    """
    name, separator = line[:3], line[3:4]
    if not _fit(separator):
        raise Malformed(
            "No field separator; send one character that is no letter, digit or blank.",
            where=f"{name}-1",
        )
    encoding = line[4:].partition(separator)[0]
    if not 1 <= len(encoding) <= 5 or not all(map(_fit, encoding)):
        raise Malformed("Not four encoding characters; send ^~\\&.", where=f"{name}-2")
    if len(set(encoding)) < len(encoding):
        raise Malformed(
            "An encoding character stands twice, so nobody can tell what it parts; send ^~\\&.",
            where=f"{name}-2",
        )
    marks = [*encoding, "", "", "", "", ""]
    return Delimiters(separator, *marks[:5])


def _fit(character: str) -> bool:
    return character.isprintable() and not character.isalnum() and not character.isspace() and character != ""
