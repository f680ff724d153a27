//! A CallManager: it takes phones, or turns them away as it is told.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::messages::{Message, Messages};
use crate::site::{Answer, CallManagerPlan};
use crate::support::sccp::{self, message};

/// How long it keeps a connection on which nothing is said.
const SILENCE: Duration = Duration::from_secs(120);

/// Plays the CallManager of a plan on port 2000, until it is ended.
///
/// # Errors
///
/// The plan can not be read, or the port is taken.
pub(crate) fn play(plan: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(plan).map_err(|error| format!("{}: {error}", plan.display()))?;
    let plan: CallManagerPlan = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let listener = TcpListener::bind("0.0.0.0:2000").map_err(|error| format!("port 2000: {error}"))?;
    for stream in listener.incoming().flatten() {
        let plan = plan.clone();
        std::thread::spawn(move || {
            // What ends a connection is the phone's or the plan's matter.
            let _ = serve(stream, &plan);
        });
    }
    Ok(())
}

/// What it knows of the phone on a connection.
#[derive(Default)]
struct Caller {
    /// Load, as its alarm spells it.
    load: String,
    device: String,
    protocol_version: u8,
}

fn serve(stream: TcpStream, plan: &CallManagerPlan) -> Result<(), std::io::Error> {
    let mut messages = Messages::new(stream)?;
    let mut caller = Caller::default();
    while let Some(message) = messages.next(Instant::now() + SILENCE)? {
        match message.id {
            sccp::ALARM => caller.load = load_of(&message),
            sccp::REGISTER => {
                caller.device = message.text(0, 16).unwrap_or_default();
                caller.protocol_version = message.payload.get(40).copied().unwrap_or_default();
                if !decide(&mut messages, plan, &caller)? {
                    return Ok(());
                }
            }
            _ => {
                let answers = answers(&message, &caller, plan);
                if !answers.is_empty() {
                    messages.send(&answers)?;
                }
            }
        }
    }
    Ok(())
}

/// `25: Name=SEP… Load=3.1(1.2) Last=…`, after the severity.
fn load_of(alarm: &Message) -> String {
    let text = alarm.text(4, 80).unwrap_or_default();
    text.split_once("Load=").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or_default().to_owned()
}

/// Answers a Register; whether the connection goes on.
fn decide(messages: &mut Messages, plan: &CallManagerPlan, caller: &Caller) -> Result<bool, std::io::Error> {
    let takes = plan.takes.is_empty() || plan.takes.iter().any(|start| caller.load.starts_with(start));
    match if takes { &Answer::Accept } else { &plan.others } {
        Answer::Accept => {
            messages.send(&[sccp::register_ack(caller.protocol_version), message(sccp::CAPABILITIES_REQ, &[])])?;
            Ok(true)
        }
        Answer::Reject(text) => {
            messages.send(&[sccp::register_reject(text.as_bytes())])?;
            messages.drain(Duration::from_millis(50));
            Ok(false)
        }
        Answer::Close => {
            messages.drain(Duration::from_millis(50));
            Ok(false)
        }
        Answer::Reset => {
            messages.end_with_a_reset()?;
            Ok(false)
        }
        Answer::Silent => {
            messages.drain(SILENCE);
            Ok(false)
        }
    }
}

/// What a phone that is registered asks for.
fn answers(question: &Message, caller: &Caller, plan: &CallManagerPlan) -> Vec<Vec<u8>> {
    let answer = match question.id {
        sccp::KEEP_ALIVE => message(sccp::KEEP_ALIVE_ACK, &[]),
        sccp::VERSION_REQ => sccp::version(&plan.wants),
        sccp::BUTTON_TEMPLATE_REQ => sccp::button_template(),
        sccp::SOFT_KEY_TEMPLATE_REQ => sccp::soft_key_template(),
        sccp::SOFT_KEY_SET_REQ => sccp::soft_key_set(),
        sccp::CONFIG_STAT_REQ => sccp::config_stat(&caller.device, &plan.name),
        sccp::LINE_STAT_REQ => sccp::line_stat(1, "5100"),
        sccp::TIME_DATE_REQ => sccp::time_date(8 * 3600, 991_641_600),
        sccp::UNREGISTER => message(sccp::UNREGISTER_ACK, &[0; 4]),
        _ => return Vec::new(),
    };
    vec![answer]
}
