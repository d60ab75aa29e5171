//! A client for the tests that knows a provider from its definition only.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;
use vouchsafe_providers::{ClientAuth, Definition, Encoding, ErrorShape, Kind, Pkce, ProfileSource};
use vouchsafe_sandbox::ActedProvider;

use crate::scenario::{CHALLENGE, REDIRECT_URI, Reply, Scenario, VERIFIER, basic, claims, query_value};
use crate::signed_secret::client_secret;

/// The SHA-256 of the code verifier, in hexadecimal.
const HEX_CHALLENGE: &str = "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3";

pub(crate) type Pairs = Vec<(String, String)>;

pub(crate) struct Player<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) acted: ActedProvider,
    pub(crate) definition: Definition,
    metadata: Value,
}

/// Tokens, and the whole answer they came in.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) whole: Value,
    pub(crate) tokens: Value,
}

impl<'a> Player<'a> {
    pub(crate) async fn new(scenario: &'a Scenario, slug: &str) -> Self {
        let acted = scenario.sandbox.provider(slug).unwrap();
        Self::of(scenario, acted).await
    }

    pub(crate) async fn own(scenario: &'a Scenario, toml: &str) -> Self {
        let head = "slug = \"own\"\ndisplay_name = \"Own\"\ndocumentation = \"https://own.example\"\nchecked = \"2026-11-23\"\n";
        let definition = Definition::from_toml(&format!("{head}{toml}")).unwrap();
        Self::of(scenario, scenario.sandbox.act(&definition)).await
    }

    async fn of(scenario: &'a Scenario, acted: ActedProvider) -> Self {
        let definition = Definition::from_toml(&acted.definition_toml()).unwrap();
        assert_eq!(definition, acted.definition(), "TOML loses nothing");
        let mut player = Self { scenario, acted, definition, metadata: Value::Null };
        if player.definition.kind == Kind::Openid {
            player.metadata = player.discover().await;
        }
        player
    }

    /// Asks for everything that a refresh token needs.
    pub(crate) fn lasting(mut self) -> Self {
        let refreshing = self.definition.refreshing.clone();
        if !has_scope(&self.definition) {
            self.definition.scopes.push(refreshing.needs_scope[0].clone());
        }
        self.definition.authorization.params.extend(refreshing.needs_params);
        self
    }

    async fn discover(&self) -> Value {
        let issuer = self.definition.issuer.as_deref().map(|issuer| self.fill(issuer));
        let by_issuer =
            || format!("{}/.well-known/openid-configuration", issuer.unwrap().trim_end_matches('/'));
        let document =
            self.definition.discovery.as_deref().map(|url| self.fill(url)).unwrap_or_else(by_issuer);
        let reply = self.get(&document).await;
        assert_eq!(reply.status, 200, "{document}: {}", reply.body);
        reply.json()
    }

    pub(crate) fn metadata(&self) -> &Value {
        &self.metadata
    }

    /// The definition's endpoint or, where it has none, the metadata's.
    pub(crate) fn endpoint(&self, known: &Option<String>, name: &str) -> Option<String> {
        let known = known.as_deref().map(|url| self.fill(url));
        known.or_else(|| self.metadata[name].as_str().map(str::to_owned))
    }

    pub(crate) fn fill(&self, text: &str) -> String {
        let mut filled = text.replace("{client_id}", self.acted.client_id());
        filled = filled.replace("{client_secret}", self.acted.client_secret());
        for (name, value) in self.acted.params() {
            filled = filled.replace(&format!("{{{name}}}"), &value);
        }
        filled
    }

    pub(crate) fn authorization_url(&self, change: &[(&str, &str)]) -> String {
        let definition = &self.definition;
        let mut params = pairs(&[
            ("response_type", "code"),
            ("client_id", self.acted.client_id()),
            ("redirect_uri", REDIRECT_URI),
            ("scope", &definition.scopes.join(&definition.scope_separator)),
            ("state", "the state"),
        ]);
        if definition.kind == Kind::Openid {
            params.push(("nonce".into(), "the nonce".into()));
        }
        let challenge = match definition.pkce {
            Pkce::Supported | Pkce::Required => Some(CHALLENGE),
            Pkce::Hex => Some(HEX_CHALLENGE),
            Pkce::Unsupported => None,
        };
        if let Some(challenge) = challenge {
            params.extend(pairs(&[("code_challenge", challenge), ("code_challenge_method", "S256")]));
        }
        let order = &definition.authorization.order;
        params.sort_by_key(|(name, _)| order.iter().position(|known| known == name).unwrap_or(usize::MAX));
        let params = renamed(params, &[&definition.authorization.names]);
        let params = with(params, &definition.authorization.params);
        let params = changed(params, change);
        let endpoint = self.endpoint(&definition.authorization_endpoint, "authorization_endpoint").unwrap();
        with_query(&endpoint, &params)
    }

