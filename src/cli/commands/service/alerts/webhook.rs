//! Alerts to a web service: the JSON of each in a POST of its own.
//!
//! The name in the operator's own address is looked up; nothing of the network is. A redirect is not followed: an alert
//! goes where the operator said, or nowhere.

use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use crate::cli::commands::service::alerts::{Channel, Message, Trouble};

/// For the whole of one try.
const PATIENCE: Duration = Duration::from_secs(15);

/// `--alert-webhook`.
pub(crate) struct Hook {
    url: String,
    agent: Agent,
}

impl Hook {
    /// # Errors
    /// The address is none.
    pub(crate) fn new(url: &str) -> Result<Hook, String> {
        let uri: ureq::http::Uri = url.parse().map_err(|_| "it is written as http://… or https://…".to_owned())?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err("it is written as http://… or https://…".to_owned());
        }
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("phonescope/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Hook { url: url.to_owned(), agent })
    }
}

impl Channel for Hook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn send(&mut self, message: &Message) -> Result<(), Trouble> {
        let sent = self.agent.post(&self.url).header("Content-Type", "application/json").send(&message.json[..]);
        match sent {
            Ok(answer) => match answer.status().as_u16() {
                200..=299 => Ok(()),
                code @ 300..=399 => Err(Trouble {
                    why: format!("it answers {code}, which leads elsewhere and is not followed; name the place itself"),
                    is_final: true,
                }),
                // Too early, too often, or a time-out: the same again may work.
                code @ (408 | 425 | 429 | 500..=599) => {
                    Err(Trouble { why: format!("it answers {code}"), is_final: false })
                }
                code => Err(Trouble { why: format!("it answers {code}"), is_final: true }),
            },
            // The address may hold a secret, and is not repeated.
            Err(e) => Err(Trouble { why: e.to_string().replace(&self.url, "the address"), is_final: false }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_told() {
        for url in ["", "example.org", "ftp://example.org/", "http://", "file:///etc/passwd", "http:/x"] {
            assert!(Hook::new(url).is_err(), "{url}");
        }
        for url in ["http://127.0.0.1:1/x", "https://hooks.example.org/T0/B0?k=v"] {
            assert!(Hook::new(url).is_ok(), "{url}");
        }
    }
}
