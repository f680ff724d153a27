//! An assembler for the classic BPF machine that the kernel runs on every frame (linux/filter.h,
//! Documentation/networking/filter.rst).
//!
//! The machine has an accumulator, an index register that holds how far a frame has been read here, 16 words of memory,
//! and jumps that only go forward; a conditional one no further than 255 instructions. The assembler knows names for
//! places and mends the jumps that would be too far. A load beyond the end of the frame ends the program: the frame is
//! dropped.

/// One instruction, as `struct sock_filter`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instruction {
    /// What is done.
    pub code: u16,
    /// Instructions to skip where the condition holds.
    pub jt: u8,
    /// Instructions to skip where it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

pub(super) const LD: u16 = 0x00;
pub(super) const LDX: u16 = 0x01;
pub(super) const ST: u16 = 0x02;
pub(super) const ALU: u16 = 0x04;
pub(super) const JMP: u16 = 0x05;
pub(super) const RET: u16 = 0x06;
pub(super) const MISC: u16 = 0x07;

pub(super) const WORD: u16 = 0x00;
pub(super) const HALF: u16 = 0x08;
pub(super) const OCTET: u16 = 0x10;

pub(super) const IMM: u16 = 0x00;
pub(super) const ABS: u16 = 0x20;
pub(super) const IND: u16 = 0x40;
pub(super) const MEM: u16 = 0x60;

pub(super) const ADD: u16 = 0x00;
pub(super) const AND: u16 = 0x50;
pub(super) const LSH: u16 = 0x60;
pub(super) const RSH: u16 = 0x70;
/// The operand is the index register.
pub(super) const BY_X: u16 = 0x08;

pub(super) const ALWAYS: u16 = 0x00;
pub(super) const EQUAL: u16 = 0x10;
pub(super) const GREATER: u16 = 0x20;
pub(super) const AT_LEAST: u16 = 0x30;
pub(super) const ANY_BIT: u16 = 0x40;

pub(super) const A_TO_X: u16 = 0x00;
pub(super) const X_TO_A: u16 = 0x80;

/// Where a load of the protocol that the kernel knows begins (`SKF_AD_OFF + SKF_AD_PROTOCOL`).
pub(super) const KERNEL_PROTOCOL: u32 = 0xffff_f000;

/// A place in the program. It may be placed more than once: a jump goes to the next one after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Label(usize);

#[derive(Clone, Copy, Debug)]
enum Item {
    Place(Label),
    Plain(u16, u32),
    /// Code, operand, where to go if it holds, where else; `None`: on with the next instruction.
    Branch(u16, u32, Option<Label>, Option<Label>),
    Jump(Label),
}

/// A program under way.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    items: Vec<Item>,
    labels: usize,
}

impl Assembler {
    pub(super) fn new() -> Assembler {
        Assembler::default()
    }

