// A process that touches bad memory and tells what comes of it.  Linux for arm64, without a C library.
//
// It has a page of its own and one of physical memory where nobody answers, and says first
//     own PHYSICAL VIRTUAL NOWHERE
// the last being the virtual address of the other.
// Then it reads commands from standard input: b touches the other page, o its own; k has the kernel
// touch the other page; f makes it a real-time process; e, behind which are two numbers of 8 bytes, asks
// the firmware for something (firmware.s); q ends it.
//     read                    the touch came to pass
//     signal CODE ADDRESS LSB a SIGBUS came; the instruction that it is about is left out
// With an argument it is told of bad pages before it touches them (PR_MCE_KILL_EARLY).
// Numbers are 16 digits in hex.

start:
    ldr     x20, [sp]                   // how many arguments
    mov     x0, 0
    mov     x1, 4096
    mov     x2, 3                       // to read and write
    mov     x3, 0x22                    // private, of nobody
    mov     x4, -1
    mov     x5, 0
    mov     x8, 222                     // mmap
    svc     0
    mov     x19, x0
    str     x1, [x19]                   // now it is there
    cmp     x20, 1
    b.ls    heedless
    mov     x0, 33                      // PR_MCE_KILL
    mov     x1, 1                       // set
    mov     x2, 1                       // early
    mov     x3, 0
    mov     x4, 0
    mov     x8, 167                     // prctl
    svc     0
heedless:
    sub     sp, sp, 64
    adr     x0, handler
    mov     x1, 4                       // with siginfo
    movk    x1, 0x1000, lsl 16          // what was interrupted goes on
    stp     x0, x1, [sp]
    stp     xzr, xzr, [sp, 16]
    mov     x0, 7                       // SIGBUS
    mov     x1, sp
    mov     x2, 0
    mov     x3, 8
    mov     x8, 134                     // rt_sigaction
    svc     0
    adr     x1, pagemap
    mov     x2, 0
    bl      open
    mov     x1, sp
    mov     x2, 8
    lsr     x3, x19, 9                  // 8 bytes a page
    mov     x8, 67                      // pread64
    svc     0
    ldr     x24, [sp]
    and     x24, x24, 0x7fffffffffffff
    lsl     x24, x24, 12
    adr     x1, memory
    mov     x2, 0x1002
    movk    x2, 0x10, lsl 16            // to read and write, at once
    bl      open
    mov     x4, x0
    mov     x0, 0
    mov     x1, 4096
    mov     x2, 3
    mov     x3, 1                       // shared
    movz    x5, 0x0b00, lsl 16
    mov     x8, 222
    svc     0
    mov     x21, x0
    mov     x1, sp
    ldr     x2, own
    str     x2, [x1], 4
    mov     x0, x24
    bl      hex
    mov     x0, x19
    bl      hex
    mov     x0, x21
    bl      hex
    bl      say
commands:
    mov     x0, 0
    mov     x1, sp
    mov     x2, 1
    mov     x8, 63                      // read
    svc     0
    cmp     x0, 1
    b.ne    end
    ldrb    w0, [sp]
    mov     x22, x21
    cmp     w0, 0x62                    // b
    b.eq    touch
    mov     x22, x19
    cmp     w0, 0x6f                    // o
    b.eq    touch
    cmp     w0, 0x6b                    // k
    b.eq    kernel
    cmp     w0, 0x66                    // f
    b.eq    first
    cmp     w0, 0x65                    // e
    b.eq    ask
    cmp     w0, 0x71                    // q
    b.ne    commands
end:
    mov     x0, 0
    mov     x8, 94                      // exit_group
    svc     0
first:
    mov     x0, 1                       // priority
    str     x0, [sp]
    mov     x0, 0
    mov     x1, 1                       // SCHED_FIFO
    mov     x2, sp
    mov     x8, 119                     // sched_setscheduler
    svc     0
    b       commands
ask:
    mov     x0, 0
    mov     x1, sp
    mov     x2, 16
    mov     x8, 63
    svc     0
    ldp     x2, x3, [sp]
    ldr     x1, word
    mrs     x0, ctr_el0
    b       was_read
kernel:
    mov     x1, x21                     // as the path of a file
    mov     x2, 0
    bl      open
    b       commands
touch:
    mov     x23, 0
    ldr     w0, [x22]
    cbnz    x23, commands
was_read:
    mov     x1, sp
    ldr     x2, read
    str     x2, [x1], 5
    bl      say
    b       commands

open:                                   // x1 path, x2 flags -> x0
    mov     x0, -100
    mov     x8, 56                      // openat
    svc     0
    ret

hex:                                    // x0 number, x1 where to -> x1 behind it
    mov     x3, 64
digit:
    sub     x3, x3, 4
    lsr     x2, x0, x3
    and     x2, x2, 15
    cmp     x2, 9
    b.ls    decimal
    add     x2, x2, 39
decimal:
    add     x2, x2, 48
    strb    w2, [x1], 1
    cbnz    x3, digit
    mov     w2, 32
    strb    w2, [x1], 1
    ret

say:                                    // from sp up to x1, whose last byte is a space
    mov     w2, 10
    strb    w2, [x1, -1]
    mov     x3, sp
    sub     x2, x1, x3
    mov     x1, x3
    mov     x0, 1
    mov     x8, 64                      // write
    svc     0
    ret

handler:                                // x1 siginfo, x2 context
    mov     x9, x1
    mov     x10, x2
    mov     x11, x30
    sub     sp, sp, 64
    mov     x1, sp
    ldr     x2, signal
    str     x2, [x1], 7
    ldrsw   x0, [x9, 8]
    bl      hex
    ldr     x0, [x9, 16]
    bl      hex
    ldrsh   x0, [x9, 24]
    bl      hex
    bl      say
    add     sp, sp, 64
    mov     x30, x11
    ldr     w0, [x9, 8]
    cmp     w0, 5                       // BUS_MCEERR_AO is about no instruction
    b.eq    back
    ldr     x0, [x10, 440]              // pc
    add     x0, x0, 4
    str     x0, [x10, 440]
    mov     x0, 1
    str     x0, [x10, 368]              // x23
back:
    ret

    .balign 8
word:
    .quad   0x5e5e5e5e5e5e5e5e
own:
    .ascii  "own     "
read:
    .ascii  "read    "
signal:
    .ascii  "signal  "
pagemap:
    .asciz  "/proc/self/pagemap"
memory:
    .asciz  "/dev/mem"
