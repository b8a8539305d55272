"""Action tables, executed: the operating system runs them, firmware sits behind their registers.

The rules of the operating system:

1. An action is the run of entries that carry its number.  They are executed one after the other,
   from the first; an action without entries cannot be executed.
2. An action has one value: the operand first, then whatever its instructions read.  It is the
   result.  Variables and address bases are zero at first, numbers have 64 bits.
3. A register is accessed whole.  Reading shifts by the bit offset, then masks.  Writing masks, then
   shifts; the other bits of the access become zero unless the entry preserves the register.
4. "Skip next" and "go to" lead to instructions of the same action, counted from 0; behind the last
   one, the action has ended.
5. Time is added up, not spent.  What goes round and round is firmware's fault.

Linux departs from the specification where an instruction of ERST has a value of its own (stall, add
and subtract value, skip, go to): it takes the value of rule 2.  Here, the specification holds.

The rules of firmware behind registers that are plain memory:

6. An order is an action that writes a constant.  It is given once its last constant is there;
   firmware then takes it away, so that it can be given again.
7. What an action shall read, firmware writes beforehand: nobody tells it of a read.
8. Firmware is busy from an execution until it has answered.  Where executing does not itself say so,
   in the register that the busy status is read from, firmware says so while nothing is asked, and
   again after the end.  It sees the end only when it looks: a table had better say so itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from apeitool.acpi.action import Instruction, InstructionEntry, InstructionFlags, actions
from apeitool.errors import AccessError, FirmwareFault
from apeitool.linux.accept import check_gar
from apeitool.memory import Memory, read_register, register_mask, write_register
from apeitool.registers.address import AccessSize, GenericAddress

LIMIT = 10_000
"""Steps that an action may take; each look of a stall is one."""

ALL = range(max(Instruction) + 1)
"""All instructions: those of ERST."""

_WORD = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class Result:
    """What executing an action came to.

    Units:   ``waited_us`` in microseconds: how long its stalls would have taken.
    """

    value: int
    steps: int
    waited_us: int


def execute(
    entries: Iterable[InstructionEntry],
    action: int,
    memory: Memory,
    *,
    operand: int = 0,
    instructions: range = ALL,
    limit: int = LIMIT,
) -> Result:
    """Execute an action of a table.

    Raises:  FirmwareFault when the action has no entries, an instruction that ``instructions`` lack,
             or more than ``limit`` steps; AccessError where a register or the data to move is not
             in memory.
    Source:  ACPI 6.5 18.5.1.2, 18.6.2
    """
    program = actions(entries).get(int(action))
    if not program:
        raise FirmwareFault(f"the table has no entry for action {int(action):#x}")
    run = _Run(memory, operand & _WORD, limit)
    while run.next < len(program):
        entry = program[run.next]
        number = int(entry.instruction)
        run.where = f"action {int(action):#x}, instruction {run.next} ({entry.sentence()})"
        if number not in instructions or number not in _MEANING:
            raise FirmwareFault(f"{run.where}: unknown instruction type {number}")
        run.step()
        run.next += 1
        _MEANING[number](run, entry)
    return Result(run.value, run.steps, run.waited_us)


@dataclass(slots=True)
class _Run:
    """An action while it is executed; ``next`` is the instruction that comes next."""

    memory: Memory
    value: int
    limit: int
    next: int = 0
    where: str = ""
    steps: int = 0
    waited_us: int = 0
    var1: int = 0
    var2: int = 0
    source: int = 0
    destination: int = 0

    def step(self) -> None:
        """Rule 5."""
        if self.steps >= self.limit:
            raise FirmwareFault(f"{self.where}: no end after {self.limit} steps")
        self.steps += 1

    def read(self, entry: InstructionEntry) -> int:
        """What the entry's register holds."""
        return read_entry(self.memory, entry)

    def write(self, entry: InstructionEntry, value: int) -> None:
        """Write the entry's register."""
        keeps = bool(entry.flags & InstructionFlags.PRESERVE_REGISTER)
        write_entry(self.memory, entry, value, preserve=keeps)


def read_entry(memory: Memory, entry: InstructionEntry) -> int:
    """Rule 3: what an entry reads from its register."""
    held = read_register(memory, _whole(entry.register_region))
    return held >> entry.register_region.register_bit_offset & entry.mask


def write_entry(memory: Memory, entry: InstructionEntry, value: int, *, preserve: bool) -> None:
    """Rule 3: write a value where an entry reads or writes."""
    register, offset = _whole(entry.register_region), entry.register_region.register_bit_offset
    word = (value & entry.mask) << offset
    if preserve:
        word |= read_register(memory, register) & ~(entry.mask << offset)
    write_register(memory, register, word & register_mask(register))


def _whole(register: GenericAddress) -> GenericAddress:
    """All that one access of a register touches."""
    verdict = check_gar(register)
    if not verdict.accepted:
        raise AccessError(verdict.message)
    width = verdict.access_width
    size = AccessSize(width.bit_length() - 3)
    return register.replace(register_bit_width=width, register_bit_offset=0, access_size=size)


