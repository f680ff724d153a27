//! HTTP/1.x between a phone and its file server (port 6970), as far as it names files.

use crate::types::WireText;

/// Request or answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Op {
    /// A request.
    Get,
    /// An answer.
    Status,
}

/// The body of an `http` event.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Request or answer.
    pub op: Op,
    /// Name of the file: path of the request without its leading slash; of the answer where the request was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<WireText>,
    /// Status code of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Length of the body as seen to its end; `None` where the end was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// The head of a request, up to and with its empty line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestHead {
    /// Method, such as `GET`.
    pub method: String,
    /// Name of the file: path without host, leading slash and query.
    pub file: WireText,
    /// How the body ends, if there is one.
    pub body: Body,
}

/// The head of an answer, up to and with its empty line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerHead {
    /// Status code.
    pub status: u16,
    /// How the body ends. `UntilClose` where nothing is said (RFC 9112 section 6.3).
    pub body: Body,
    /// Whether the body is compressed (`Content-Encoding: gzip`).
    pub gzip: bool,
}

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body {
    /// After so many bytes.
    Length(u64),
    /// With its last chunk.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// Bytes up to and with the first empty line; `None` while there is none.
pub fn head_len(octets: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    for (i, _) in octets.iter().enumerate().filter(|(_, b)| **b == b'\n') {
        let line = octets.get(line_start..i).unwrap_or_default();
        if line.is_empty() || line == b"\r" {
            return Some(i + 1);
        }
        line_start = i + 1;
    }
    None
}

/// The header fields of a head: names in lower case, values trimmed; the first line and folded lines are left out.
pub(super) fn fields(head: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    head.split(|b| *b == b'\n')
        .skip(1)
        .filter_map(|line| {
            let colon = line.iter().position(|b| *b == b':')?;
            let name = line.get(..colon)?.trim_ascii();
            let valid = !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic());
            valid.then(|| {
                (String::from_utf8_lossy(name).to_ascii_lowercase(), line.get(colon + 1..).unwrap_or_default())
            })
        })
        .map(|(name, value)| (name, value.trim_ascii()))
}

fn first_line(head: &[u8]) -> &[u8] {
    head.split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii()
}

fn body(head: &[u8]) -> Option<Body> {
    let mut found = None;
    for (name, value) in fields(head) {
        match name.as_str() {
            "transfer-encoding" if value.to_ascii_lowercase().ends_with(b"chunked") => return Some(Body::Chunked),
            "content-length" => {
                found = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok()).map(Body::Length).or(found);
            }
            _ => {}
        }
    }
    found
}

/// Whether bytes begin like a request or an answer.
pub fn is_likely(octets: &[u8]) -> bool {
    octets.starts_with(b"HTTP/1.")
        || [&b"GET "[..], b"HEAD ", b"POST ", b"PUT ", b"OPTIONS ", b"DELETE "].iter().any(|m| octets.starts_with(m))
}

/// Reads the head of a request; `None` where it is none.
pub fn parse_request(head: &[u8]) -> Option<RequestHead> {
    let mut words = first_line(head).split(|b| *b == b' ').filter(|w| !w.is_empty());
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if !version.starts_with(b"HTTP/1.") || !method.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let path = target.strip_prefix(b"http://").map_or(target, |rest| {
        rest.iter().position(|b| *b == b'/').and_then(|slash| rest.get(slash..)).unwrap_or_default()
    });
    let path = path.split(|b| matches!(b, b'?' | b'#')).next().unwrap_or_default();
    Some(RequestHead {
        method: String::from_utf8_lossy(method).into_owned(),
        file: WireText::from_bytes(path.strip_prefix(b"/").unwrap_or(path)),
        body: body(head).unwrap_or(Body::Length(0)),
    })
}

/// Reads the head of an answer; `None` where it is none. `to_head`: it answers a HEAD request and has no body.
pub fn parse_answer(head: &[u8], to_head: bool) -> Option<AnswerHead> {
    let line = first_line(head);
    let (_, rest) = line.strip_prefix(b"HTTP/1.")?.split_first()?;
    let digits = rest.trim_ascii_start().first_chunk::<3>()?;
    let status: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let bodiless = to_head || matches!(status, 100..200 | 204 | 304);
    let gzip = fields(head).any(|(name, value)| {
        name == "content-encoding" && matches!(value.to_ascii_lowercase().as_slice(), b"gzip" | b"x-gzip")
    });
    Some(AnswerHead {
        status,
        body: if bodiless { Body::Length(0) } else { body(head).unwrap_or(Body::UntilClose) },
        gzip,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_file() {
        for (target, file) in [
            ("/SEP003094C2D3FA.cnf.xml", "SEP003094C2D3FA.cnf.xml"),
            ("SEP1.cnf.xml?x=1", "SEP1.cnf.xml"),
            ("http://10.1.1.1:6970/United_States/g3-tones.xml", "United_States/g3-tones.xml"),
            ("http://10.1.1.1", ""),
        ] {
            let head = format!("GET {target} HTTP/1.1\r\nHost: 10.1.1.1:6970\r\n\r\n");
            assert_eq!(head_len(head.as_bytes()), Some(head.len()));
            let request = parse_request(head.as_bytes()).unwrap();
            assert_eq!((request.file.raw(), request.body), (file, Body::Length(0)), "{target}");
            for end in 0..head.len() {
                assert_eq!(head_len(&head.as_bytes()[..end]), None);
            }
        }
        assert_eq!(parse_request(b"GET /x\r\n\r\n"), None);
        assert_eq!(parse_request(b"\x16\x03\x01 a HTTP/1.1\r\n\r\n"), None);
    }

    #[test]
    fn an_answer_says_how_its_body_ends() {
        let answer = |fields: &str, to_head| {
            parse_answer(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes(), to_head).unwrap()
        };
        assert_eq!(answer("Content-Length: 12\r\n", false).body, Body::Length(12));
        assert_eq!(answer("content-length:12\r\nTransfer-Encoding: gzip, Chunked\r\n", false).body, Body::Chunked);
        assert_eq!(answer("", false).body, Body::UntilClose);
        assert_eq!(answer("Content-Length: -1\r\n", false).body, Body::UntilClose);
        assert_eq!(answer("Content-Length: 99999999999999999999999\r\n", false).body, Body::UntilClose);
        assert_eq!(answer("Content-Length: 12\r\n", true).body, Body::Length(0));
        assert!(answer("Content-Encoding: GZIP\r\n", false).gzip);
        assert_eq!(parse_answer(b"HTTP/1.0 304\r\n\r\n", false).unwrap().body, Body::Length(0));
        assert_eq!(parse_answer(b"HTTP/1.1 abc\r\n\r\n", false), None);
        assert_eq!(parse_answer(b"HTTP/1.", false), None);
    }
}
