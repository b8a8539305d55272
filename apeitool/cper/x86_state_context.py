"""Register contexts of the IA32/X64 processor section that hold the state of a processor.

Source:  UEFI 2.10 N.2.4.2.2; Intel SDM volume 1 10.5.1 for FXSAVE
"""

from typing import Annotated

from apeitool.cper.x86_context import AS_BYTES, ArrayRest, Padding, X86Context, X86ContextType
from apeitool.registers.x86_state import Cr0, Cr4, Dr6, Mxcsr, Rflags
from apeitool.wire.shapes import NUMBER, Json, Slice, Slices
from apeitool.wire.types import U8, U16, U32, U64, Bytes, Hex, u16

_MEMBER = Json(within="registerArray", shape=NUMBER)

Register16 = Annotated[U16, Hex, _MEMBER]
Register32 = Annotated[U32, Hex, _MEMBER]
Register64 = Annotated[U64, Hex, _MEMBER]


def _halves(name: str) -> Json:
    parts = {f"{name}_{half}": Slice(64 * half, 64, NUMBER) for half in (0, 1)}
    return Json("registerArray", Slices(None, {None: parts}))


class Ia32StateContext(X86Context):
    """32-bit mode execution context.

    Shape:   108 bytes, little-endian, and padding.
    """

    register_context_type: Annotated[X86ContextType, u16] = (
        X86ContextType.IA32_MODE_EXECUTION_CONTEXT
    )
    eax: Register32 = 0
    ebx: Register32 = 0
    ecx: Register32 = 0
    edx: Register32 = 0
    esi: Register32 = 0
    edi: Register32 = 0
    ebp: Register32 = 0
    esp: Register32 = 0
    cs: Register16 = 0
    ds: Register16 = 0
    ss: Register16 = 0
    es: Register16 = 0
    fs: Register16 = 0
    gs: Register16 = 0
    eflags: Annotated[Register32, Rflags] = 0
    eip: Register32 = 0
    cr0: Annotated[Register32, Cr0] = 0
    cr1: Register32 = 0
    cr2: Annotated[Register32, "address of a page fault"] = 0
    cr3: Register32 = 0
    cr4: Annotated[Register32, Cr4] = 0
    gdtr: Register64 = 0
    idtr: Register64 = 0
    ldtr: Register16 = 0
    tr: Register16 = 0
    rest: ArrayRest = b""
    padding: Padding = b""


class X64General(X86Context):
    """What the contexts of 64-bit mode begin with.

    Shape:   216 bytes, little-endian.
    """

    register_context_type: Annotated[X86ContextType, u16] = (
        X86ContextType.X64_MODE_EXECUTION_CONTEXT
    )
    rax: Register64 = 0
    rbx: Register64 = 0
    rcx: Register64 = 0
    rdx: Register64 = 0
    rsi: Register64 = 0
    rdi: Register64 = 0
    rbp: Register64 = 0
    rsp: Register64 = 0
    r8: Register64 = 0
    r9: Register64 = 0
    r10: Register64 = 0
    r11: Register64 = 0
    r12: Register64 = 0
    r13: Register64 = 0
    r14: Register64 = 0
    r15: Register64 = 0
    cs: Register16 = 0
    ds: Register16 = 0
    ss: Register16 = 0
    es: Register16 = 0
    fs: Register16 = 0
    gs: Register16 = 0
    reserved: Annotated[U32, Hex] = 0
    rflags: Annotated[Register64, Rflags] = 0
    rip: Annotated[Register64, Json("registerArray.eip", NUMBER)] = 0
    cr0: Annotated[Register64, Cr0] = 0
    cr1: Register64 = 0
    cr2: Annotated[Register64, "address of a page fault"] = 0
    cr3: Register64 = 0
    cr4: Annotated[Register64, Cr4] = 0


