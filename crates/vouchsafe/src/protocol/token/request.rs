//! What a token is asked for with.
use http::HeaderMap;
use vouchsafe_providers::{RefreshQuirks, TokenQuirks};

use crate::endpoint::Endpoint;
use crate::protocol::client_auth::Credentials;
use crate::protocol::params::{Params, UNCHANGED};
use crate::transport::Request;
use vouchsafe_providers::ClientAuth;

#[derive(Clone, Copy)]
pub(crate) enum Grant<'a> {
    /// RFC 6749 §4.1.3, with the code verifier of RFC 7636 §4.5, what the provider wants back of its response, and the
    /// scopes for the providers that want them again.
    AuthorizationCode {
        code: &'a str,
        redirect_uri: &'a str,
        verifier: Option<&'a str>,
        forwarded: &'a [(String, String)],
        scope: Option<&'a str>,
    },
    /// RFC 6749 §6; the redirect URI, and what came with the code, for the providers that want them again.
    RefreshToken {
        token: &'a str,
        scope: Option<&'a str>,
        redirect_uri: Option<&'a str>,
        forwarded: &'a [(String, String)],
    },
}

/// `headers` are those that the definition asks for.
pub(crate) fn request(
    endpoint: &Endpoint,
    credentials: &Credentials,
    auth: ClientAuth,
    (quirks, refreshing): (&TokenQuirks, &RefreshQuirks),
    mut headers: HeaderMap,
    grant: Grant<'_>,
) -> Request {
    let refreshes = matches!(grant, Grant::RefreshToken { .. });
    let own_names = if refreshes { &refreshing.names } else { &UNCHANGED };
    let encoding = refreshing.encoding.filter(|_| refreshes).unwrap_or(quirks.encoding);
    let mut params = Params::new(encoding, [own_names, &quirks.names]);
    let called = |kind: &'static str| quirks.grant_types.get(kind).map_or(kind, String::as_str);
    match grant {
        Grant::AuthorizationCode { code, redirect_uri, verifier, forwarded, scope } => {
            params.push("grant_type", called("authorization_code"));
            params.push("code", code);
            params.push("redirect_uri", redirect_uri);
            if let Some(verifier) = verifier {
                params.push("code_verifier", verifier);
            }
            if let Some(scope) = scope {
                params.push("scope", scope);
            }
            for (name, value) in forwarded {
                params.add(name, value);
            }
        }
        Grant::RefreshToken { token, scope, redirect_uri, forwarded } => {
            params.push("grant_type", called("refresh_token"));
            params.push("refresh_token", token);
            if let Some(scope) = scope {
                params.push("scope", scope);
            }
            if let Some(redirect_uri) = redirect_uri {
                params.push("redirect_uri", redirect_uri);
            }
            for (name, value) in forwarded {
                params.add(name, value);
            }
        }
    }
    credentials.apply(auth, &mut headers, &mut params);
    params.add_all(&quirks.params);
    if refreshes {
        params.add_all(&refreshing.params);
    }
    params.request(None, endpoint, headers)
}
