"""The file of a record store: a header and the frames behind it, read whatever happened to them.

The rules:

1. A frame is one operation: a record was written, or cleared.  The last frame about an identifier
   says what holds.
2. Each frame begins with the mark of its store: 8 random bytes, which no record in it contains.
   Frames are walked by their lengths; behind damage, the mark tells where the next one begins, and
   nothing that a guest had stored can be taken for one.
3. The header of a frame has a CRC-32C of its own, so that its length can be trusted where its record
   is damaged; the record has the other.
4. Frames are numbered, so that it is known how many operations damage took.
5. A file that ends within a frame, or in nothing but zeros, was being written when the power failed:
   a torn tail.  Nobody was told that this operation was done.
6. Whatever else is no whole frame is damage.  It is told with its offset, and what lies behind it is
   read.  Where a record was damaged, an older one of its identifier is what is left.
7. Where the header of the file is damaged, the first frame tells the mark.
"""

from dataclasses import dataclass, field
from typing import Annotated

from crcmod.predefined import mkPredefinedCrcFun  # type: ignore[import-untyped]

from apeitool.errors import StoreError
from apeitool.wire.labels import Label
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, U16, U32, U64, Derived, Hex, Text, Unit, u16

MAGIC = "APEISTOR"
VERSION = 1

_crc32c = mkPredefinedCrcFun("crc-32c")


def crc32c(data: bytes) -> int:
    """The CRC-32C of bytes."""
    return int(_crc32c(data))


class Operation(Label):
    """What was done to a record."""

    WRITE = 1
    CLEAR = 2


def _own_crc(header: Structure) -> int:
    """The CRC-32C of a header, with zeros where it stands itself."""
    return crc32c(header.replace(header_crc=0).to_bytes())


class StoreHeader(Structure):
    """Header of a record store.

    Shape:   24 bytes, little-endian; frames follow.
    Raises:  Truncated when fewer than 24 bytes are given.
    Source:  apeitool docs/firmware.md
    """

    magic: Annotated[str, Text(8), Derived(lambda h: MAGIC)] = AUTO
    version: U16 = VERSION
    reserved: Annotated[U16, Hex] = 0
    header_crc: Annotated[U32, Hex, "of the other bytes", Derived(_own_crc, last=True)] = AUTO
    mark: Annotated[U64, Hex, "what each frame begins with"] = 0

    @property
    def is_whole(self) -> bool:
        """Whether it is the header of a store, and undamaged."""
        return self.magic == MAGIC and self.header_crc == _own_crc(self)


class StoreFrame(Structure):
    """Header of a frame.

    Shape:   40 bytes, little-endian; the record follows.
    Raises:  Truncated when fewer than 40 bytes are given.
    Source:  apeitool docs/firmware.md
    """

    mark: Annotated[U64, Hex, "that of the store"] = 0
    sequence: Annotated[U64, "frames before it in the file"] = 0
    record_id: Annotated[U64, Hex] = 0
    operation: Annotated[Operation, u16] = Operation.WRITE
    reserved: Annotated[U16, Hex] = 0
    record_length: Annotated[U32, Unit("bytes")] = 0
    record_crc: Annotated[U32, Hex, "of the record"] = 0
    header_crc: Annotated[
        U32, Hex, "of the other bytes of this header", Derived(_own_crc, last=True)
    ] = AUTO

    @property
    def is_whole(self) -> bool:
        """Whether it is undamaged."""
        return self.header_crc == _own_crc(self)


HEADER = StoreHeader.fixed_size
FRAME = StoreFrame.fixed_size


