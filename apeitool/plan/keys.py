"""The keys of a plan, and their values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Self

from apeitool.errors import EncodeError
from apeitool.plan.room import END, Room
from apeitool.registers.address import AccessSize, AddressSpace, GenericAddress
from apeitool.render.plain import from_plain, integer, nearest
from apeitool.wire.record import Structure

Plan = Mapping[str, Any]
Keys = Mapping[str, str]
"""What each key means."""


def split(given: Plan, keys: Collection[str], kind: type[Structure], path: str) -> dict[str, Any]:
    """The fields of a structure among the keys of a plan.

    Raises:  EncodeError for what is neither one of ``keys`` nor a field.
    """
    fields = {field.name for field in kind.fields}
    for name in given:
        if name not in keys and name not in fields:
            said = f"neither a key of this plan nor a field of {kind.__name__}"
            raise EncodeError(said + nearest(name, [*keys, *fields]), path=f"{path}.{name}")
    return {name: value for name, value in given.items() if name not in keys}


def number(given: Plan, name: str, path: str) -> int | None:
    """The address or length that a key holds; None where it is not there.

    Raises:  EncodeError when it holds something else.
    """
    if name not in given:
        return None
    value = integer(given[name], f"{path}.{name}")
    if not 0 <= value < END:
        raise EncodeError("an address or a length has 64 bits", path=f"{path}.{name}")
    return value


def needed(given: Plan, name: str, path: str) -> int:
    """As `number`, of a key that must be there.

    Raises:  EncodeError also when it is not.
    """
    value = number(given, name, path)
    if value is None:
        raise EncodeError("missing, and nothing to derive it from", path=f"{path}.{name}")
    return value


def table(value: Any, path: str) -> dict[str, Any]:
    """A table of a plan.

    Raises:  EncodeError when it is something else.
    """
    if isinstance(value, dict):
        return value
    raise EncodeError("a table is needed", path=path)


def tables(given: Plan, name: str, path: str) -> list[tuple[str, dict[str, Any]]]:
    """The tables that a key holds a list of, each with its path.

    Raises:  EncodeError when it holds something else.
    """
    value = given.get(name, [])
    if not isinstance(value, list):
        raise EncodeError("a list of tables is needed", path=f"{path}.{name}")
    paths = (f"{path}.{name}[{index}]" for index in range(len(value)))
    return [(here, table(item, here)) for here, item in zip(paths, value, strict=True)]


def choice(value: Any, choices: Collection[str], path: str) -> str:
    """One of some words.

    Raises:  EncodeError when it is another.
    """
    if isinstance(value, str) and value in choices:
        return value
    raise EncodeError(f"{str(value)[:40]!r} is none of {', '.join(choices)}", path=path)


class Register(NamedTuple):
    """A register, as far as a plan describes it: all has followed but where it is."""

    shape: GenericAddress
    is_said: bool
    is_placed: bool

    def placed(self, room: Room, length: int = 8) -> GenericAddress:
        """The register where it is said to be; else where there is room for so many bytes."""
        return self.shape if self.is_placed else self.shape.replace(address=room.take(length))

    def moved(self, distance: int, path: str) -> Self:
        """The register so many bytes further on, if it is placed."""
        address = self.shape.address + distance
        if not self.is_placed:
            return self
        if address >= END:
            raise EncodeError(f"there is no address {address:#x}", path=path)
        return self._replace(shape=self.shape.replace(address=address))


def register(given: Any, path: str, *, bits: int = 64) -> Register:
    """A register: its address, some of its fields, or nothing; it has ``bits`` unless it says.

    Raises:  EncodeError when it is something else, or in a space where nobody can place it.
    """
    if given is None:
        given = {}
    said = given if isinstance(given, dict) else {"address": given}
    shape = from_plain(said, GenericAddress, path)
    if "address" not in said and shape.address_space_id != AddressSpace.SYSTEM_MEMORY:
        space = shape.address_space_id.text
        raise EncodeError(f"missing: nothing is placed in {space}", path=f"{path}.address")
    if "register_bit_width" not in said:
        access = 8 * shape.access_size.length or bits
        width = max(access - shape.register_bit_offset, 0)
        shape = shape.replace(register_bit_width=width)
    if "access_size" not in said:
        shape = shape.replace(access_size=_covering(shape))
    return Register(shape, bool(said), "address" in said)


def _covering(register: GenericAddress) -> AccessSize:
    """The narrowest access that a register fits into; the widest where none does."""
    bits = register.register_bit_offset + register.register_bit_width
    sizes = (AccessSize.BYTE, AccessSize.WORD, AccessSize.DWORD)
    return next((size for size in sizes if bits <= 8 * size.length), AccessSize.QWORD)
