"""Finds every section type, and writes the index from which they are loaded one by one.

``python -m apeitool.cper.discover`` rewrites ``index.py``; a test holds it equal to what is found.
"""

import importlib
import pkgutil
from pathlib import Path

HEAD = '''"""Section types by GUID.  Written by ``python -m apeitool.cper.discover``."""

SECTIONS: dict[str, str] = {
'''


def discover() -> dict[str, str]:
    """GUID -> ``module:Class`` of every section type below ``cper/sections``.

    Raises:  TypeError when two types share a GUID.
    """
    from apeitool.cper import sections
    from apeitool.cper.section import Section

    found: dict[str, str] = {}
    for module in pkgutil.walk_packages(sections.__path__, "apeitool.cper.sections."):
        for thing in vars(importlib.import_module(module.name)).values():
            if not (isinstance(thing, type) and issubclass(thing, Section)):
                continue
            if thing.__module__ != module.name or "guid" not in vars(thing):
                continue
            place = f"{module.name.removeprefix('apeitool.cper.')}:{thing.__name__}"
            for guid in (thing.guid, *thing.aliases):
                if found.setdefault(str(guid), place) != place:
                    raise TypeError(f"{place} and {found[str(guid)]} share {guid}")
    return dict(sorted(found.items(), key=lambda item: item[1]))


def index_text() -> str:
    """The text of ``index.py``."""
    rows = "".join(f'    "{guid}": "{place}",\n' for guid, place in discover().items())
    return f"{HEAD}{rows}}}\n"


if __name__ == "__main__":
    Path(__file__).with_name("index.py").write_text(index_text(), encoding="utf-8")
