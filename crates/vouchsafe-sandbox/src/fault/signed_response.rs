//! Faults in the signed authorization response, JWT Secured Authorization Response Mode (JARM).

use super::Strike::{Carried, Claim, Header, IdToken, NoClaim, Sealed};
use super::token::JWE;
use super::{ELSEWHERE, faults};
use crate::state::{Attacker, SigningAlg, signature};

faults! { SignedResponse:
    JARM_WITHOUT_ISSUER: "the signed authorization response has no iss",
        malformed "missing_field", NoClaim("iss");
    JARM_WRONG_ISSUER: "the signed authorization response is from another issuer",
        security "issuer_mismatch", Claim("iss", || ELSEWHERE.into());
    JARM_WITHOUT_AUDIENCE: "the signed authorization response has no aud",
        malformed "missing_field", NoClaim("aud");
    JARM_FOREIGN_AUDIENCE: "the signed authorization response is for another client",
        security "audience", Claim("aud", || "another-client".into());
    JARM_WITHOUT_EXPIRY: "the signed authorization response never expires (no exp)",
        malformed "missing_field", NoClaim("exp");
    JARM_EXPIRED: "the signed authorization response expired an hour ago",
        security "expired", IdToken(|token| token.claim("exp", token.now - HOUR));
    JARM_SIGNATURE_WRONG: "one bit of the signature of the signed authorization response is wrong",
        security "signature", Sealed(SigningAlg::ES256, |token, input| {
            let mut wrong = signature(token, input)?;
            wrong[30] ^= 1;
            Ok(wrong)
        });
    JARM_ALG_NONE: "the authorization response is a JWT that is not signed: alg is none",
        security "algorithm", IdToken(|token| token.seal = |_, _| Ok(Vec::new())), Header("alg", || "none".into());
    JARM_FORGED: "an attacker has signed the authorization response, and names a key of the provider",
        security "signature", Sealed(SigningAlg::ES256, |_, input| Attacker::sign(input.as_bytes()));
    JARM_ENCRYPTED: "the authorization response is encrypted (a JWE), which was not requested",
        malformed "encrypted_jwt", Carried(|carrier| carrier.params[0].1 = JWE.to_owned());
    JARM_TWICE: "there are two signed authorization responses, the right one first",
        security "duplicate_parameter", Carried(|carrier| carrier.params.push(("response".to_owned(), "e30.e30.AA".to_owned())));
    JARM_PLAIN: "the authorization response is not signed, although a signed one was requested",
        security "signature", Carried(|carrier| *carrier.params = carrier.plain.to_vec());
    JARM_AND_PLAIN: "a code that nobody signed is beside the signed authorization response",
        security "signature",
            Carried(|carrier| carrier.params.push(("code".to_owned(), "code-of-an-attacker".to_owned())));
}

const HOUR: u64 = 3600;
