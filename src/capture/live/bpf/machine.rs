//! The machine itself, for tests: what the kernel does with a program and a frame.

use super::*;

/// Bytes that are kept of `frame`. `protocol` is what the kernel knows of it beside its bytes.
pub(in crate::capture::live) fn run(program: &[Instruction], protocol: u16, frame: &[u8]) -> u32 {
    let (mut a, mut x, mut memory, mut at) = (0u32, 0u32, [0u32; 16], 0usize);
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        let operand = if code & BY_X != 0 { x } else { k };
        match code & 0x07 {
            LD if code & 0xe0 == MEM => a = memory[k as usize],
            LD if code & 0xe0 == IMM => a = k,
            LD if code & 0xe0 == ABS && k == KERNEL_PROTOCOL => a = protocol.into(),
            LD => {
                let from = if code & 0xe0 == IND { x.checked_add(k) } else { Some(k) };
                let len = match code & 0x18 {
                    WORD => 4,
                    HALF => 2,
                    _ => 1,
                };
                let Some(octets) = from.and_then(|f| frame.get(f as usize..)?.get(..len)) else { return 0 };
                a = octets.iter().fold(0, |word, octet| word << 8 | u32::from(*octet));
            }
            LDX => {
                assert_eq!(code & 0xe0, IMM);
                x = k;
            }
            ST => memory[k as usize] = a,
            ALU => {
                a = match code & 0xf0 {
                    ADD => a.wrapping_add(operand),
                    AND => a & operand,
                    LSH => a << operand,
                    RSH => a >> operand,
                    other => panic!("{other:x}"),
                }
            }
            JMP if code & 0xf0 == ALWAYS => at += k as usize,
            JMP => {
                let holds = match code & 0xf0 {
                    EQUAL => a == k,
                    GREATER => a > k,
                    AT_LEAST => a >= k,
                    ANY_BIT => a & k != 0,
                    other => panic!("{other:x}"),
                };
                at += usize::from(if holds { jt } else { jf });
            }
            RET => return k,
            MISC if code == MISC | A_TO_X => x = a,
            MISC => a = x,
            _ => unreachable!(),
        }
    }
}
