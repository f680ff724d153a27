//! SIP registrations (RFC 3261) as these phones write them.

use super::frame::Mac;
use super::phone::name_of;

/// A REGISTER and what its answers repeat.
#[derive(Clone, Debug)]
pub struct Sip {
    pub mac: Mac,
    pub model: &'static str,
    pub load: &'static str,
    /// The line, or the device's name.
    pub user: String,
    pub registrar: String,
    /// Host and port of the Via and the Contact: where the phone listens.
    pub host: String,
    pub port: u16,
    pub transport: &'static str,
    pub rport: bool,
    pub call_id: u32,
    pub cseq: u32,
    pub expires: u32,
    /// Credentials are sent along.
    pub authorized: bool,
}

impl Sip {
    pub fn new(mac: Mac, host: &str, registrar: &str) -> Sip {
        Sip {
            mac,
            model: "CP7962G",
            load: "SIP42.9-3-1SR4-1S",
            user: "4711".to_owned(),
            registrar: registrar.to_owned(),
            host: host.to_owned(),
            port: 5060,
            transport: "UDP",
            rport: false,
            call_id: 1,
            cseq: 101,
            expires: 3600,
            authorized: false,
        }
    }

    fn dialogue(&self) -> String {
        let (host, user, registrar) = (&self.host, &self.user, &self.registrar);
        let rport = if self.rport { ";rport" } else { "" };
        let digits = name_of(self.mac)[3..].to_lowercase();
        format!(
            "Via: SIP/2.0/{} {host}:{};branch=z9hG4bK{:06x}{:04x}{rport}\r\n\
             From: <sip:{user}@{registrar}>;tag={digits}{:04x}\r\n\
             To: <sip:{user}@{registrar}>{{tag}}\r\n\
             Call-ID: {digits}-{:08x}@{host}\r\n\
             CSeq: {} REGISTER\r\n",
            self.transport, self.port, self.call_id, self.cseq, self.call_id, self.call_id, self.cseq
        )
    }

    /// The request, with more header lines where the story wants them.
    pub fn register(&self) -> Vec<u8> {
        let (host, user, registrar) = (&self.host, &self.user, &self.registrar);
        let digits = name_of(self.mac)[3..].to_lowercase();
        let mut text = format!("REGISTER sip:{registrar} SIP/2.0\r\n{}", self.dialogue().replace("{tag}", ""));
        text.push_str(&format!(
            "Max-Forwards: 70\r\nUser-Agent: Cisco-{}/9.3.1\r\n\
             Contact: <sip:{user}@{host}:{};transport={}>;+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-{digits}>\"\r\n",
            self.model,
            self.port,
            self.transport.to_lowercase()
        ));
        if self.authorized {
            text.push_str(&format!(
                "Authorization: Digest username=\"{user}\",realm=\"pbx\",uri=\"sip:{registrar}\",\
                 response=\"8e5f2b0c3a7d41e69b0d2c4f6a8e1357\",nonce=\"{:08x}\",algorithm=MD5\r\n",
                self.call_id
            ));
        }
        text.push_str(&format!(
            "Reason: SIP;cause=200;text=\"cisco-alarm:25 Name={} Load={} Last=initialized\"\r\n\
             Expires: {}\r\nContent-Length: 0\r\n\r\n",
            name_of(self.mac),
            self.load,
            self.expires
        ));
        text.into_bytes()
    }

    /// An answer, as `403 Forbidden`, with more header lines.
    pub fn answer(&self, status: &str, lines: &[&str]) -> Vec<u8> {
        let mut text = format!("SIP/2.0 {status}\r\n{}", self.dialogue().replace("{tag}", ";tag=srv77"));
        if status.starts_with("401") {
            text.push_str(&format!(
                "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"{:08x}\", algorithm=MD5\r\n",
                self.call_id
            ));
        }
        if status.starts_with("200") {
            text.push_str(&format!(
                "Contact: <sip:{}@{}:{}>;expires={}\r\nExpires: {}\r\n",
                self.user, self.host, self.port, self.expires, self.expires
            ));
        }
        for line in lines {
            text.push_str(&format!("{line}\r\n"));
        }
        (text + "Content-Length: 0\r\n\r\n").into_bytes()
    }
}
