#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| phonescope_fuzz::frame_headers(data));
