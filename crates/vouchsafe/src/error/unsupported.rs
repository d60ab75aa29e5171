//! The provider and this library have no common way for an operation.
payload! {
    /// The provider does not support the operation, or requires something of it that this library does not do.
    pub struct UnsupportedError {
        /// The feature that is missing.
        feature: Feature,
    }
    Unsupported, unsupported, "{} is not possible: {}"
}

words! {
    /// A feature that a provider, or one login, can lack.
    pub enum Feature {
        /// Refreshing tokens.
        Refresh = "refresh_not_supported",
        /// A refresh token: the provider gave none at this login.
        RefreshToken = "no_refresh_token",
        /// Long-lived tokens for short-lived ones.
        LongLivedToken = "long_lived_token_not_supported",
        /// Revocation.
        Revocation = "revoke_not_supported",
        /// Introspection.
        Introspection = "introspect_not_supported",
        /// Logins on devices without a browser (RFC 8628).
        Device = "device_not_supported",
        /// Logins without the user's browser (CIBA).
        Backchannel = "backchannel_not_supported",
        /// Registration of clients by a program (RFC 7591).
        Registration = "registration_not_supported",
        /// Management of registered clients by a program (RFC 7592).
        ClientManagement = "client_management_not_supported",
        /// A profile.
        Profile = "profile_not_supported",
        /// An identity: the provider gives no permanent identifier of its users.
        Identity = "identity_not_supported",
        /// A client authentication method that this library supports.
        ClientAuth = "client_auth_not_supported",
        /// The authorization code grant: the provider offers no response type `code`.
        Code = "code_not_supported",
        /// The code challenge method `S256`: the provider offers others only.
        CodeChallenge = "s256_not_supported",
        /// A signature algorithm of ID tokens that this library, or the registration, accepts.
        IdTokenAlgorithm = "id_token_algorithm_not_supported",
        /// An authorization request in the URL: the provider requires a pushed one (RFC 9126).
        PushedRequest = "pushed_request_required",
        /// An authorization request in plain parameters: the provider requires a signed request object (RFC 9101).
        SignedRequest = "signed_request_required",
        /// An encrypted authorization request: the provider has no key for it, or accepts other algorithms (RFC 9101 section 6.1).
        EncryptedRequest = "encrypted_request_not_supported",
        /// Verification of JWTs: the provider publishes no keys.
        Keys = "keys_not_supported",
        /// An ID token, which is needed to know who the user is, or how and when the user authenticated.
        IdToken = "id_token_not_supported",
    }
}

impl UnsupportedError {
    /// The reason alone, without the operation: a sentence that names the thing that is missing.
    pub fn reason(&self) -> &str {
        &self.detail
    }
}
