//! TLS (RFC 8446, 5246), recognised and no more: on the ports of secure signalling nothing inside is readable.

/// Whether octets begin like a TLS record: content type, version 3.x, a length that a record can have.
pub fn is_record(octets: &[u8]) -> bool {
    match octets {
        [20..=24, 3, 0..=4, high, low, ..] => u16::from_be_bytes([*high, *low]) <= (1 << 14) + 2048,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hello_is_a_record_and_sccp_is_not() {
        assert!(is_record(&[0x16, 3, 1, 1, 0, 0x6b, 1]));
        assert!(!is_record(&[0x16, 3, 1, 0xff, 0xff]));
        assert!(!is_record(&[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!is_record(&[0x16, 3, 1, 0]));
        assert!(!is_record(b""));
    }
}