def _read(run: _Run, entry: InstructionEntry) -> None:
    run.value = run.read(entry)


def _compare(run: _Run, entry: InstructionEntry) -> None:
    run.value = int(run.read(entry) == entry.value)


def _write(run: _Run, entry: InstructionEntry) -> None:
    run.write(entry, run.value)


def _write_value(run: _Run, entry: InstructionEntry) -> None:
    run.value = entry.value
    run.write(entry, entry.value)


def _nothing(run: _Run, entry: InstructionEntry) -> None:
    pass


def _load_var1(run: _Run, entry: InstructionEntry) -> None:
    run.var1 = run.read(entry)


def _load_var2(run: _Run, entry: InstructionEntry) -> None:
    run.var2 = run.read(entry)


def _store_var1(run: _Run, entry: InstructionEntry) -> None:
    run.write(entry, run.var1)


def _add(run: _Run, entry: InstructionEntry) -> None:
    run.var1 = run.var1 + run.var2 & _WORD


def _subtract(run: _Run, entry: InstructionEntry) -> None:
    run.var1 = run.var1 - run.var2 & _WORD


def _add_value(run: _Run, entry: InstructionEntry) -> None:
    run.write(entry, run.read(entry) + entry.value)


def _subtract_value(run: _Run, entry: InstructionEntry) -> None:
    run.write(entry, run.read(entry) - entry.value)


def _stall(run: _Run, entry: InstructionEntry) -> None:
    run.waited_us += entry.value


def _stall_while_true(run: _Run, entry: InstructionEntry) -> None:
    while run.read(entry) == entry.value:
        run.step()
        run.waited_us += run.var1


def _skip_next(run: _Run, entry: InstructionEntry) -> None:
    run.next += run.read(entry) == entry.value


def _goto(run: _Run, entry: InstructionEntry) -> None:
    run.next = entry.value


def _set_source(run: _Run, entry: InstructionEntry) -> None:
    run.source = run.read(entry)


def _set_destination(run: _Run, entry: InstructionEntry) -> None:
    run.destination = run.read(entry)


def _move_data(run: _Run, entry: InstructionEntry) -> None:
    offset = run.read(entry)
    data = run.memory.read(run.source + offset & _WORD, run.var2)
    run.memory.write(run.destination + offset & _WORD, data)


_MEANING: dict[int, Callable[[_Run, InstructionEntry], None]] = {
    Instruction.READ_REGISTER: _read,
    Instruction.READ_REGISTER_VALUE: _compare,
    Instruction.WRITE_REGISTER: _write,
    Instruction.WRITE_REGISTER_VALUE: _write_value,
    Instruction.NOOP: _nothing,
    Instruction.LOAD_VAR1: _load_var1,
    Instruction.LOAD_VAR2: _load_var2,
    Instruction.STORE_VAR1: _store_var1,
    Instruction.ADD: _add,
    Instruction.SUBTRACT: _subtract,
    Instruction.ADD_VALUE: _add_value,
    Instruction.SUBTRACT_VALUE: _subtract_value,
    Instruction.STALL: _stall,
    Instruction.STALL_WHILE_TRUE: _stall_while_true,
    Instruction.SKIP_NEXT_INSTRUCTION_IF_TRUE: _skip_next,
    Instruction.GOTO: _goto,
    Instruction.SET_SRC_ADDRESS_BASE: _set_source,
    Instruction.SET_DST_ADDRESS_BASE: _set_destination,
    Instruction.MOVE_DATA: _move_data,
}


@dataclass(frozen=True, slots=True)
class Executor:
    """The operating system with a table before it.

    ``turn`` is called whenever the system waits for firmware: there, firmware may work.
    """

    entries: Sequence[InstructionEntry]
    memory: Memory
    turn: Callable[[], object]
    instructions: range = ALL
    patience: int = 1000
    """How often it asks whether firmware is busy."""

    def has(self, action: int) -> bool:
        """Whether the table has an action."""
        return action in actions(self.entries)

    def run(self, action: int, operand: int = 0) -> int:
        """Execute an action; its value."""
        return execute(
            self.entries, action, self.memory, operand=operand, instructions=self.instructions
        ).value

    def run_optional(self, action: int) -> None:
        """Execute an action that a table may leave out: begin and end."""
        if self.has(action):
            self.run(action)

    def operate(self, execution: int, busy: int, status: int) -> int:
        """Have the operation executed that has been set up; the command status.

        Raises:  FirmwareFault when firmware stays busy.
        """
        self.run(execution)
        for _ in range(self.patience):
            self.turn()
            if not self.run(busy) & 1:
                return self.run(status)
        raise FirmwareFault(f"firmware is busy still, asked {self.patience} times")


