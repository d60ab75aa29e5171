//! A check failed.
payload! {
    /// A security check failed: the response cannot be trusted.
    pub struct ValidationError {
        /// Which check failed.
        check: Check,
    }
    Validation, validation, "{} was refused: {}"
}

words! {
    /// A check that can fail.
    pub enum Check {
        /// The response came to another URL than the login's redirect URI (RFC 9700 section 4.4.2.2).
        RedirectUriMismatch = "redirect_uri_mismatch",
        /// `state` is missing or belongs to another login (RFC 6749 section 10.12).
        StateMismatch = "state_mismatch",
        /// The issuer, the server or the client is not the expected one (RFC 9207, OpenID Connect Discovery section 4.3).
        IssuerMismatch = "issuer_mismatch",
        /// The provider announces `iss` in its responses, but this response has none (RFC 9207 section 2.4).
        MissingIssuer = "missing_issuer",
        /// A parameter came twice (RFC 6749 section 3.1).
        DuplicateParameter = "duplicate_parameter",
        /// The nonce is missing or belongs to another login.
        NonceMismatch = "nonce_mismatch",
        /// An ID token was requested, but the response has none.
        MissingIdToken = "missing_id_token",
        /// The token is for another audience.
        Audience = "audience",
        /// The token was issued to another client (`azp`), or it is for several audiences and no `azp` says which one requested
        /// it.
        AuthorizedParty = "authorized_party",
        /// The token, or the login, is too old.
        Expired = "expired",
        /// The token is not valid yet.
        NotYetValid = "not_yet_valid",
        /// The user signed in longer ago than `max_age` allows, or the ID token does not say when.
        AuthTime = "auth_time",
        /// The authentication context class (`acr`) is not one of the requested ones.
        Acr = "acr",
        /// The signature is wrong.
        Signature = "signature",
        /// The signature algorithm is not acceptable.
        Algorithm = "algorithm",
        /// None of the provider's keys fits the signature.
        UnknownKey = "unknown_key",
        /// The key is too weak to trust.
        WeakKey = "weak_key",
        /// The JWT is not encrypted, although this client is registered for encryption.
        NotEncrypted = "not_encrypted",
        /// None of the decryption keys of the registration decrypts the JWT.
        Decryption = "decryption",
        /// The JWT marks a header as critical that this library does not know (RFC 7515 section 4.1.11).
        CriticalHeader = "critical_header",
        /// `at_hash` or `c_hash` belongs to another token or code.
        HashMismatch = "hash_mismatch",
        /// The subject is another user than before.
        SubjectMismatch = "subject_mismatch",
        /// The token has a type that was not requested.
        TokenType = "token_type",
        /// The access token is bound to a key, and no proof of that key came with it; or a proof came with a token that is not bound
        /// (RFC 9449 section 7.1).
        TokenBinding = "token_binding",
        /// The DPoP proof is for another request or another access token (RFC 9449 section 4.3).
        ProofMismatch = "proof_mismatch",
        /// The DPoP proof was used before.
        Replay = "replay",
        /// The access token lacks a scope that is required.
        Scope = "scope",
        /// A back-channel endpoint redirected.
        RedirectRefused = "redirect_refused",
        /// A URL is not `https` (nor `http` on a loopback host).
        InsecureUrl = "insecure_url",
        /// A host is not at a public address, and this client connects only to public addresses
        /// ([`HttpBuilder::public_addresses_only`](crate::http::HttpBuilder::public_addresses_only)).
        AddressRefused = "address_refused",
    }
}