    pub(crate) async fn callback(&self, username: &str) -> String {
        self.scenario.sandbox.person(username).allow(&self.authorization_url(&[])).await.unwrap()
    }

    pub(crate) async fn login(&self, username: &str) -> Answer {
        let callback = self.callback(username).await;
        self.redeem(&callback, &[]).await
    }

    pub(crate) async fn redeem(&self, callback: &str, change: &[(&str, &str)]) -> Answer {
        let (request, headers) = self.code_request(callback, change);
        let endpoint = self.endpoint(&self.definition.token_endpoint, "token_endpoint").unwrap();
        let encoding = self.definition.token.encoding;
        let mut answer = self.read(self.send(&endpoint, encoding, None, &headers, request).await);
        for name in &self.definition.refreshing.forward {
            answer.tokens["callback"][name] = query_value(callback, name).into();
        }
        answer
    }

    pub(crate) fn code_request(&self, callback: &str, change: &[(&str, &str)]) -> (Pairs, Pairs) {
        let quirks = &self.definition.token;
        let mut code = query_value(callback, "code").unwrap_or_default();
        if let Some(suffix) = &self.definition.callback.code_suffix {
            code = code
                .strip_suffix(suffix.as_str())
                .unwrap_or_else(|| panic!("{code} lacks {suffix}"))
                .to_owned();
        }
        let grant_type =
            quirks.grant_types.get("authorization_code").map_or("authorization_code", String::as_str);
        let mut params =
            pairs(&[("grant_type", grant_type), ("code", &code), ("redirect_uri", REDIRECT_URI)]);
        if self.definition.pkce != Pkce::Unsupported {
            params.push(("code_verifier".into(), VERIFIER.into()));
        }
        if quirks.scope {
            params.push(("scope".into(), self.definition.scopes.join(&self.definition.scope_separator)));
        }
        for name in &self.definition.callback.forward {
            params.push((name.clone(), query_value(callback, name).unwrap()));
        }
        let headers = self.authenticate(&mut params, self.definition.client_auth);
        let params = with(renamed(params, &[&quirks.names]), &self.filled(&quirks.params));
        (changed(params, change), headers)
    }

    pub(crate) async fn refresh(&self, tokens: &Value, change: &[(&str, &str)]) -> Answer {
        let (quirks, refreshing) = (&self.definition.token, &self.definition.refreshing);
        let token = &tokens[if refreshing.access_token { "access_token" } else { "refresh_token" }];
        let grant_type = quirks.grant_types.get("refresh_token").map_or("refresh_token", String::as_str);
        let mut params = pairs(&[("grant_type", grant_type), ("refresh_token", token.as_str().unwrap())]);
        if refreshing.redirect_uri {
            params.push(("redirect_uri".into(), REDIRECT_URI.into()));
        }
        for name in &refreshing.forward {
            params.push((name.clone(), tokens["callback"][name].as_str().unwrap().to_owned()));
        }
        if refreshing.scope {
            params.push(("scope".into(), self.definition.scopes.join(&self.definition.scope_separator)));
        }
        let headers = self.authenticate(&mut params, self.definition.client_auth);
        let params = with(renamed(params, &[&refreshing.names, &quirks.names]), &self.filled(&quirks.params));
        let params = with(params, &self.filled(&refreshing.params));
        let own = self.definition.refresh_endpoint.as_deref().map(|url| self.fill(url));
        let endpoint =
            own.or_else(|| self.endpoint(&self.definition.token_endpoint, "token_endpoint")).unwrap();
        let encoding = refreshing.encoding.unwrap_or(quirks.encoding);
        self.read(self.send(&endpoint, encoding, None, &headers, changed(params, change)).await)
    }

    pub(crate) async fn long_lived(&self, tokens: &Value) -> Answer {
        let quirks = self.definition.long_lived.as_ref().unwrap();
        let mut params = pairs(&[
            ("grant_type", quirks.grant_type.as_str()),
            (&quirks.token_name, tokens["access_token"].as_str().unwrap()),
        ]);
        let headers = self.authenticate(&mut params, self.definition.client_auth);
        let own = quirks.endpoint.as_deref().map(|url| self.fill(url));
        let endpoint =
            own.or_else(|| self.endpoint(&self.definition.token_endpoint, "token_endpoint")).unwrap();
        let params = renamed(params, &[&self.definition.token.names]);
        self.read(self.send(&endpoint, quirks.encoding, None, &headers, params).await)
    }

