"""What Microsoft's memory extension sections have in common."""

import enum

from apeitool.wire.labels import flag_names


class AddressTranslation(enum.IntFlag):
    """Who translated the address that hardware gave, and whether it worked.

    Source:  Windows WDK 10.0.28000 cper.h WHEA_MEMORY_ERROR_EXT_SECTION_FLAGS
    """

    PRM_SUCCESS = 1 << 0
    PRM_FAILED = 1 << 1
    PRM_NOT_SUPPORTED = 1 << 2
    PLUGIN_SUCCESS = 1 << 3
    PLUGIN_FAILED = 1 << 4
    PLUGIN_NOT_SUPPORTED = 1 << 5


def translation(flags: int) -> str:
    """How the translation went, as the end of a sentence; empty where nothing is said."""
    return (
        f" (address translation: {', '.join(flag_names(AddressTranslation, flags))})"
        if flags
        else ""
    )
