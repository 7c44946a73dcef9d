"""Who may say whose the numbers of a system are, as the partner registry has it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assertions:
    """Systems, each with the names of the partners that may say whose its numbers are.

    Of a system that is not among them everybody may.
    """

    asserters: tuple[tuple[str, frozenset[str]], ...] = ()

    def allow(self, partner: str, *systems: str) -> bool:
        """Return whether a partner may say whose a number is that stands under all these systems."""
        return all(partner in names for system, names in self.asserters if system in systems)

    def closed_to(self, partner: str) -> tuple[str, ...]:
        """Return the systems of whose numbers a partner may not say it."""
        return tuple(system for system, names in self.asserters if partner not in names)
