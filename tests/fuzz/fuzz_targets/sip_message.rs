#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| phonescope_fuzz::sip_message(data));