    pub(crate) async fn revoke(&self, token: &str) -> Reply {
        let quirks = &self.definition.revocation;
        let mut params = match quirks.token_name.as_deref() {
            Some("") => Vec::new(),
            name => pairs(&[(name.unwrap_or("token"), token)]),
        };
        let mut headers = Vec::new();
        if !quirks.bearer || self.definition.revocation_auth.is_some() {
            let method = self.definition.revocation_auth.or(self.definition.client_auth);
            headers.extend(self.authenticate(&mut params, method));
        }
        if quirks.bearer {
            headers.extend(pairs(&[("authorization", &format!("Bearer {token}"))]));
        }
        let params = with(renamed(params, &[&quirks.names]), &quirks.params);
        let endpoint = self.endpoint(&self.definition.revocation_endpoint, "revocation_endpoint").unwrap();
        let method = quirks.method.as_deref();
        self.send(&endpoint, quirks.encoding, Some(method.unwrap_or("POST")), &headers, params).await
    }

    pub(crate) async fn profile(&self, answer: &Answer) -> Value {
        match self.definition.userinfo.source {
            ProfileSource::Token => answer.whole.clone(),
            ProfileSource::IdToken => claims(&answer.tokens["id_token"]),
            ProfileSource::AccessToken => claims(&answer.tokens["access_token"]),
            _ => {
                let reply = self.ask(answer, &[]).await;
                assert_eq!(reply.status, 200, "{}: {}", self.definition.slug, reply.body);
                if self.definition.userinfo.signed {
                    return claims(&reply.body.into());
                }
                let profile = reply.json();
                assert_success(&profile, self.definition.userinfo.failure.as_ref());
                profile
            }
        }
    }

    pub(crate) async fn ask(&self, answer: &Answer, more: &[(&str, &str)]) -> Reply {
        let quirks = &self.definition.userinfo;
        let endpoint = self.endpoint(&self.definition.userinfo_endpoint, "userinfo_endpoint");
        let endpoint = endpoint.unwrap_or_else(|| panic!("{} has no userinfo", self.definition.slug));
        let (mut headers, mut query, mut form) = self.token_places(answer);
        headers.extend(pairs(more));
        for (name, value) in &quirks.headers {
            headers.push((name.clone(), self.fill(value)));
        }
        let params = quirks.params.iter().map(|(name, value)| {
            let value = match value.strip_prefix("{token:").and_then(|rest| rest.strip_suffix('}')) {
                Some(pointer) => {
                    text_at(&answer.whole, pointer).or_else(|| text_at(&answer.tokens, pointer)).unwrap()
                }
                None => self.fill(value),
            };
            (name.clone(), value)
        });
        let params: Pairs = params.chain(self.proof(answer)).collect();
        if quirks.method == "POST" && quirks.body.is_none() {
            form.extend(params);
        } else {
            query.extend(params);
        }
        let url = with_query(&endpoint, &query);
        match &quirks.body {
            Some(body) => {
                headers.extend(pairs(&[("content-type", "application/json")]));
                self.http(&quirks.method, &url, &headers, self.fill(body)).await
            }
            None if quirks.method == "POST" => self.send(&url, Encoding::Form, None, &headers, form).await,
            None => self.http(&quirks.method, &url, &headers, String::new()).await,
        }
    }