def framed(
    mark: int, sequence: int, operation: Operation, record_id: int, record: bytes = b""
) -> bytes:
    """A frame with its record."""
    header = StoreFrame(
        mark=mark, sequence=sequence, operation=operation, record_id=record_id,
        record_length=len(record), record_crc=crc32c(record),
    )  # fmt: skip
    return header.to_bytes() + record


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a store that are no whole frame.

    ``header`` is that of the frame, and ``record`` what is left of its record, where it is whole.
    """

    offset: int
    length: int
    rule: str
    header: StoreFrame | None = None
    record: bytes = b""

    def __str__(self) -> str:
        return f"offset {self.offset:#x}, {self.length} bytes: {self.rule}"


@dataclass(slots=True)
class Contents:
    """What a store's file holds.

    ``end`` is where the next frame goes, ``sequence`` its number; ``torn`` is how many bytes a torn
    tail has.
    """

    mark: int
    end: int = HEADER
    sequence: int = 0
    torn: int = 0
    records: dict[int, bytes] = field(default_factory=dict)
    damage: list[Damage] = field(default_factory=list)

    def apply(self, operation: Operation, record_id: int, record: bytes) -> None:
        """Rules 1 and 4: what a frame does."""
        if operation == Operation.CLEAR:
            self.records.pop(record_id, None)
        else:
            self.records[record_id] = record
        self.sequence += 1


def is_store(data: bytes) -> bool:
    """Whether bytes begin as a store does."""
    return data.startswith(MAGIC.encode())


def is_unmade(data: bytes) -> bool:
    """Whether a store was to be made, and nothing has come into it yet: nothing is lost with it."""
    begun = data[: len(MAGIC)] == MAGIC.encode()[: len(data)]
    return not any(data) if len(data) == HEADER else len(data) < HEADER and (begun or not any(data))


def contents(data: bytes) -> Contents:
    """All that can be read of a store's file.

    Raises:  StoreError when it is none, or of another version.
    """
    found = _opened(data)
    while found.end < len(data):
        header = _header_at(data, found.end, found)
        stop = found.end + FRAME + (header.record_length if header else 0)
        record = data[found.end + FRAME : stop] if header else b""
        if header and stop <= len(data) and crc32c(record) == header.record_crc:
            _skip(found, header.sequence, 0)
            found.apply(header.operation, header.record_id, record)
            found.end = stop
            continue
        following = _next(data, found)
        if following == len(data) and _is_torn(data[found.end :], header):
            found.torn = len(data) - found.end
            break
        if header is None:
            after = _header_at(data, following, found)
            _skip(found, after.sequence if after else None, following - found.end)
        else:
            following = min(stop, following)
            _skip(found, header.sequence, 0)
            rule = f"record {header.record_id:#x}, as it was written here, is damaged"
            length = following - found.end
            found.damage.append(Damage(found.end, length, rule, header, record))
            found.sequence += 1
        found.end = following
    return found


def _opened(data: bytes) -> Contents:
    """The store before its first frame: rules 2 and 7."""
    head = StoreHeader.from_bytes(data[:HEADER]) if len(data) >= HEADER else None
    if head and head.is_whole:
        if head.version != VERSION:
            raise StoreError(f"a record store of version {head.version}; {VERSION} is known")
        return Contents(head.mark)
    if len(data) >= HEADER + FRAME:
        first = StoreFrame.from_bytes(data[HEADER : HEADER + FRAME])
        if first.is_whole:
            found = Contents(first.mark)
            found.damage.append(Damage(0, HEADER, "the header of the store is damaged"))
            return found
    raise StoreError(f"{len(data)} bytes are no record store")


def _header_at(data: bytes, offset: int, found: Contents) -> StoreFrame | None:
    """The header of a frame that can stand there."""
    if len(data) - offset < FRAME:
        return None
    header = StoreFrame.from_bytes(data[offset : offset + FRAME])
    is_next = header.mark == found.mark and header.sequence >= found.sequence
    return header if is_next and header.is_whole and header.operation.is_known else None


def _next(data: bytes, found: Contents) -> int:
    """Where the next frame begins behind damage; the end if there is none."""
    mark = found.mark.to_bytes(8, "little")
    offset = data.find(mark, found.end + 1)
    while offset >= 0 and _header_at(data, offset, found) is None:
        offset = data.find(mark, offset + 1)
    return offset if offset >= 0 else len(data)


def _is_torn(rest: bytes, header: StoreFrame | None) -> bool:
    """Rule 5."""
    whole = FRAME + (header.record_length if header else 0)
    return len(rest) < whole or not any(rest)


def _skip(found: Contents, sequence: int | None, length: int) -> None:
    """Rules 4 and 6: bytes that are no frame, and operations that are missing before the next."""
    missing = 0 if sequence is None else sequence - found.sequence
    if length:
        count = f"; {missing} operations are lost" if sequence is not None else ""
        found.damage.append(Damage(found.end, length, f"no frame of this store{count}"))
    elif missing:
        found.damage.append(Damage(found.end, 0, f"{missing} operations are missing here"))
    found.sequence += missing
