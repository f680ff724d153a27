#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| phonescope_fuzz::tftp_packet(data));