    /// What proves the client's secret, where the provider asks for that.
    fn proof(&self, answer: &Answer) -> Option<(String, String)> {
        let token = answer.tokens["access_token"].as_str().unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.acted.client_secret().as_bytes());
        let tag = hmac::sign(&key, token.as_bytes());
        let proof: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Some((self.definition.userinfo.proof.clone()?, proof))
    }

    fn token_places(&self, answer: &Answer) -> (Pairs, Pairs, Pairs) {
        let token = answer.tokens["access_token"].as_str().unwrap();
        let place = &self.definition.userinfo.token;
        let (mut headers, mut query, mut form) = (Vec::new(), Vec::new(), Vec::new());
        match place.split_once(':').unwrap_or((place, "")) {
            ("bearer", _) => headers.push(("authorization".to_owned(), format!("Bearer {token}"))),
            ("scheme", scheme) => {
                headers.push(("authorization".to_owned(), format!("{scheme} {token}").trim().into()));
            }
            ("header", name) => headers.push((name.to_owned(), token.to_owned())),
            ("query", name) => query.push((name.to_owned(), token.to_owned())),
            ("body", name) => form.push((name.to_owned(), token.to_owned())),
            other => panic!("{other:?}"),
        }
        (headers, query, form)
    }

    /// The e-mail, and whether it is vouched for.
    pub(crate) async fn email(&self, answer: &Answer, profile: &Value) -> Option<(String, bool)> {
        let identity = &self.definition.identity;
        let Some(list) = &identity.emails else {
            let email = identity.email.iter().find_map(|pointer| text_at(profile, pointer))?;
            let says = |pointer: &String| match profile.pointer(pointer) {
                Some(Value::String(text)) if identity.email_verified_text => text == "true",
                Some(Value::Bool(is)) if !identity.email_verified_text => *is,
                _ => false,
            };
            let verified = !identity.email_verified.is_empty() && identity.email_verified.iter().all(says);
            return Some((email, verified || identity.email_always_verified));
        };
        let document = match &list.endpoint {
            Some(endpoint) => {
                let (mut headers, mut query, _) = self.token_places(answer);
                query.extend(self.proof(answer));
                headers.extend(self.filled(&self.definition.userinfo.headers));
                let mut url = self.fill(endpoint);
                while let Some((before, rest)) = url.split_once('{') {
                    let (pointer, after) = rest.split_once('}').unwrap();
                    url = format!("{before}{}{after}", text_at(profile, pointer).unwrap());
                }
                let reply = self.http("GET", &with_query(&url, &query), &headers, String::new()).await;
                assert_eq!(reply.status, 200, "{}: {}", self.definition.slug, reply.body);
                reply.json()
            }
            None => profile.clone(),
        };
        let found = document.pointer(&list.list)?;
        let entries = if list.single { std::slice::from_ref(found) } else { found.as_array()? };
        let is_primary = |entry: &&Value| match list.primary.as_ref().map(|pointer| entry.pointer(pointer)) {
            None | Some(Some(Value::Bool(true))) => true,
            Some(Some(Value::Array(marks))) => marks.contains(&json!("primary")),
            _ => false,
        };
        let entry = entries.iter().find(is_primary)?;
        let verified = list.verified.as_ref().and_then(|pointer| entry.pointer(pointer));
        let verified =
            verified.is_some_and(|mark| [json!(true), json!("true"), json!("confirmed")].contains(mark));
        Some((text_at(entry, &list.email)?, verified))
    }

    pub(crate) fn subject(&self, profile: &Value) -> Option<String> {
        let identity = &self.definition.identity;
        let template = identity.subject.first().and_then(|place| place.strip_prefix('{')?.strip_suffix('}'));
        if let Some(template) = template {
            let part =
                |pointer| text_at(profile, pointer).map(|text| text.replace('/', "%2F").replace(':', "%3A"));
            let parts: Option<Vec<_>> = template.split("}/{").map(part).collect();
            return parts.map(|parts| parts.join("/"));
        }
        let subject = identity.subject.iter().find_map(|pointer| text_at(profile, pointer))?;
        let last = subject.rsplit('/').next().unwrap().to_owned();
        Some(if identity.subject_is_last_segment { last } else { subject })
    }

    /// Reads a token answer by the definition's quirks.
    fn read(&self, reply: Reply) -> Answer {
        let quirks = &self.definition.token;
        let is_form =
            reply.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form"));
        let whole = if is_form {
            assert!(quirks.form_response, "{}: nobody said that answers are forms", self.definition.slug);
            let pairs = url::form_urlencoded::parse(reply.body.as_bytes());
            Value::Object(pairs.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect())
        } else {
            serde_json::from_str(&reply.body).unwrap_or_default()
        };
        let is_object = |pointer: &&String| whole.pointer(pointer).is_some_and(Value::is_object);
        let place = quirks.response.iter().find(is_object).map_or("", String::as_str);
        let mut tokens = whole.pointer(place).cloned().unwrap_or_default();
        for (standard, own) in &quirks.response_names {
            if let Some(value) = tokens.get(own).cloned() {
                tokens[standard] = value;
            }
        }
        Answer { reply, whole, tokens }
    }

    pub(crate) fn authenticate(&self, params: &mut Pairs, method: Option<ClientAuth>) -> Pairs {
        let id = self.acted.client_id();
        let secret = match self.acted.client_key() {
            Some(key) => client_secret(key, &self.secret_claims()),
            // A client with a secret asks a provider that takes none, too.
            None if self.acted.client_secret().is_empty() => "a-secret".to_owned(),
            None => self.acted.client_secret().to_owned(),
        };
        let secret = secret.as_str();
        let mut headers = self.filled(&self.definition.token.headers);
        match method {
            Some(ClientAuth::None) => params.extend(pairs(&[("client_id", id)])),
            Some(ClientAuth::ClientSecretPost) => {
                params.extend(pairs(&[("client_id", id), ("client_secret", secret)]));
            }
            _ => {
                headers.insert("authorization".into(), basic(id, secret));
            }
        }
        headers.into_iter().collect()
    }

    /// What a client secret says that is a JWT.
    pub(crate) fn secret_claims(&self) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let team = self.acted.client_key().unwrap().team_id();
        let issuer = self.fill(self.definition.issuer.as_deref().unwrap());
        json!({ "iss": team, "sub": self.acted.client_id(), "aud": issuer, "iat": now, "exp": now + 300 })
    }

    fn filled(&self, texts: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        texts.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect()
    }

    pub(crate) async fn send(
        &self,
        url: &str,
        encoding: Encoding,
        method: Option<&str>,
        headers: &[(String, String)],
        params: Pairs,
    ) -> Reply {
        let mut headers = headers.to_vec();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            headers.extend(pairs(&[("accept", "application/json")]));
        }
        match encoding {
            Encoding::Query => {
                self.http(method.unwrap_or("GET"), &with_query(url, &params), &headers, String::new()).await
            }
            Encoding::Json => {
                headers.extend(pairs(&[("content-type", "application/json")]));
                let object: serde_json::Map<_, _> = params.into_iter().map(|(n, v)| (n, v.into())).collect();
                self.http(method.unwrap_or("POST"), url, &headers, Value::Object(object).to_string()).await
            }
            _ => {
                headers.extend(pairs(&[("content-type", "application/x-www-form-urlencoded")]));
                let body = Serializer::new(String::new()).extend_pairs(&params).finish();
                self.http(method.unwrap_or("POST"), url, &headers, body).await
            }
        }
    }

    pub(crate) async fn get(&self, url: &str) -> Reply {
        self.http("GET", url, &[], String::new()).await
    }

    pub(crate) async fn http(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        body: String,
    ) -> Reply {
        let path = url.strip_prefix(self.scenario.sandbox.issuer());
        let path = path.unwrap_or_else(|| panic!("{url} is not at the sandbox"));
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        self.scenario.raw(request.as_bytes()).await
    }
}

