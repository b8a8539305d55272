"""Build, decode and try out ACPI platform error tables and UEFI CPER records.

Names are imported when they are first used, so that a command pays only for what it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from apeitool.acpi.hest.generic import Ghes as Ghes
    from apeitool.acpi.hest.generic import GhesV2 as GhesV2

_HOMES = {
    "acpi.header": ("Table",),
    "acpi.hest.generic": ("Ghes", "GhesV2"),
}
