//! Demands on clients beyond the plain protocol.

use super::SandboxBuilder;
use crate::config::DpopNonces;

/// Demands on all clients of the sandbox's own provider. [`ClientConfig`](crate::ClientConfig) has those on one client.
impl SandboxBuilder {
    /// How nonces are demanded in DPoP proofs. The default is [`DpopNonces::Off`].
    pub fn dpop_nonces(mut self, nonces: DpopNonces) -> Self {
        self.settings.demands.nonces = nonces;
        self
    }

    /// All clients must push their authorization requests (RFC 9126 section 5). Every other authorization request ends on an error
    /// page.
    pub fn require_pushed_authorization_requests(mut self) -> Self {
        self.settings.demands.must_push = true;
        self
    }

    /// All clients must sign their authorization requests (RFC 9101 section 10.5), by value, by reference, or pushed.
    pub fn require_signed_request_object(mut self) -> Self {
        self.settings.demands.must_sign = true;
        self
    }

    /// Accepts the old forms of the audience in the client assertions of all clients. See
    /// [`ClientConfig::accept_old_audiences`](crate::ClientConfig::accept_old_audiences).
    pub fn accept_old_audiences(mut self) -> Self {
        self.settings.demands.takes_old_audiences = true;
        self
    }

    /// Accepts encrypted request objects (RFC 9101 section 6.1). The key set then has keys for encryption beside those for
    /// signatures.
    pub fn encrypted_request_objects(mut self) -> Self {
        self.settings.demands.decrypts = true;
        self
    }

    /// Demands a challenge in the proofs of attestations (draft-ietf-oauth-attestation-based-client-auth section 6). Each is good once, for
    /// five minutes. The metadata names the `challenge_endpoint`, and each response to an attestation gives the next challenge.
    pub fn attestation_challenges(mut self) -> Self {
        self.settings.demands.challenges = true;
        self
    }

    /// Adds a type of authorization details (RFC 9396 section 2). There are `account_information` and `payment_initiation` already.
    pub fn authorization_details_type(mut self, name: impl Into<String>) -> Self {
        self.settings.demands.details_types.push(name.into());
        self
    }

    /// Adds a resource that access tokens may be for (RFC 8707 section 2); every other one is then refused as `invalid_target`.
    /// Without it, every absolute URI is accepted.
    pub fn resource(mut self, uri: impl Into<String>) -> Self {
        self.settings.demands.resources.push(uri.into());
        self
    }

    /// Starts a second listener, with TLS, at which clients may show a certificate (RFC 8705). The metadata names its endpoints in
    /// `mtls_endpoint_aliases`, and its protected resource is at `/resource` of the same origin. The authority to trust is
    /// [`Sandbox::mtls_authority`](crate::Sandbox::mtls_authority). The issuer stays the same.
    ///
    /// The sandbox asks for a certificate, and accepts every one: the endpoints compare it with the registration.
    pub fn mtls(mut self) -> Self {
        self.has_mtls = true;
        self
    }

    /// Behaves as the FAPI 2.0 Security Profile requires of an authorization server. It requires pushed authorization requests, PKCE
    /// with `S256`, client authentication by `private_key_jwt` or a certificate, and sender-constrained access tokens. It signs, and
    /// accepts, `PS256`, `ES256` and `EdDSA` only, and does not rotate refresh tokens. Errors name the section. The default signature
    /// algorithm becomes `PS256`.
    ///
    /// The profile demands TLS, which a sandbox on a loopback address does not have.
    pub fn fapi2(mut self) -> Self {
        self.settings.demands.is_fapi = true;
        self.settings.demands.must_push = true;
        if self.signing_alg.starts_with("RS") {
            "PS256".clone_into(&mut self.signing_alg);
        }
        self
    }

    /// Behaves as FAPI 2.0 Message Signing requires, in addition: authorization requests are signed, and responses too
    /// (`response_mode` `jwt`).
    pub fn fapi2_message_signing(self) -> Self {
        let mut builder = self.fapi2();
        builder.settings.demands.must_sign = true;
        builder.settings.demands.must_sign_responses = true;
        builder
    }
}
