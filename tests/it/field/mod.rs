//! Cases from the field: situations that people report, each as a capture with what is right of it.
//!
//! * [`judge`], [`words`], [`run`]: holds the program's answers against an expectation in JSON. Only the command is used.
//! * [`shared`]: the captures that are not shipped. Their README says the form of the expectations.
//! * [`cases`]: our own, of the same kinds and of those that are missing there, built frame by frame.
//! * [`bad_input`]: the same captures cut, doubled, one-sided, and with half of their frames lost.
//! * [`page`]: `docs/field-cases.md`, written with `BLESS=1`.

mod bad_input;
mod cases;
mod judge;
mod page;
mod run;
mod shared;
mod words;