const PLAIN: &str = r#"
    kind = "oauth2"
    authorization_endpoint = "https://own.example/authorize"
    token_endpoint = "https://own.example/token"
    userinfo_endpoint = "https://api.own.example/me"
"#;
const SUBJECT: &str = "[identity]\nsubject = [\"/sub\"]\n";

/// A plain provider, with something of its own.
pub(crate) fn own(more: &str) -> String {
    let subject = if more.contains("[identity]") { "" } else { SUBJECT };
    format!("{PLAIN}{more}\n{subject}")
}

pub(crate) fn pairs(list: &[(&str, &str)]) -> Pairs {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
pub(crate) fn assert_success(body: &Value, failure: Option<&ErrorShape>) {
    let Some(failure) = failure.filter(|failure| !failure.success.is_empty()) else { return };
    let mark = text_at(body, &failure.code).unwrap_or_else(|| panic!("{body} has no {}", failure.code));
    assert!(failure.success.contains(&mark), "{body}");
}

pub(crate) fn text_at(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

fn renamed(params: Pairs, names: &[&BTreeMap<String, String>]) -> Pairs {
    let name =
        |standard: String| names.iter().find_map(|names| names.get(&standard).cloned()).unwrap_or(standard);
    let params = params.into_iter().map(|(standard, value)| (name(standard), value));
    params.filter(|(name, _)| !name.is_empty()).collect()
}

/// Whether the definition's own scopes bring a refresh token.
pub(crate) fn has_scope(definition: &Definition) -> bool {
    let needed = &definition.refreshing.needs_scope;
    needed.is_empty() || needed.iter().any(|scope| definition.scopes.contains(scope))
}

fn with(mut params: Pairs, fixed: &BTreeMap<String, String>) -> Pairs {
    params.retain(|(name, _)| !fixed.contains_key(name));
    params.extend(fixed.clone());
    params
}

fn changed(mut params: Pairs, change: &[(&str, &str)]) -> Pairs {
    params.retain(|(name, _)| !change.iter().any(|(other, _)| other == name));
    params.extend(pairs(change).into_iter().filter(|(_, value)| !value.is_empty()));
    params
}

fn with_query(url: &str, params: &Pairs) -> String {
    if params.is_empty() {
        return url.to_owned();
    }
    let mut url = Url::parse(url).unwrap();
    url.query_pairs_mut().extend_pairs(params);
    url.into()
}
