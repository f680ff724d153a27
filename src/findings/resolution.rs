//! Names of servers that lead to no address, and why not.

use std::time::Duration;

use super::context::PhoneContext;
use super::evidence;
use crate::conversation::SeenAt;
use crate::diagnosis::{Confidence, Evidence};
use crate::phone::{DnsAnswer, NameAsk};

/// First retransmission of a DNS question: the usual five seconds (RFC 1035 section 4.2.1).
const DNS_INTERVAL: Duration = Duration::from_secs(5);

/// Why a name leads to no address.
#[derive(Clone, Debug)]
pub(super) struct Unresolved<'p> {
    /// `nxdomain`, `silent`, or the response code in small letters.
    pub(super) why: String,
    /// In words that stand after "and".
    pub(super) how: String,
    /// The question that shows it.
    pub(super) ask: &'p NameAsk,
    #[allow(missing_docs)]
    pub(super) confidence: Confidence,
}

/// The phone's questions for `name` since `began`.
pub(super) fn questions_for<'p>(cx: &PhoneContext<'p>, name: &str, began: SeenAt) -> Vec<&'p NameAsk> {
    let asks = cx.phone.dns.iter();
    asks.filter(|a| a.tries.last >= began && is_question_for(a.name.raw(), name)).collect()
}

/// Whether an answer gave an address.
pub(super) fn is_resolved(asks: &[&NameAsk]) -> bool {
    asks.iter().any(|a| a.answer.as_ref().is_some_and(|a| !a.addresses.is_empty()))
}

/// Whether a question is one for `name`: the same, or with a domain behind it.
fn is_question_for(asked: &str, name: &str) -> bool {
    let (asked, name) =
        (asked.trim_end_matches('.').to_ascii_lowercase(), name.trim_end_matches('.').to_ascii_lowercase());
    asked.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Why these questions came to nothing; `None`: an address may still come.
pub(super) fn unresolved<'p>(cx: &PhoneContext<'_>, asks: &[&'p NameAsk]) -> Option<Unresolved<'p>> {
    let refused = asks.iter().find_map(|a| a.answer.as_ref().map(|answer| (*a, &answer.code)));
    if let Some((ask, code)) = refused {
        let server = ask.server;
        let (why, how, confidence) = match code.raw() {
            "NXDOMAIN" => {
                ("nxdomain".to_owned(), format!("{server} answers that there is no such name"), Confidence::Certain)
            }
            // A name that has addresses of another kind, or an answer that was cut.
            "NOERROR" => ("nxdomain".to_owned(), format!("{server} answers without an address"), Confidence::Likely),
            code => (code.to_ascii_lowercase(), format!("{server} answers {code}"), Confidence::Certain),
        };
        return Some(Unresolved { why, how, ask, confidence });
    }
    let ask = *asks.first()?;
    let silent = asks.iter().all(|a| a.tries.unanswered(cx.now(), DNS_INTERVAL));
    let sure = if ask.tries.count >= 3 { Confidence::Certain } else { Confidence::Likely };
    (silent && !cx.world.visible.blind_arp).then(|| Unresolved {
        why: "silent".to_owned(),
        how: format!("{} does not answer", ask.server),
        ask,
        confidence: cx.confidence_from_absence(sure),
    })
}

/// The question, and the answer or the latest of the questions in vain.
pub(super) fn evidence_of(cx: &PhoneContext<'_>, ask: &NameAsk) -> Vec<Evidence> {
    let asks = format!("{} asks DNS server {} for {}", cx.label(), ask.server, ask.name);
    let mut shown = vec![evidence(ask.tries.first, asks)];
    if let Some(DnsAnswer { seen_at, code, .. }) = &ask.answer {
        shown.push(evidence(*seen_at, format!("{} answers {code}", ask.server)));
    } else if ask.tries.count > 1 {
        shown.push(evidence(ask.tries.last, format!("the latest of {} questions", ask.tries.count)));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::is_question_for;

    #[test]
    fn question_with_domain_matches_the_bare_name() {
        for (asked, name, expected) in [
            ("tftp.phones.example", "tftp.phones.example", true),
            ("TFTP.phones.example.", "tftp.phones.example", true),
            ("tftp.phones.example", "tftp", true),
            ("tftp2.phones.example", "tftp", false),
            ("tftp", "tftp.phones.example", false),
            ("ciscocm1.phones.example", "tftp", false),
        ] {
            assert_eq!(is_question_for(asked, name), expected, "{asked} for {name}");
        }
    }
}
