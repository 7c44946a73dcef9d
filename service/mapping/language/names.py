"""The names an expression may use, and what to say when one is none of them."""

from dataclasses import dataclass, field

from service.mapping.files.findings import nearest
from service.mapping.language.expression_nodes import Lookup, Variable
from service.mapping.language.types import World, paths
from service.mapping.terminology.concepts import Terminology


@dataclass(frozen=True, eq=False)
class Namespace:
    """The names an expression may use."""

    world: World
    terminology: Terminology
    roots: dict[str, Variable]
    names: dict[str, Variable] = field(default_factory=dict)

    def with_name(self, name: str, variable: Variable) -> "Namespace":
        """This namespace with one more name."""
        return Namespace(self.world, self.terminology, self.roots, self.names | {name: variable})

    def known_paths(self) -> list[str]:
        """Every path that could have been meant."""
        return [
            f"{name}{path.removeprefix(variable.path)}"
            for name, variable in self.names.items()
            for path in [variable.path, *_all_paths(variable)]
        ]

    def named(self, subject: Lookup) -> str:
        """A lookup as it stands in the mapping, with the names used there."""
        base = subject.base
        name = next((name for name, variable in self.names.items() if variable is base), base.path)
        return ".".join([name, *(step for step in subject.steps if isinstance(step, str))])

    def unknown_name_message(self, name: str, prefix: str, names: list[str]) -> str:
        """What to say of a name that is not known: what was meant, or what is known."""
        close = nearest(name, names)
        meant = f"{prefix}{close}" if close else _elsewhere(f"{prefix}{name}", self)
        listed = ", ".join(f"`{path}`" for path in sorted(names)[:12])
        return f"`{prefix}{name}` is unknown; " + (
            f"did you mean `{meant}`?" if meant else f"known here: {listed}"
        )


def _all_paths(variable: Variable) -> list[str]:
    every_path: dict[str, None] = {}
    for path in paths(variable.shape, variable.path):
        steps = path.removeprefix(variable.path).strip(".").split(".")
        for count in range(1, len(steps) + 1):
            every_path[".".join([variable.path, *steps[:count]])] = None
    return list(every_path)


def _elsewhere(wrong: str, namespace: Namespace) -> str:
    every_path = namespace.known_paths()
    last = wrong.rpartition(".")[2]
    ending = [path for path in every_path if path.rpartition(".")[2] == last]
    return min(ending, key=len) if ending else nearest(wrong, every_path)
