//! Frames to whole payloads: IP fragments, TCP streams, TFTP transfers.

pub mod ip_defrag;
