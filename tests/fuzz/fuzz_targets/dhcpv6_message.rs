#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| phonescope_fuzz::dhcpv6_message(data));
