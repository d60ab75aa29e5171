//! The subject of a certificate, RFC 5280 section 4.1.2.6, as the text of RFC 4514.

/// The attributes of the subject, such as `CN=bank`, sorted. `None` if the certificate cannot be read.
pub(crate) fn subject(certificate: &[u8]) -> Option<Vec<String>> {
    let (body, _) = element(certificate, SEQUENCE)?;
    let (mut body, _) = element(body, SEQUENCE)?;
    // The version may be absent. The serial number, the algorithm, the issuer and the validity come first.
    if let Some((_, rest)) = element(body, VERSION) {
        body = rest;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE] {
        (_, body) = element(body, tag)?;
    }
    let (mut names, _) = element(body, SEQUENCE)?;
    let mut attributes = Vec::new();
    while !names.is_empty() {
        let (mut set, rest) = element(names, SET)?;
        names = rest;
        while !set.is_empty() {
            let (attribute, more) = element(set, SEQUENCE)?;
            set = more;
            let (kind, value) = element(attribute, OBJECT_ID)?;
            let (text, _) = any(value)?;
            let known = NAMES.into_iter().find(|(id, _)| *id == kind).map(|(_, name)| name);
            let text = str::from_utf8(text).ok()?;
            attributes.push(format!("{}={text}", known.unwrap_or("?")));
        }
    }
    attributes.sort();
    Some(attributes)
}

/// The attributes of a subject that is written as text, sorted. It has no escapes.
pub(crate) fn attributes(text: &str) -> Vec<String> {
    let trimmed = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        format!("{}={}", name.trim().to_ascii_uppercase(), value.trim())
    };
    let mut attributes: Vec<_> = text.split(',').map(trimmed).collect();
    attributes.sort();
    attributes
}

/// The content of the first element, which has this tag, and the bytes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    if der.first() == Some(&tag) { any(der) } else { None }
}

/// X.690 section 8.1.3, with lengths up to four bytes.
fn any(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = der.get(1..)?.split_first()?;
    let (length, rest) = match usize::from(*length) {
        short @ 0..0x80 => (short, rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(long - 0x80).filter(|(bytes, _)| bytes.len() <= 4)?;
            (bytes.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
        }
    };
    rest.split_at_checked(length)
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
const VERSION: u8 = 0xa0;
/// RFC 4514 section 3.
const NAMES: [(&[u8], &str); 6] = [
    (b"\x55\x04\x03", "CN"),
    (b"\x55\x04\x06", "C"),
    (b"\x55\x04\x07", "L"),
    (b"\x55\x04\x08", "ST"),
    (b"\x55\x04\x0a", "O"),
    (b"\x55\x04\x0b", "OU"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_certificate_has_no_subject() {
        for der in [&b""[..], b"\x30", b"\x30\x84", b"\x30\x02\x30", b"\x30\x03\x30\x01\x02", b"\x02\x01\x00"]
        {
            assert_eq!(subject(der), None);
        }
        assert_eq!(attributes("cn = bank, O=Example"), ["CN=bank", "O=Example"]);
    }
}
