"""What is compared for equality, spelt as one text: when a resource is written, and when one is searched for.

A term begins with the path of its value, so that one set of them tells a resource's values of all parameters.
"""

from collections.abc import Iterator


def of_token(path: str, system: str, code: str | None) -> Iterator[str]:
    """Give what a Coding or Identifier is found by: its code, its system, and both."""
    if code is not None:
        yield plain(path, code)
        yield pair(path, system, code)
    if system:
        yield of_system(path, system)


def plain(path: str, code: str) -> str:
    """Return the term of a code in any system, or of a value that has none."""
    return f"{path}={code}"


def pair(path: str, system: str, code: str) -> str:
    """Return the term of a code in a system; '' is none."""
    return f"{path}|{system}|{code}"


def of_system(path: str, system: str) -> str:
    """Return the term of any code in a system."""
    return f"{path}|{system}|"


def to(path: str, target: str) -> str:
    """Return the term of a reference to `Type/id`, or to an address elsewhere."""
    return f"{path}>{target}"


def exact(path: str, text: str) -> str:
    """Return the term of a text to the letter."""
    return f"{path}!{text}"


def words(path: str) -> str:
    """Return the path of what a code is called."""
    return f"{path}:text"


def units(path: str, system: str, code: str | None, unit: str | None) -> Iterator[str]:
    """Give the names of the ranges that a quantity stands in: in any unit, by its code, by its unit."""
    yield path
    if code:
        yield pair(path, system, code)
    for name in {code, unit} - {None, ""}:
        yield f"{path}||{name}"
