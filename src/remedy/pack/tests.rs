//! The pack from whole captures is tested in `tests/it/fix.rs`.
