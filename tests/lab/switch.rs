//! A switch that sends what it mirrors with a tag or in a tunnel. The kernel's own devices for that need modules that
//! many machines have not; these frames hold the same octets.

use crate::span::Span;

/// Reads frames that arrive on `from` and sends them, wrapped, on `to`, until it is ended.
///
/// # Errors
///
/// An interface can not be opened, or breaks.
#[cfg(feature = "live")]
pub(crate) fn play(from: &str, to: &str, span: Span) -> Result<(), String> {
    use crate::support::frame::Frame;

    let said = |error: pcap::Error| format!("{from} to {to}: {error}");
    let open = |name: &str| pcap::Capture::from_device(name).map_err(said);
    let mut tap = open(from)?.promisc(true).snaplen(65_535).immediate_mode(true).open().map_err(said)?;
    tap.direction(pcap::Direction::In).map_err(said)?;
    let mut out = open(to)?.open().map_err(said)?;
    for number in 0.. {
        let packet = match tap.next_packet() {
            Ok(packet) => packet,
            Err(pcap::Error::TimeoutExpired) => continue,
            Err(error) => return Err(said(error)),
        };
        let frame = Frame(packet.data.to_vec());
        out.sendpacket(wrapped(frame, span, number)).map_err(said)?;
    }
    Ok(())
}

#[cfg(feature = "live")]
fn wrapped(frame: crate::support::frame::Frame, span: Span, number: u32) -> Vec<u8> {
    use crate::span::{PROVIDER_VLAN, VOICE_VLAN};
    use crate::support::tunnel;

    let frame = match span {
        Span::Plain => frame,
        Span::Vlan => frame.tagged(VOICE_VLAN),
        Span::Qinq => tunnel::qinq(frame, PROVIDER_VLAN, VOICE_VLAN),
        // Priority 3, as phones mark signalling.
        Span::Priority => frame.tagged(3 << 13),
        Span::Erspan1 => tunnel::erspan_i(number, &frame),
        Span::Erspan2 => tunnel::erspan_ii(number, 0, 1, &frame),
        Span::Erspan3 => tunnel::erspan_iii(number, 0, 1, &frame),
        Span::Vxlan => tunnel::vxlan(number, 5000, &frame),
    };
    frame.0
}

/// # Errors
///
/// Always: without libpcap it can not send frames.
#[cfg(not(feature = "live"))]
pub(crate) fn play(_: &str, _: &str, span: Span) -> Result<(), String> {
    Err(format!("a span port of kind {span} needs the feature 'live'"))
}

/// Sends one frame on the interface, as a phone sends its announcement. Without the feature `live` it sends none.
#[cfg(feature = "live")]
pub(crate) fn send(interface: &str, frame: &[u8]) -> Result<(), String> {
    let mut out = pcap::Capture::from_device(interface).and_then(pcap::Capture::open).map_err(|e| e.to_string())?;
    out.sendpacket(frame).map_err(|error| error.to_string())
}

#[cfg(not(feature = "live"))]
pub(crate) fn send(_: &str, _: &[u8]) -> Result<(), String> {
    Ok(())
}
