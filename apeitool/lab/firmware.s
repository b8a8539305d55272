// Firmware at EL2 of an arm64 guest, which QEMU's board has none of: SErrors with any syndrome, and SDEI.
//
// The kernel is entered at EL2.  Where its set-up of EL2 ends it comes to begin, and goes on at EL1; its
// vectors for EL2 lead to entry.  There is one processor, and the MMU of EL2 is off.
// A process that reads CTR_EL0 with the word in x1 asks for something: x2 is 1 for an SError whose syndrome
// is x3, 2 for the SDEI event x3.
// SMC calls of SDEI are answered here, those of PSCI by QEMU.  What nobody expects stops the processor.

begin:                                  // where the kernel's set-up of EL2 ends, which goes on at EL1
    mrs     x0, hcr_el2
    mov     x1, 0x20                    // SErrors are for EL2, virtual ones for EL1;
    movk    x1, 0xa, lsl 16             // SMC and reads of cache registers come here
    orr     x0, x0, x1
    msr     hcr_el2, x0
    mov     x0, 0xe11                   // it has booted at EL1
    eret

    .balign 256
entry:                                  // from the kernel's vectors; x30 is in TPIDR_EL2
    adr     x30, frame
    stp     x0, x1, [x30]
    stp     x2, x3, [x30, 16]
    stp     x4, x5, [x30, 32]
    stp     x6, x7, [x30, 48]
    stp     x8, x9, [x30, 64]
    stp     x10, x11, [x30, 80]
    stp     x12, x13, [x30, 96]
    stp     x14, x15, [x30, 112]
    stp     x16, x17, [x30, 128]
    stp     x18, x19, [x30, 144]
    stp     x20, x21, [x30, 160]
    stp     x22, x23, [x30, 176]
    stp     x24, x25, [x30, 192]
    stp     x26, x27, [x30, 208]
    stp     x28, x29, [x30, 224]
    mrs     x0, tpidr_el2
    str     x0, [x30, 240]
    mov     x19, x30
    mrs     x20, esr_el2
    lsr     x21, x20, 26
    cmp     x21, 0x17
    b.eq    firmware_call
    cmp     x21, 0x18
    b.eq    register_read
    adr     x0, lost
    str     x20, [x0]
    mrs     x1, elr_el2
    str     x1, [x0, 8]
stop:
    wfi
    b       stop

leave:
    adr     x30, frame
    ldp     x0, x1, [x30]
    ldp     x2, x3, [x30, 16]
    ldp     x4, x5, [x30, 32]
    ldp     x6, x7, [x30, 48]
    ldp     x8, x9, [x30, 64]
    ldp     x10, x11, [x30, 80]
    ldp     x12, x13, [x30, 96]
    ldp     x14, x15, [x30, 112]
    ldp     x16, x17, [x30, 128]
    ldp     x18, x19, [x30, 144]
    ldp     x20, x21, [x30, 160]
    ldp     x22, x23, [x30, 176]
    ldp     x24, x25, [x30, 192]
    ldp     x26, x27, [x30, 208]
    ldp     x28, x29, [x30, 224]
    ldr     x30, [x30, 240]
    eret

firmware_call:
    mrs     x0, elr_el2
    add     x0, x0, 4
    msr     elr_el2, x0
    ldr     x22, [x19]                  // the function
    lsr     x0, x22, 5
    mov     x1, 0x1
    movk    x1, 0x620, lsl 16           // 0xc4000020 and the 31 behind
    cmp     x0, x1
    b.eq    sdei
    // PSCI is QEMU's.
    ldp     x0, x1, [x19]
    ldp     x2, x3, [x19, 16]
    lsr     x4, x22, 24
    and     x5, x22, 0xffffff
    cmp     x5, 0x1f
    b.hi    unknown
    cmp     x4, 0x84
    b.eq    power
    cmp     x4, 0xc4
    b.ne    unknown
power:
    smc     0
    b       answered
unknown:
    mov     x0, -1
answered:
    str     x0, [x19]
    b       leave

register_read:
    mrs     x0, elr_el2
    add     x0, x0, 4
    msr     elr_el2, x0
    ubfx    x23, x20, 5, 5              // which general register
    ubfx    x24, x20, 14, 3             // op1
    ubfx    x25, x20, 17, 3             // op2
    tbz     x20, 0, written
    cmp     x24, 3
    b.eq    cache_type
    cmp     x24, 2
    b.eq    cache_selection
    cmp     x25, 1
    b.eq    cache_levels
    mrs     x0, ccsidr_el1
    b       was_read
cache_selection:
    mrs     x0, csselr_el1
    b       was_read
cache_levels:                           // with levels of unification, or the kernel hides CTR_EL0
    mrs     x0, clidr_el1
    mov     x1, 0x820
    lsl     x1, x1, 16
    orr     x0, x0, x1
    b       was_read
cache_type:
    mrs     x0, ctr_el0
was_read:
    cmp     x23, 31
    b.eq    leave
    str     x0, [x19, x23, lsl 3]
    cmp     x24, 3
    b.ne    leave
    // Is it one of ours?
    ldr     x0, [x19, 8]
    adr     x1, word
    ldr     x1, [x1]
    cmp     x0, x1
    b.ne    leave
    ldr     x0, [x19, 16]               // x2: what is to be done
    ldr     x1, [x19, 24]               // x3: with what
    cmp     x0, 1
    b.eq    serror
    cmp     x0, 2
    b.eq    event
    b       leave
written:
    cmp     x24, 2
    b.ne    leave
    mov     x0, 0
    cmp     x23, 31
    b.eq    select
    ldr     x0, [x19, x23, lsl 3]
