//! TLS 1.2 as it shows on the wire (RFC 5246): hellos, certificates without a key, alerts, and records of noise.

/// A record: 20 change of cipher, 21 alert, 22 handshake, 23 application data.
pub fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], (content.len() as u16).to_be_bytes().as_slice(), content].concat()
}

/// A handshake message in a record of its own.
fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (body.len() as u32).to_be_bytes();
    record(22, &[&[kind, a, b, c], body].concat())
}

/// A hello that asks for `server`, with one cipher.
pub fn client_hello(server: &str) -> Vec<u8> {
    let name = server.as_bytes();
    let len = name.len() as u16;
    let mut extension = vec![0, 0];
    for length in [len + 5, len + 3] {
        extension.extend(length.to_be_bytes());
    }
    extension.push(0);
    extension.extend(len.to_be_bytes());
    extension.extend(name);
    let mut body = vec![3, 3];
    body.extend([0x5a; 32]);
    body.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    body.extend((extension.len() as u16).to_be_bytes());
    body.extend(extension);
    handshake(1, &body)
}

/// The server takes TLS 1.2.
pub fn server_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([0xa5; 32]);
    body.extend([0, 0, 0x2f, 0]);
    handshake(2, &body)
}

/// An element of DER, shorter than 64 KiB.
fn der(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let [high, low] = (content.len() as u16).to_be_bytes();
    [&[tag, 0x82, high, low], content.as_slice()].concat()
}

/// A name of one common name.
fn name(common: &str) -> Vec<u8> {
    let kind = der(0x06, &[vec![0x55, 0x04, 0x03]]);
    let text = der(0x13, &[common.as_bytes().to_vec()]);
    der(0x30, &[der(0x31, &[der(0x30, &[kind, text])])])
}

/// A message with one certificate.
pub fn certificate(issuer: &str, subject: &str) -> Vec<u8> {
    let algorithm = der(0x30, &[der(0x06, &[vec![0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05]])]);
    let time = |text: &str| der(0x17, &[text.as_bytes().to_vec()]);
    let validity = der(0x30, &[time("030101000000Z"), time("230101000000Z")]);
    let serial = der(0x02, &[vec![0x11, 0x22]]);
    let version = der(0xa0, &[der(0x02, &[vec![2]])]);
    let tbs = der(0x30, &[version, serial, algorithm.clone(), name(issuer), validity, name(subject)]);
    let certificate = der(0x30, &[tbs, algorithm]);
    let length = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
    handshake(11, &[length(certificate.len() + 3), length(certificate.len()), certificate].concat())
}

/// `level` 1 warns, 2 is fatal.
pub fn alert(level: u8, description: u8) -> Vec<u8> {
    record(21, &[level, description])
}

/// The ciphers are in use, and what comes now is not readable.
pub fn finished() -> Vec<u8> {
    [record(20, &[1]), record(22, &[0xe5; 40])].concat()
}

/// So many octets that are not readable.
pub fn sealed(octets: usize) -> Vec<u8> {
    record(23, &vec![0x6e; octets])
}
