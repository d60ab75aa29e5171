//! Client authentication by an attestation, draft-ietf-oauth-attestation-based-client-auth: an attester vouches for the key of one
//! instance of the client, and the instance proves that it has the key.

use axum::http::Method;
use serde_json::{Value, json};

use super::request::Form;
use super::{Call, fapi};
use crate::config::ClientConfig;
use crate::jose::{Compact, PublicKey};
use crate::wire::{OAuthError, ensure, error, invalid_client, invalid_request};

/// The client whose instance has sent the request, and the method. `None` without an attestation.
pub(super) fn authenticate<'a>(
    call: &'a Call<'_>,
    form: &Form<'_>,
) -> Result<Option<(&'a ClientConfig, &'static str)>, OAuthError> {
    let count = |name: &str| call.incoming.headers.get_all(name).iter().count();
    let both = match (count(ATTESTATION), count(PROOF)) {
        (0, 0) => return Ok(None),
        counts => counts == (1, 1),
    };
    ensure(
        both,
        invalid_request(format!("the request needs one {ATTESTATION} and one {PROOF} header field")),
    )?;
    let twice = invalid_request("the client authenticates twice, by an attestation and by another method");
    let by_secret = call.incoming.header("authorization").is_some() || form.get("client_secret").is_some();
    ensure(!by_secret, twice)?;
    let named = form.get("client_id").and_then(|id| call.part.client(id));
    let client = named.ok_or_else(|| invalid_client("client_id is missing, or not registered"))?;
    let text = |name: &str| call.incoming.header(name).unwrap_or_default();
    let invalid = |what: &'static str| move |why| invalid_client(format!("the {what}: {why}"));
    let key = instance(call, client, text(ATTESTATION)).map_err(invalid("client attestation"))?;
    let challenge =
        check_proof(call, client, &key, text(PROOF)).map_err(invalid("proof of the client attestation"))?;
    check_challenge(call, challenge.as_deref())?;
    Ok(Some((client, "attest_jwt_client_auth")))
}

/// The key of the instance, for which the attester vouches.
fn instance(call: &Call<'_>, client: &ClientConfig, text: &str) -> Result<PublicKey, String> {
    let attestation = Compact::parse(text)?;
    let attesters = client.strong.attesters();
    ensure(!attesters.is_empty(), "the client has no attester registered".to_owned())?;
    ensure(attestation.typ().as_deref() == Some(TYPE), format!("typ is not {TYPE}"))?;
    attestation.verify(&attesters)?;
    fapi::algorithm(call, attestation.alg())?;
    ensure(attestation.text("sub") == Some(&client.id), "sub is not the client id".to_owned())?;
    let now = call.shared.machine_now();
    let expires = attestation.time("exp")?.ok_or("exp is missing")?;
    ensure(expires > now, "it has expired (exp)".to_owned())?;
    for name in ["iat", "nbf"] {
        let early = format!("{name} is in the future");
        ensure(attestation.time(name)?.is_none_or(|time| time <= now + SKEW), early)?;
    }
    let jwk = attestation.claims.get("cnf").and_then(|cnf| cnf.get("jwk")).ok_or("cnf has no jwk")?;
    Ok(PublicKey::from_jwk(jwk)?.unnamed())
}

/// The challenge endpoint, section 6.1.
pub(super) fn challenge(call: &Call<'_>) -> Result<Value, OAuthError> {
    ensure(call.shared.settings.demands.challenges, invalid_request("the sandbox gives no challenges"))?;
    ensure(call.incoming.method == Method::POST, invalid_request("a challenge is asked for by POST"))?;
    Ok(json!({ "attestation_challenge": call.shared.proofs.another(CHALLENGES, call.shared.now()) }))
}

/// Section 6.2: the response gives the next challenge, whether this one was good or not.
fn check_challenge(call: &Call<'_>, challenge: Option<&str>) -> Result<(), OAuthError> {
    if !call.shared.settings.demands.challenges {
        return Ok(());
    }
    let (proofs, now) = (&call.shared.proofs, call.shared.now());
    let is_good = challenge.is_some_and(|challenge| proofs.accepts_once(challenge, CHALLENGES, now));
    let _ = call.proven.challenge.set(proofs.another(CHALLENGES, now));
    let demand =
        "the proof of the client attestation must have a challenge of this server that was not used before";
    ensure(is_good, error("use_attestation_challenge", demand))
}

/// The challenge in a proof that is right otherwise.
fn check_proof(
    call: &Call<'_>,
    client: &ClientConfig,
    key: &PublicKey,
    text: &str,
) -> Result<Option<String>, String> {
    let proof = Compact::parse(text)?;
    ensure(proof.typ().as_deref() == Some(PROOF_TYPE), format!("typ is not {PROOF_TYPE}"))?;
    proof.verify(std::slice::from_ref(key))?;
    // Earlier drafts have iss.
    let is_theirs = !proof.claims.contains_key("iss") || proof.text("iss") == Some(&client.id);
    ensure(is_theirs, "iss is not the client id".to_owned())?;
    let issuer = call.part.announced_issuer(&call.marks);
    ensure(proof.text("aud") == Some(&issuer), format!("aud is not the issuer as one text, {issuer}"))?;
    let (now, issued) = (call.shared.machine_now(), proof.time("iat")?.ok_or("iat is missing")?);
    ensure(issued <= now + SKEW && issued + OLDEST >= now, "iat is not close to the present".to_owned())?;
    let id = proof.text("jti").filter(|id| !id.is_empty()).ok_or("jti is missing, or no text")?;
    let used = "its jti was used before".to_owned();
    ensure(call.shared.proofs.is_new("attestation", &format!("{} {id}", key.thumbprint())), used)?;
    Ok(proof.text("challenge").map(str::to_owned))
}

const ATTESTATION: &str = "oauth-client-attestation";
const PROOF: &str = "oauth-client-attestation-pop";
const TYPE: &str = "oauth-client-attestation+jwt";
const PROOF_TYPE: &str = "oauth-client-attestation-pop+jwt";
/// For what the challenges are.
const CHALLENGES: &str = "challenge";
/// In seconds, as the next one.
const SKEW: u64 = 30;
const OLDEST: u64 = 300;