    /// A place that is not placed yet.
    pub(super) fn label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels - 1)
    }

    pub(super) fn place(&mut self, label: Label) {
        self.items.push(Item::Place(label));
    }

    /// Accumulator: the byte at `at` from where reading stands.
    pub(super) fn load_octet(&mut self, at: u32) {
        self.plain(LD | OCTET | IND, at);
    }

    /// Accumulator: two bytes, the higher first.
    pub(super) fn load_half(&mut self, at: u32) {
        self.plain(LD | HALF | IND, at);
    }

    /// Accumulator: four bytes.
    pub(super) fn load_word(&mut self, at: u32) {
        self.plain(LD | WORD | IND, at);
    }

    /// Accumulator: the protocol of the frame, as the kernel has it.
    pub(super) fn load_kernel_protocol(&mut self) {
        self.plain(LD | WORD | ABS, KERNEL_PROTOCOL);
    }

    /// Reading stands at the start of the frame.
    pub(super) fn go_to_start(&mut self) {
        self.plain(LDX | WORD | IMM, 0);
    }

    /// Reading goes on by `bytes`. The accumulator is lost.
    pub(super) fn skip(&mut self, octets: u32) {
        self.plain(MISC | X_TO_A, 0);
        self.plain(ALU | ADD, octets);
        self.plain(MISC | A_TO_X, 0);
    }

    /// Reading goes on by what the accumulator holds.
    pub(super) fn skip_by_accumulator(&mut self) {
        self.plain(ALU | ADD | BY_X, 0);
        self.plain(MISC | A_TO_X, 0);
    }

    pub(super) fn add(&mut self, n: u32) {
        self.plain(ALU | ADD, n);
    }

    pub(super) fn and(&mut self, mask: u32) {
        self.plain(ALU | AND, mask);
    }

    pub(super) fn shift_left(&mut self, bits: u32) {
        self.plain(ALU | LSH, bits);
    }

    pub(super) fn shift_right(&mut self, bits: u32) {
        self.plain(ALU | RSH, bits);
    }

    /// Keeps the accumulator in a word of memory, 0 to 15.
    pub(super) fn store(&mut self, word: u32) {
        self.plain(ST, word);
    }

    pub(super) fn recall(&mut self, word: u32) {
        self.plain(LD | MEM, word);
    }

    /// Ends: `bytes` of the frame are kept; 0: it is dropped.
    pub(super) fn keep(&mut self, octets: u32) {
        self.plain(RET, octets);
    }

    pub(super) fn jump(&mut self, to: Label) {
        self.items.push(Item::Jump(to));
    }

    /// Goes to `to` where the accumulator is one of `values`.
    pub(super) fn if_in(&mut self, values: &[u32], to: Label) {
        for value in values {
            self.items.push(Item::Branch(JMP | EQUAL, *value, Some(to), None));
        }
    }

    /// Goes to `to` where the accumulator is not `value`.
    pub(super) fn unless(&mut self, value: u32, to: Label) {
        self.items.push(Item::Branch(JMP | EQUAL, value, None, Some(to)));
    }

    pub(super) fn if_at_least(&mut self, value: u32, to: Label) {
        self.items.push(Item::Branch(JMP | AT_LEAST, value, Some(to), None));
    }

    pub(super) fn if_below(&mut self, value: u32, to: Label) {
        self.items.push(Item::Branch(JMP | AT_LEAST, value, None, Some(to)));
    }

    pub(super) fn if_above(&mut self, value: u32, to: Label) {
        self.items.push(Item::Branch(JMP | GREATER, value, Some(to), None));
    }

    /// Goes to `to` where the accumulator is within `first..=last`.
    pub(super) fn if_within(&mut self, first: u32, last: u32, to: Label) {
        let beyond = self.label();
        self.if_below(first, beyond);
        self.items.push(Item::Branch(JMP | GREATER, last, None, Some(to)));
        self.place(beyond);
    }

    /// Goes to `to` where any bit of `mask` is set in the accumulator.
    pub(super) fn if_any_bit(&mut self, mask: u32, to: Label) {
        self.items.push(Item::Branch(JMP | ANY_BIT, mask, Some(to), None));
    }

    pub(super) fn unless_any_bit(&mut self, mask: u32, to: Label) {
        self.items.push(Item::Branch(JMP | ANY_BIT, mask, None, Some(to)));
    }

    fn plain(&mut self, code: u16, k: u32) {
        self.items.push(Item::Plain(code, k));
    }

    /// The program. `None`: a jump goes backward or nowhere, or the program is longer than the machine's counters.
    pub(super) fn assemble(&self) -> Option<Vec<Instruction>> {
        // How many instructions an item takes: a branch that goes too far has a jump behind it for each such end.
        let mut far = vec![(false, false); self.items.len()];
        loop {
            let starts = self.starts(&far);
            let mut grown = false;
            for (index, item) in self.items.iter().enumerate() {
                let (Item::Branch(_, _, yes, no), Some(far)) = (item, far.get_mut(index)) else { continue };
                let from = starts.get(index)? + 1;
                for (end, far) in [(yes, &mut far.0), (no, &mut far.1)] {
                    let Some(label) = end else { continue };
                    let distance = self.find(*label, index, &starts)?.checked_sub(from)?;
                    if distance > usize::from(u8::MAX) && !*far {
                        *far = true;
                        grown = true;
                    }
                }
            }
            if !grown {
                return self.write(&starts, &far);
            }
        }
    }

    /// The position of each item.
    fn starts(&self, far: &[(bool, bool)]) -> Vec<usize> {
        let mut at = 0usize;
        self.items
            .iter()
            .zip(far)
            .map(|(item, far)| {
                let start = at;
                at += match item {
                    Item::Place(_) => 0,
                    Item::Plain(..) | Item::Jump(_) => 1,
                    Item::Branch(..) => 1 + usize::from(far.0) + usize::from(far.1),
                };
                start
            })
            .collect()
    }

    /// The position of a label's next place after an item.
    fn find(&self, label: Label, after: usize, starts: &[usize]) -> Option<usize> {
        let places = self.items.iter().zip(starts).skip(after);
        places.filter(|(item, _)| matches!(item, Item::Place(l) if *l == label)).map(|(_, at)| *at).next()
    }

    fn write(&self, starts: &[usize], far: &[(bool, bool)]) -> Option<Vec<Instruction>> {
        let mut program = Vec::new();
        for (index, (item, far)) in self.items.iter().zip(far).enumerate() {
            let jump_to = |label: Label, from: usize| {
                let distance = self.find(label, index, starts)?.checked_sub(from)?;
                Some(Instruction { code: JMP | ALWAYS, jt: 0, jf: 0, k: u32::try_from(distance).ok()? })
            };
            match *item {
                Item::Place(_) => {}
                Item::Plain(code, k) => program.push(Instruction { code, jt: 0, jf: 0, k }),
                Item::Jump(label) => program.push(jump_to(label, program.len() + 1)?),
                Item::Branch(code, k, yes, no) => {
                    let at = program.len() + 1;
                    let trampolines = usize::from(far.0) + usize::from(far.1);
                    let distance = |end: Option<Label>, far: bool, trampoline: usize| match end {
                        None => Some(trampolines),
                        Some(_) if far => Some(trampoline),
                        Some(label) => self.find(label, index, starts)?.checked_sub(at),
                    };
                    let jt = u8::try_from(distance(yes, far.0, 0)?).ok()?;
                    let jf = u8::try_from(distance(no, far.1, usize::from(far.0))?).ok()?;
                    program.push(Instruction { code, jt, jf, k });
                    for (end, far) in [(yes, far.0), (no, far.1)] {
                        if let Some(label) = end.filter(|_| far) {
                            program.push(jump_to(label, program.len() + 1)?);
                        }
                    }
                }
            }
        }
        Some(program)
    }
}