class X64StateContext(X64General):
    """64-bit mode execution context.

    Shape:   260 bytes, little-endian, and padding.
    """

    cr8: Register64 = 0
    gdtr: Annotated[bytes, Bytes(16), _halves("gdtr")] = bytes(16)
    idtr: Annotated[bytes, Bytes(16), _halves("idtr")] = bytes(16)
    ldtr: Register16 = 0
    tr: Register16 = 0
    rest: ArrayRest = b""
    padding: Padding = b""


class X64StateContextWithoutCr8(X64General):
    """64-bit mode execution context as edk2 declares it, without CR8.

    Shape:   252 bytes, little-endian, and padding.
    Source:  UEFI 2.10 N.2.4.2.2
    """

    gdtr: Annotated[bytes, Bytes(16), _halves("gdtr")] = bytes(16)
    idtr: Annotated[bytes, Bytes(16), _halves("idtr")] = bytes(16)
    ldtr: Register16 = 0
    tr: Register16 = 0
    rest: ArrayRest = b""
    padding: Padding = b""


class FxsaveContext(X86Context):
    """FXSAVE context: x87 and SSE registers.

    Shape:   528 bytes, little-endian, and padding.
    """

    register_context_type: Annotated[X86ContextType, u16] = X86ContextType.FXSAVE_CONTEXT
    fcw: Annotated[Register16, AS_BYTES] = 0
    fsw: Register16 = 0
    ftw: Annotated[U8, Hex] = 0
    reserved_5: Annotated[U8, Hex] = 0
    fop: Register16 = 0
    fip: Register64 = 0
    fdp: Register64 = 0
    mxcsr: Annotated[Register32, Mxcsr] = 0
    mxcsr_mask: Register32 = 0
    st0: Annotated[bytes, Bytes(16)] = bytes(16)
    st1: Annotated[bytes, Bytes(16)] = bytes(16)
    st2: Annotated[bytes, Bytes(16)] = bytes(16)
    st3: Annotated[bytes, Bytes(16)] = bytes(16)
    st4: Annotated[bytes, Bytes(16)] = bytes(16)
    st5: Annotated[bytes, Bytes(16)] = bytes(16)
    st6: Annotated[bytes, Bytes(16)] = bytes(16)
    st7: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm0: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm1: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm2: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm3: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm4: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm5: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm6: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm7: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm8: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm9: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm10: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm11: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm12: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm13: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm14: Annotated[bytes, Bytes(16)] = bytes(16)
    xmm15: Annotated[bytes, Bytes(16)] = bytes(16)
    available: Annotated[bytes, Bytes(96), "reserved in part"] = bytes(96)
    rest: ArrayRest = b""
    padding: Padding = b""


class Ia32DebugContext(X86Context):
    """32-bit mode debug registers.

    Shape:   48 bytes, little-endian, and padding.
    """

    register_context_type: Annotated[X86ContextType, u16] = X86ContextType.IA32_MODE_DEBUG_REGISTERS
    dr0: Annotated[Register32, AS_BYTES] = 0
    dr1: Register32 = 0
    dr2: Register32 = 0
    dr3: Register32 = 0
    dr4: Register32 = 0
    dr5: Register32 = 0
    dr6: Annotated[Register32, Dr6] = 0
    dr7: Register32 = 0
    rest: ArrayRest = b""
    padding: Padding = b""


class X64DebugContext(X86Context):
    """64-bit mode debug registers.

    Shape:   80 bytes, little-endian, and padding.
    """

    register_context_type: Annotated[X86ContextType, u16] = X86ContextType.X64_MODE_DEBUG_REGISTERS
    dr0: Annotated[Register64, AS_BYTES] = 0
    dr1: Register64 = 0
    dr2: Register64 = 0
    dr3: Register64 = 0
    dr4: Register64 = 0
    dr5: Register64 = 0
    dr6: Annotated[Register64, Dr6] = 0
    dr7: Register64 = 0
    rest: ArrayRest = b""
    padding: Padding = b""
