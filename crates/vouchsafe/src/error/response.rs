//! A response that the protocol does not allow.
payload! {
    /// A response that the protocol does not allow.
    pub struct ResponseError {
        /// What is wrong with it.
        malformed: Malformed,
    }
    Response, response, "{} failed: {}"
}

words! {
    /// What is wrong with a response.
    pub enum Malformed {
        /// It is not the JSON that the protocol requires.
        Json = "json",
        /// A required member is missing.
        MissingField = "missing_field",
        /// A member has a wrong type or value.
        InvalidField = "invalid_field",
        /// It has another content type; it may be an HTML page.
        ContentType = "content_type",
        /// The metadata cannot be used.
        Metadata = "metadata",
        /// The key set cannot be used.
        Jwks = "jwks",
        /// It is not a JWT.
        Jwt = "jwt",
        /// It is an encrypted JWT, and the registration has no key to decrypt it.
        Encrypted = "encrypted_jwt",
    }
}
