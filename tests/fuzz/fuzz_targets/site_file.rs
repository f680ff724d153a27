#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| phonescope_fuzz::site_file(data));