select:
    msr     csselr_el1, x0
    b       leave

serror:                                 // x1 the syndrome; where there is no RAS it is the processor's own
    mrs     x0, id_aa64pfr0_el1
    ubfx    x0, x0, 28, 4
    cbz     x0, pending
    msr     s3_4_c5_c2_3, x1            // VSESR_EL2
pending:
    mrs     x0, hcr_el2
    orr     x0, x0, 0x100
    msr     hcr_el2, x0
    b       leave

event:                                  // x1 the event
    adr     x2, handler
    ldr     x3, [x2, 16]                // 1 registered, 2 enabled, 4 running, 8 masked
    cmp     x3, 3
    b.ne    denied
    mov     x3, 7
    str     x3, [x2, 16]
    // What is interrupted is kept.
    adr     x4, interrupted
    mov     x5, 0
keep:
    ldr     x6, [x19, x5]
    str     x6, [x4, x5]
    add     x5, x5, 8
    cmp     x5, 248
    b.ne    keep
    mrs     x6, elr_el2
    str     x6, [x4, 248]
    mrs     x7, spsr_el2
    str     x7, [x4, 256]
    str     x1, [x19]
    ldr     x3, [x2, 8]
    str     x3, [x19, 8]
    str     x6, [x19, 16]
    str     x7, [x19, 24]
    ldr     x3, [x2]
    msr     elr_el2, x3
    mov     x3, 0x3c5
    msr     spsr_el2, x3
    b       leave
denied:
    mov     x0, -3
    str     x0, [x19]
    b       leave

sdei:
    adr     x2, handler
    ldr     x3, [x2, 16]
    ldr     x1, [x19, 8]
    and     x0, x22, 0x1f
    cmp     x0, 0x0
    b.eq    sdei_version
    cmp     x0, 0x1
    b.eq    sdei_register
    cmp     x0, 0x2
    b.eq    sdei_enable
    cmp     x0, 0x3
    b.eq    sdei_disable
    cmp     x0, 0x4
    b.eq    sdei_context
    cmp     x0, 0x5
    b.eq    sdei_complete
    cmp     x0, 0x6
    b.eq    sdei_resume
    cmp     x0, 0x7
    b.eq    sdei_unregister
    cmp     x0, 0x8
    b.eq    sdei_status
    cmp     x0, 0x9
    b.eq    sdei_info
    cmp     x0, 0xb
    b.eq    sdei_mask
    cmp     x0, 0xc
    b.eq    sdei_unmask
    cmp     x0, 0x11
    b.eq    sdei_reset
    cmp     x0, 0x12
    b.eq    sdei_reset
    mov     x0, -1
    b       answered
sdei_version:
    mov     x0, 1
    lsl     x0, x0, 48
    b       answered
sdei_register:
    bl      check
    ldr     x4, [x19, 16]
    str     x4, [x2]
    ldr     x4, [x19, 24]
    str     x4, [x2, 8]
    orr     x3, x3, 1
    b       sdei_done
sdei_enable:
    bl      check
    orr     x3, x3, 2
    b       sdei_done
sdei_disable:
    and     x3, x3, 0xfffffffffffffffd
    b       sdei_done
sdei_unregister:
sdei_reset:
    and     x3, x3, 8
    b       sdei_done
sdei_mask:
    ubfx    x0, x3, 3, 1
    eor     x0, x0, 1
    orr     x3, x3, 8
    str     x3, [x2, 16]
    b       answered
sdei_unmask:
    and     x3, x3, 7
sdei_done:
    str     x3, [x2, 16]
    mov     x0, 0
    b       answered
sdei_status:
    and     x0, x3, 7
    b       answered
sdei_info:                              // private, signalled by firmware, critical
    bl      check
    ldr     x4, [x19, 16]
    cmp     x4, 2
    mov     x0, 0
    b.ne    answered
    mov     x0, 1
    b       answered
sdei_context:
    adr     x4, interrupted
    mov     x0, -2
    cmp     x1, 17
    b.hi    answered
    ldr     x0, [x4, x1, lsl 3]
    b       answered
sdei_complete:
sdei_resume:
    and     x3, x3, 0xfffffffffffffffb
    str     x3, [x2, 16]
    mov     x9, x0
    mov     x10, x1
    adr     x4, interrupted
    mov     x5, 0
give_back:
    ldr     x6, [x4, x5]
    str     x6, [x19, x5]
    add     x5, x5, 8
    cmp     x5, 248
    b.ne    give_back
    ldr     x6, [x4, 248]
    ldr     x7, [x4, 256]
    cmp     x9, 6
    b.eq    elsewhere
    msr     elr_el2, x6
    msr     spsr_el2, x7
    b       leave
elsewhere:                              // as an exception of EL1, at an address of the kernel's
    msr     elr_el1, x6
    msr     spsr_el1, x7
    msr     elr_el2, x10
    mov     x7, 0x3c5
    msr     spsr_el2, x7
    b       leave
check:                                  // is x1 the event that there is?
    adr     x5, number
    ldr     x5, [x5]
    cmp     x1, x5
    b.ne    no_event
    ret
no_event:
    mov     x0, -2
    b       answered

    .balign 8
word:                                   // who says this, and reads CTR_EL0, is one of ours
    .quad   0x5e5e5e5e5e5e5e5e
number:                                 // the event of SDEI
    .quad   804
lost:                                   // syndrome and address of what nobody expected
    .quad   0, 0
handler:                                // entry, argument, state
    .quad   0, 0, 0
frame:
    .space  256
interrupted:
    .space  272
