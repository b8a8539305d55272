"""Every structure that the package declares, found by walking its modules."""

import importlib
import inspect
import pkgutil
from functools import cache
from types import ModuleType

import apeitool
from apeitool.wire.record import Structure

STRUCTURES = 276
"""How many there are.  A new declaration changes this number; a lost one must not go unseen."""


def walk(package: ModuleType) -> list[ModuleType]:
    """A package's modules, imported; ``__main__`` is left alone, it would run."""
    names = (m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))
    return [importlib.import_module(n) for n in sorted(names) if not n.endswith("__main__")]


def declared(base: type, modules: list[ModuleType]) -> list[type]:
    """The subclasses of ``base`` that these modules define themselves, in a stable order."""
    return [
        thing
        for module in modules
        for _, thing in sorted(vars(module).items())
        if inspect.isclass(thing)
        and issubclass(thing, base)
        and thing is not base
        and thing.__module__ == module.__name__
    ]


@cache
def structures() -> tuple[type[Structure], ...]:
    """Every structure of the package."""
    return tuple(declared(Structure, walk(apeitool)))


def kinds_of(base: type[Structure]) -> tuple[type[Structure], ...]:
    """``base`` and the structures that extend it."""
    return tuple(kind for kind in structures() if issubclass(kind, base))
