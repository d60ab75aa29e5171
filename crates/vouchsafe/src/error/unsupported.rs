//! The provider does not support an operation.
payload! {
    /// The provider does not support the operation.
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
        /// A profile.
        Profile = "profile_not_supported",
        /// An identity: the provider gives no permanent identifier of its users.
        Identity = "identity_not_supported",
        /// A client authentication method that this library supports.
        ClientAuth = "client_auth_not_supported",
        /// Verification of JWTs: the provider publishes no keys.
        Keys = "keys_not_supported",
        /// An ID token, which is needed to know who the user is, or how and when the user authenticated.
        IdToken = "id_token_not_supported",
    }
}
