//! The endpoints of a provider, a row each.

/// Hands the rows to a macro: a name, the field of a [`Definition`](crate::Definition), and the member of server metadata
/// (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2). One more endpoint is one more row.
macro_rules! endpoints {
    ($macro:ident) => {
        $macro! {
            /// The authorization endpoint (RFC 6749 section 3.1).
            Authorization, authorization_endpoint, Some("authorization_endpoint");
            /// The token endpoint (RFC 6749 section 3.2).
            Token, token_endpoint, Some("token_endpoint");
            /// Where tokens are refreshed, if not at the token endpoint.
            Refresh, refresh_endpoint, None;
            /// The revocation endpoint (RFC 7009).
            Revocation, revocation_endpoint, Some("revocation_endpoint");
            /// The introspection endpoint (RFC 7662).
            Introspection, introspection_endpoint, Some("introspection_endpoint");
            /// The endpoint for pushed authorization requests (RFC 9126).
            PushedAuthorizationRequest, pushed_authorization_request_endpoint, Some("pushed_authorization_request_endpoint");
            /// The device authorization endpoint (RFC 8628).
            DeviceAuthorization, device_authorization_endpoint, Some("device_authorization_endpoint");
            /// The frame that tells whether the user's session has changed (OpenID Connect Session Management 1.0 section 3.3).
            CheckSession, check_session_iframe, Some("check_session_iframe");
            /// The backchannel authentication endpoint (OpenID Connect CIBA Core 1.0 section 7).
            BackchannelAuthentication, backchannel_authentication_endpoint, Some("backchannel_authentication_endpoint");
            /// Where clients get challenges for the proofs of their attestations (draft-ietf-oauth-attestation-based-client-auth section 6.1).
            Challenge, challenge_endpoint, Some("challenge_endpoint");
            /// Where programs register clients (RFC 7591).
            Registration, registration_endpoint, Some("registration_endpoint");
            /// Where a session is ended (OpenID Connect RP-Initiated Logout).
            EndSession, end_session_endpoint, Some("end_session_endpoint");
            /// The UserInfo endpoint (OpenID Connect Core section 5.3), or the profile of a provider without OpenID Connect.
            Userinfo, userinfo_endpoint, Some("userinfo_endpoint");
        }
    };
}
pub(crate) use endpoints;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $field:ident, $metadata:expr;)*) => {
        /// The name of an endpoint.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum EndpointName {
            $($(#[$doc])* $name,)*
        }

        impl EndpointName {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name of its field in a definition.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($field),)*
                }
            }

            /// The name of its member in server metadata (RFC 8414 section 2), if it has one.
            pub fn in_metadata(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => $metadata,)*
                }
            }
        }
    };
}
endpoints!(names);
