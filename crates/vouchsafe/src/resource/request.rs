//! The access token and the proof in a request (RFC 6750 section 2.1, RFC 9449 section 7.1).
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// An access token as it was presented.
#[derive(Clone, Copy)]
pub(super) struct Presented<'h> {
    pub(super) token: &'h str,
    /// There is one if and only if the scheme is DPoP.
    pub(super) proof: Option<&'h str>,
}

/// Why the headers of a request cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unreadable {
    /// Not a request with one access token.
    Request(&'static str),
    Proof(&'static str),
}

impl<'h> Presented<'h> {
    /// `None` if the request has no access token.
    pub(super) fn read(headers: &'h HeaderMap) -> Result<Option<Self>, Unreadable> {
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let Some(field) = fields.next() else { return Ok(None) };
        if fields.next().is_some() {
            return Err(Unreadable::Request("the request has several Authorization headers"));
        }
        let not_ascii = Unreadable::Request("the Authorization header is not ASCII");
        let field = field.to_str().map_err(|_| not_ascii)?;
        let (scheme, token) = field.split_once(' ').unwrap_or((field, ""));
        // RFC 9110 §11.1: schemes have no case. Another scheme is not for us.
        let is_dpop = scheme.eq_ignore_ascii_case("DPoP");
        if !is_dpop && !scheme.eq_ignore_ascii_case("Bearer") {
            return Ok(None);
        }
        let token = token.trim_start_matches(' ');
        if !is_token(token) {
            return Err(Unreadable::Request(
                "the Authorization header has no text that can be an access token",
            ));
        }
        let proof = proof(headers)?;
        match (is_dpop, proof) {
            (true, None) => Err(Unreadable::Proof("the scheme is DPoP, and the request has no DPoP proof")),
            (false, Some(_)) => Err(Unreadable::Request(
                "the request has a DPoP proof, so the scheme of the access token must be DPoP",
            )),
            _ => Ok(Some(Self { token, proof })),
        }
    }
}

/// RFC 9449 §4.3, step 1: there is one proof at most.
fn proof(headers: &HeaderMap) -> Result<Option<&str>, Unreadable> {
    let mut fields = headers.get_all("dpop").iter();
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(Unreadable::Proof("the request has several DPoP headers"));
    }
    match field.to_str() {
        Ok(text) if text.len() <= MAX_PROOF => Ok(Some(text)),
        Ok(_) => Err(Unreadable::Proof("the DPoP proof is too long")),
        Err(_) => Err(Unreadable::Proof("the DPoP header is not ASCII")),
    }
}

/// RFC 6750 §2.1: `b64token`.
fn is_token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let is_own = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    !body.is_empty() && token.len() <= MAX_TOKEN && body.bytes().all(is_own)
}

/// The longest access token that is read, in bytes. Most servers accept headers of 8 KiB.
const MAX_TOKEN: usize = 16 * 1024;
/// The longest DPoP proof that is read, in bytes. With a large RSA key, one has 3 KiB.
const MAX_PROOF: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(fields: &[(&'static str, &str)]) -> Result<Option<(String, bool)>, Unreadable> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let found = Presented::read(&headers)?;
        Ok(found.map(|found| (found.token.to_owned(), found.proof.is_some())))
    }

    #[test]
    fn the_token_is_in_the_authorization_header_alone() {
        let token = "a.b-c~d+e/f==";
        for scheme in ["Bearer ", "bearer ", "BEARER   "] {
            let field = format!("{scheme}{token}");
            assert_eq!(read(&[("authorization", &field)]), Ok(Some((token.to_owned(), false))), "{field}");
        }
        for fields in
            [&[][..], &[("authorization", "Basic YTpi")], &[("authorization", "")], &[("x", "Bearer a")]]
        {
            assert_eq!(read(fields), Ok(None), "{fields:?}");
        }
    }

    #[test]
    fn a_request_with_two_tokens_or_an_impossible_one_is_refused() {
        let long = format!("Bearer {}", "a".repeat(MAX_TOKEN + 1));
        for field in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer =",
            "Bearer a=b",
            "Bearer \u{e9}",
            &long,
        ] {
            assert!(matches!(read(&[("authorization", field)]), Err(Unreadable::Request(_))), "{field}");
        }
        let twice = [("authorization", "Bearer a"), ("authorization", "Bearer a")];
        assert!(matches!(read(&twice), Err(Unreadable::Request(_))));
    }

    #[test]
    fn scheme_and_proof_belong_together() {
        let proof = ("dpop", "a.b.c");
        assert_eq!(read(&[("authorization", "dpop t"), proof]), Ok(Some(("t".to_owned(), true))));
        assert!(matches!(read(&[("authorization", "DPoP t")]), Err(Unreadable::Proof(_))));
        assert!(matches!(read(&[("authorization", "DPoP t"), proof, proof]), Err(Unreadable::Proof(_))));
        assert!(matches!(read(&[("authorization", "Bearer t"), proof]), Err(Unreadable::Request(_))));
        let long = "a".repeat(MAX_PROOF + 1);
        assert!(matches!(read(&[("authorization", "DPoP t"), ("dpop", &long)]), Err(Unreadable::Proof(_))));
    }
}