#[cfg(test)]
pub(super) mod machine;

#[cfg(test)]
mod tests {
    use super::machine::run;
    use super::*;

    #[test]
    fn a_jump_that_is_too_far_gets_help_whichever_way_it_goes() {
        for fillers in [0, 1, 253, 254, 255, 256, 300, 2000] {
            let mut a = Assembler::new();
            let (yes, no) = (a.label(), a.label());
            a.go_to_start();
            a.load_octet(0);
            a.items.push(Item::Branch(JMP | EQUAL, 7, Some(yes), Some(no)));
            for _ in 0..fillers {
                a.add(1);
            }
            a.place(yes);
            a.keep(1);
            for _ in 0..fillers {
                a.add(1);
            }
            a.place(no);
            a.keep(2);
            let program = a.assemble().unwrap();
            assert_eq!(run(&program, 0, &[7]), 1, "{fillers}");
            assert_eq!(run(&program, 0, &[8]), 2, "{fillers}");
        }
    }

    #[test]
    fn a_label_placed_again_is_the_next_one() {
        let mut a = Assembler::new();
        let end = a.label();
        a.go_to_start();
        a.load_octet(0);
        a.if_in(&[1], end);
        a.keep(10);
        a.place(end);
        a.keep(11);
        a.place(end);
        a.keep(12);
        let program = a.assemble().unwrap();
        assert_eq!([run(&program, 0, &[1]), run(&program, 0, &[0])], [11, 10]);
    }

    #[test]
    fn a_jump_backward_or_nowhere_is_no_program() {
        let mut a = Assembler::new();
        let label = a.label();
        a.place(label);
        a.keep(0);
        a.jump(label);
        assert_eq!(a.assemble(), None);
        let mut a = Assembler::new();
        let label = a.label();
        a.if_in(&[1], label);
        a.keep(0);
        assert_eq!(a.assemble(), None);
    }

    #[test]
    fn what_is_within_bounds_is_told_at_both_ends() {
        let mut a = Assembler::new();
        let inside = a.label();
        a.go_to_start();
        a.load_octet(0);
        a.if_within(3, 5, inside);
        a.keep(0);
        a.place(inside);
        a.keep(1);
        let program = a.assemble().unwrap();
        let kept: Vec<u8> = (0..10).filter(|octet| run(&program, 0, &[*octet]) == 1).collect();
        assert_eq!(kept, [3, 4, 5]);
    }
}
