"""Instructions of arm64, assembled where they are needed: no binary is in the tree."""

from __future__ import annotations

from apeitool.errors import LabError, MissingError


def assembled(source: str, address: int = 0) -> bytes:
    """The code of a source that is to be at an address.

    Raises:  MissingError without the assembler; LabError for a source that is none.
    """
    try:
        import keystone
    except ImportError:
        raise MissingError(
            "the assembler keystone is missing", remedy="pip install 'apeitool[lab]'"
        ) from None
    assembler = keystone.Ks(keystone.KS_ARCH_ARM64, keystone.KS_MODE_LITTLE_ENDIAN)
    try:
        code, _ = assembler.asm(source, address, as_bytes=True)
    except keystone.KsError as error:
        raise LabError(f"what is to be assembled is wrong: {error}") from error
    if code is None:
        raise LabError("what is to be assembled is wrong")
    return bytes(code)