class Registers:
    """Firmware behind a table whose registers are plain memory.

    ``orders`` are the actions whose constants are looked for, as far as the table has them.

    Raises:  FirmwareFault when an order writes no constant, or only constants that say nothing.
    """

    def __init__(
        self, entries: Iterable[InstructionEntry], memory: Memory, orders: Iterable[int]
    ) -> None:
        self._memory = memory
        self._actions = actions(entries)
        wanted = [int(order) for order in orders if order in self._actions]
        self._orders = {order: self._constant(order) for order in wanted}
        self._idle = {order: _idle(order, self._orders) for order in wanted}

    def given(self) -> set[int]:
        """Rule 6: the orders that are given now."""
        return {
            order
            for order, entry in self._orders.items()
            if read_entry(self._memory, entry) == entry.value & entry.mask
        }

    def take(self, *orders: int) -> None:
        """Rule 6: take orders away."""
        for order in orders:
            if order in self._orders:
                self._put(self._orders[order], self._idle[order])

    def has(self, action: int) -> bool:
        """Whether the table has an action."""
        return action in self._actions

    def written(self, action: int) -> int:
        """What the guest wrote with an action last."""
        return read_entry(self._memory, self.last(action, Instruction.WRITE_REGISTER))

    def clear(self, action: int) -> None:
        """Forget what the guest wrote with an action."""
        self._put(self.last(action, Instruction.WRITE_REGISTER), 0)

    def answer(self, action: int, value: int) -> None:
        """Rule 7: have an action read a value; one that compares reads whether it is true."""
        entry = self.last(action, Instruction.READ_REGISTER, Instruction.READ_REGISTER_VALUE)
        if entry.instruction == Instruction.READ_REGISTER_VALUE:
            value = entry.value if value else ~entry.value
        self._put(entry, value)

    def shares(self, order: int, action: int) -> bool:
        """Whether giving an order writes the register that an action reads."""
        read = self.last(action, Instruction.READ_REGISTER, Instruction.READ_REGISTER_VALUE)
        return any(
            entry.instruction == Instruction.WRITE_REGISTER_VALUE
            and entry.register_region.address == read.register_region.address
            for entry in self._actions.get(order, ())
        )

    def last(self, action: int, *instructions: Instruction) -> InstructionEntry:
        """The last entry of an action that is one of these instructions.

        Raises:  FirmwareFault when there is none.
        """
        for entry in reversed(self._actions.get(action, ())):
            if entry.instruction in instructions:
                return entry
        names = " or ".join(instruction.name for instruction in instructions)
        raise FirmwareFault(f"action {int(action):#x} has no {names}")

    def _constant(self, order: int) -> InstructionEntry:
        return self.last(order, Instruction.WRITE_REGISTER_VALUE)

    def _put(self, entry: InstructionEntry, value: int) -> None:
        write_entry(self._memory, entry, value, preserve=True)


class Operations(Registers):
    """Firmware behind the actions by which a guest executes operations, in EINJ as in ERST.

    ``begins`` are the actions that say which operation it is, where there is a choice.
    """

    def __init__(
        self,
        entries: Iterable[InstructionEntry],
        memory: Memory,
        *,
        execution: int,
        busy: int,
        status: int,
        end: int,
        begins: Iterable[int] = (),
    ) -> None:
        self._begins = tuple(begins)
        super().__init__(entries, memory, (*self._begins, execution, end))
        self._execution, self._busy, self._status, self._end = execution, busy, status, end
        self._tells_busy = not self.shares(execution, busy)

    def rest(self) -> None:
        """Nothing is asked: whatever was, firmware forgets."""
        self.take(*self._begins, self._execution, self._end)
        self.answer(self._status, 0)
        self.answer(self._busy, self._tells_busy)

    def ended(self) -> bool:
        """Whether the guest ended an operation; firmware then is ready for the next."""
        if self._end not in self.given():
            return False
        self.take(self._end)
        if self._tells_busy:
            self.answer(self._busy, 1)
        return True

    def executed(self) -> bool:
        """Whether the guest executed an operation that is not finished."""
        return self._execution in self.given()

    def finish(self, status: int) -> None:
        """Answer, and last of all be no longer busy."""
        self.answer(self._status, status)
        self.take(*self._begins, self._execution)
        self.answer(self._busy, 0)


def _idle(order: int, orders: Mapping[int, InstructionEntry]) -> int:
    """A value that gives none of the orders that share this one's register."""
    own = orders[order]
    taken = {e.value & e.mask for e in orders.values() if _place(e) == _place(own)}
    value = 0
    for _ in range(len(taken) + 1):
        if value not in taken:
            return value
        value = value - own.mask & own.mask  # the next number of the mask's bits only
    raise FirmwareFault(f"action {order:#x}: its register always holds an order")


def _place(entry: InstructionEntry) -> tuple[int, int]:
    return entry.register_region.address, entry.register_region.register_bit_offset
