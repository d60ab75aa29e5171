//! Every definition of the catalogue is whole, and a mistake in one is told with its place.
use std::fs;
use std::path::Path;
use std::sync::Arc;

use vouchsafe_providers::{Definition, EndpointName, Kind, Pkce, ProfileSource, Rule, all, get, slugs};

const FULL: &str = include_str!("full.toml");

#[test]
fn every_file_of_the_catalogue_can_be_read() {
    for slug in slugs() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers").join(format!("{slug}.toml"));
        let text = fs::read_to_string(file).unwrap();
        let definition =
            Definition::from_toml(&text).unwrap_or_else(|e| panic!("providers/{slug}.toml: {e}"));
        assert_eq!(definition.slug, slug, "the slug is the name of the file");
        assert_eq!(get(slug).as_deref(), Some(&definition));
        assert!(Arc::ptr_eq(&get(slug).unwrap(), &get(slug).unwrap()), "{slug} is parsed once");
    }
    assert_eq!(all().count(), slugs().count());
}

#[test]
fn every_slug_is_in_order_and_fit_for_a_url() {
    let listed: Vec<_> = slugs().collect();
    assert!(listed.is_sorted());
    for slug in listed {
        assert!(slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{slug}");
        assert!(!slug.starts_with('-') && !slug.ends_with('-'), "{slug}");
    }
}

#[test]
fn every_endpoint_is_https_or_a_parameter() {
    for definition in all() {
        let slug = &definition.slug;
        for (field, url) in urls(&definition) {
            assert!(url.starts_with("https://") || url.starts_with('{'), "{slug}: {field}: {url}");
            assert!(!url.contains(['?', '#', ' ']), "{slug}: {field} is an endpoint alone: {url}");
        }
        match definition.kind {
            Kind::Openid => {
                assert!(definition.issuer.is_some(), "{slug}: an OpenID Provider has an issuer");
                let signed = definition.userinfo.source == ProfileSource::AccessToken;
                let asks = definition.scopes.iter().any(|s| s == "openid");
                assert!(
                    asks != signed,
                    "{slug}: asks for an ID token, where the access token is not as good"
                );
            }
            Kind::Oauth2 => {
                assert!(definition.authorization_endpoint.is_some(), "{slug}: authorization_endpoint");
                assert!(definition.token_endpoint.is_some(), "{slug}: token_endpoint");
            }
        }
    }
}

#[test]
fn every_definition_says_where_it_comes_from_and_when_it_was_checked() {
    for definition in all() {
        let slug = &definition.slug;
        assert!(!definition.sources.is_empty(), "{slug}: sources");
        for link in definition.sources.iter().chain([&definition.documentation]) {
            assert!(link.starts_with("https://") && !link.contains(' '), "{slug}: {link}");
        }
        assert_eq!(definition.checked.len(), "2026-11-23".len(), "{slug}: checked is a date");
        for note in &definition.notes {
            assert!(note.ends_with('.') && !note.contains('\n'), "{slug}: a note is a sentence: {note}");
        }
        for (name, option) in &definition.authorization.options {
            assert!(!option.description.is_empty(), "{slug}: {name} needs a description");
        }
    }
}

#[test]
fn every_definition_says_who_the_user_is() {
    for definition in all() {
        let (slug, identity) = (&definition.slug, &definition.identity);
        // Where a name is all there is, nobody can be told by it.
        let nameless = matches!(slug.as_str(), "bitly" | "mixcloud" | "snowflake" | "tumblr");
        assert_eq!(identity.subject.is_empty(), nameless, "{slug}: who the user is");
        assert!(
            identity.emails.is_none() || identity.email.is_empty(),
            "{slug}: an e-mail comes from one place"
        );
        assert!(
            identity.email_verified.is_empty() || !identity.email.is_empty(),
            "{slug}: a mark without an e-mail"
        );
        assert!(!identity.email_verified_text || !identity.email_verified.is_empty(), "{slug}: no mark");
    }
}

/// By which member accounts are known where another one lies nearer, but can change, be given up, or is not always there.
#[test]
fn accounts_are_known_by_what_lasts() {
    let superoffice = "{/http:~1~1schemes.superoffice.net~1identity~1ctx}/\
                       {/http:~1~1schemes.superoffice.net~1identity~1associateid}";
    let cases = [
        ("trakt", "/user/ids/uuid"),
        ("paypal", "/user_id"),
        ("spotify", "/account_id"),
        ("soundcloud", "/urn"),
        ("musicbrainz", "/metabrainz_user_id"),
        ("superoffice", superoffice),
        ("classlink", "{/TenantId}/{/UserId}"),
        ("slack", "{/https:~1~1slack.com~1team_id}/{/sub}"),
        ("wechat", "/openid"),
        ("eveonline", "{/sub}/{/owner}"),
        ("hubspot", "{/hub_id}/{/user_id}"),
        ("myob", "/user/uid"),
    ];
    for (slug, subject) in cases {
        assert_eq!(get(slug).unwrap().identity.subject, [subject], "{slug}");
    }
    assert!(get("paypal").unwrap().identity.subject_is_last_segment, "user_id is a URL");
}

/// The definitions that read a mark of a verified e-mail. Each has a sentence in its provider's documentation, or in its
/// source, that says that the address was verified; a new one is added here with that sentence in mind.
#[test]
fn an_email_is_vouched_for_only_where_the_provider_documents_it() {
    let vouching = all().filter(|d| {
        let identity = &d.identity;
        let listed = identity.emails.as_ref().is_some_and(|list| list.verified.is_some());
        listed || identity.email_always_verified || !identity.email_verified.is_empty()
    });
    let vouching: Vec<_> = vouching.map(|d| d.slug.clone()).collect();
    assert_eq!(
        vouching,
        [
            "apple",
            "auth0",
            "bitbucket",
            "cognito",
            "digitalocean",
            "discord",
            "dropbox",
            "github",
            "github-enterprise",
            "gitlab",
            "google",
            "govbr",
            "intercom",
            "kakao",
            "keycloak",
            "linkedin",
            "logingov",
            "microsoft",
            "musicbrainz",
            "openid",
            "patreon",
            "posthog",
            "shopify-online",
            "twitch",
            "wakatime",
            "wikimedia",
            "zitadel",
            "zoom",
        ]
    );
    let google = get("google").unwrap().identity.email_authority.clone().unwrap();
    assert_eq!((google.domains, google.members), (vec!["gmail.com".to_owned()], vec!["/hd".to_owned()]));
}

#[test]
fn a_picture_that_wants_the_access_token_is_none() {
    for slug in ["microsoft", "salesforce", "govbr"] {
        let identity = &get(slug).unwrap().identity;
        assert!(identity.picture.is_empty() && identity.picture_template.is_none(), "{slug}");
    }
}

/// It was measured at Telegram. A login is bound by PKCE nevertheless, and a nonce that is there is compared.
#[test]
fn telegram_s_id_tokens_need_no_nonce() {
    let telegram = get("telegram").unwrap();
    assert!(!telegram.nonce && telegram.pkce == Pkce::Supported);
}

#[test]
fn github_s_issuer_is_known() {
    assert_eq!(get("github").unwrap().issuer.as_deref(), Some("https://github.com/login/oauth"));
    let enterprise = get("github-enterprise").unwrap();
    assert_eq!(enterprise.issuer.as_deref(), Some("https://{host}/login/oauth"));
}

#[test]
fn every_parameter_that_is_described_is_mentioned() {
    for definition in all() {
        let text = format!("{definition:?}");
        for (name, param) in &definition.params {
            assert!(text.contains(&format!("{{{name}}}")), "{}: nothing uses {name}", definition.slug);
            assert!(!param.description.is_empty(), "{}: {name} needs a description", definition.slug);
            assert!(
                param.rule == Rule::Url || param.default.is_some() || param.example.is_some(),
                "{}: {name} needs an example",
                definition.slug
            );
        }
    }
}

#[test]
fn a_client_that_has_a_secret_knows_how_to_use_it() {
    for definition in all().filter(|d| !matches!(d.slug.as_str(), "oauth2" | "openid")) {
        assert!(definition.client_auth.is_some(), "{}: client_auth", definition.slug);
    }
}

#[test]
fn a_definition_can_set_every_field() {
    let full = Definition::from_toml(FULL).unwrap_or_else(|e| panic!("{e}"));
    // The facts for people have a test of their own.
    let text = format!("{full:?}").replace("registration: None", "");
    for unset in ["None", "[]", "{}", "\"\""] {
        assert!(!text.contains(unset), "a field is not set: {unset} in {text}");
    }
}

#[test]
fn a_value_of_a_wrong_type_is_told_with_its_line_and_field() {
    let mut table = String::new();
    for (number, line) in FULL.lines().enumerate() {
        if let Some(name) = line.strip_prefix('[') {
            table = format!("{}.", name.trim_end_matches(']'));
        }
        let Some((key, value)) = line.split_once(" = ") else { continue };
        let wrong = if value.starts_with('[') { &["7", "[[]]"][..] } else { &["7", "[]"] };
        for wrong in wrong {
            let message = refusal(&with_line(number, &format!("{key} = {wrong}")));
            let place = format!("line {}, field {table}{}: ", number + 1, key.trim_matches('"'));
            assert!(message.starts_with(&place), "{place} in {message}");
            assert!(!message.contains('\n'), "one paragraph: {message}");
        }
    }
}

#[test]
fn a_field_that_does_not_exist_is_told_with_its_line() {
    let open = [
        "expect",
        "params",
        "names",
        "headers",
        "grant_types",
        "response_names",
        "error_codes",
        "spent",
        "needs_params",
        "again_params",
    ];
    for (number, line) in FULL.lines().enumerate() {
        let Some(table) = line.strip_prefix('[').and_then(|t| t.strip_suffix(']')) else { continue };
        if open.iter().any(|name| table.ends_with(name)) {
            continue;
        }
        let message = refusal(&with_line(number, &format!("{line}\nnonsense = 1")));
        let place = format!("line {}, field {table}.nonsense: unknown field", number + 2);
        assert!(message.starts_with(&place), "{place} in {message}");
    }
    let message = refusal("slug = \"acme\"\ntoken_url = \"https://a.example\"\n");
    assert!(message.starts_with("line 2, field token_url: unknown field"), "{message}");
}

#[test]
fn a_field_that_is_missing_is_told() {
    let cases = [
        ("slug", "slug"),
        ("display_name", "display_name"),
        ("kind", "kind"),
        ("grant_type", "long_lived.grant_type"),
        ("rule", "params.host.rule"),
        ("authorization_endpoint", "authorization_endpoint"),
        ("token_endpoint", "token_endpoint"),
    ];
    for (key, field) in cases {
        let begin = format!("{key} = ");
        let text: String =
            FULL.lines().filter(|l| !l.starts_with(&begin)).map(|l| format!("{l}\n")).collect();
        let message = refusal(&text);
        assert!(message.contains(&format!("field {field}: ")), "{field} in {message}");
    }
}

#[test]
fn a_file_of_ones_own_needs_no_bookkeeping() {
    for key in ["documentation", "checked", "sources", "notes", "console"] {
        let begin = format!("{key} = ");
        let text: String =
            FULL.lines().filter(|l| !l.starts_with(&begin)).map(|l| format!("{l}\n")).collect();
        assert_ne!(text, FULL, "{key}");
        Definition::from_toml(&text).unwrap();
    }
}

#[test]
fn a_value_that_cannot_be_right_is_told_with_its_line_field_and_reason() {
    let url = "must be a URL that begins with https://";
    let pointer = "is not a JSON Pointer";
    let cases = [
        ("slug", "Acme Inc", "lower case"),
        ("slug", "", "lower case"),
        ("display_name", " ", "must not be empty"),
        ("kind", "saml", "unknown variant"),
        ("issuer", "full.example", url),
        ("discovery", "http://full.example", url),
        ("issuer_template", "https://full.example/{t-d}", "not the name of a claim"),
        ("authorization_endpoint", "full.example/authorize", url),
        ("authorization_endpoint", "{host}", url),
        ("authorization_endpoint", "https://{shop}/a", "{shop} is not described"),
        ("token_endpoint", "https:///token", url),
        ("token_endpoint", "https://full.example/token#top", url),
        ("token_endpoint", "https://full.example@evil.example/token", url),
        ("token_endpoint", "https://full.example/<script>", url),
        ("token_endpoint", "https://full.example/a|b", url),
        ("refresh_endpoint", "https://full.example/a b", url),
        ("revocation_endpoint", "/revoke", url),
        ("introspection_endpoint", "ftp://full.example", url),
        ("device_authorization_endpoint", "javascript:1", url),
        ("end_session_endpoint", "http://localhost.evil.example", url),
        ("userinfo_endpoint", "https://{region}.full.example", "{region} is not described"),
        ("scopes", "[\"a,b\"]", "without the separator"),
        ("scope_separator", "", "must not be empty"),
        ("client_auth", "private_key", "unknown variant"),
        ("revocation_auth", "magic", "unknown variant"),
        ("assertion_audience", "https://full.example", "unknown variant"),
        ("pkce", "plain", "unknown variant"),
        ("documentation", "RFC 6749", "must begin with https://"),
        ("console", "javascript:1", "must begin with https://"),
        ("checked", "23.11.2026", "must be a date"),
        ("checked", "2026-13-01", "must be a date"),
        (
            "authorization.order",
            "[\"client_id\", \"state\"]",
            "only contain client_id, redirect_uri, response_type, scope",
        ),
        ("authorization.params.audience", "{shop}", "{shop} is not described"),
        ("callback.expect.shop", "{shop}", "{shop} is not described"),
        ("callback.error_detail", "error_uri", "the protocol does not use"),
        ("callback.profile", "state", "the protocol does not use"),
        ("callback.profile_name", "[\"name\"]", pointer),
        ("token.encoding", "xml", "unknown variant"),
        ("token.response", "[\"/data\", \"data\"]", pointer),
        ("token.params.action", "{shop}", "{shop} is not described"),
        ("token.headers.Client-Id", "{secret}", "{secret} is not described"),
        ("token.failure.code", "error", pointer),
        ("token.failure.description", "/a~2", pointer),
        ("refreshing.encoding", "xml", "unknown variant"),
        ("refreshing.forward", "[\"device\"]", "must be parameters of callback.forward"),
        ("refreshing.forward", "[\"scope\"]", "must be parameters of callback.forward"),
        ("refreshing.needs_scope", "[\"a,b\"]", "without the separator"),
        ("refreshing.params.mode", "{shop}", "{shop} is not described"),
        ("revocation.method", "delete", "must be GET, POST or DELETE"),
        ("revocation.only", "id_token", "must be access_token or refresh_token"),
        ("revocation.params.action", "{shop}", "{shop} is not described"),
        ("revocation.failure.code", "ok", pointer),
        ("long_lived.endpoint", "long", url),
        ("userinfo.source", "elsewhere", "unknown variant"),
        ("userinfo.source", "token", "remove one of the two"),
        ("userinfo.source", "access_token", "publishes keys to verify the JWT"),
        ("userinfo.method", "PUT", "must be GET or POST"),
        ("userinfo.signed", "[true]", "invalid type"),
        ("authorization.required", "[\"prompt\"]", "must be nonce or state"),
        ("userinfo.token", "cookie:a", "must be bearer"),
        ("userinfo.token", "header:", "must be bearer"),
        ("userinfo.token", "query:a b", "must be bearer"),
        ("userinfo.proof", "", "must be the name of a parameter"),
        ("userinfo.headers.Client-Id", "{secret}", "{secret} is not described"),
        ("userinfo.params.uid", "{token:uid}", pointer),
        ("userinfo.failure.description", "message", pointer),
        ("identity.issuer", "users", url),
        ("identity.issuer", "https://{shop}/users", "{shop} is not described"),
        ("identity.issuer", "https://full.example/users", "at the host of the token endpoint"),
        ("identity.issuer", "https://{host}/users?a=b", "without a query"),
        ("identity.subject", "[\"id\"]", pointer),
        ("identity.email", "[\"\"]", pointer),
        ("identity.email_verified", "[\"/a~\"]", pointer),
        ("identity.name", "[\"/name\", \"login\"]", pointer),
        ("identity.picture", "[\"~1picture\"]", pointer),
        ("identity.picture_template", "https://cdn.full.example/{id}.png", pointer),
        ("identity.picture_template", "cdn.full.example/{/id}.png", "must begin with https://"),
        ("identity.email_authority.domains", "[\"Full.example\"]", "in lower case"),
        ("identity.email_authority.domains", "[\"full.example:443\"]", "the domains of e-mail addresses"),
        ("identity.email_authority.members", "[\"hosted\"]", pointer),
        ("identity.emails.endpoint", "emails", url),
        ("identity.emails.endpoint", "https://full.example/{User}/emails", pointer),
        ("identity.emails.absent_on", "[200]", "400 to 599"),
        ("identity.emails.list", "values", pointer),
        ("identity.emails.email", "address", pointer),
        ("identity.emails.primary", "primary", pointer),
        ("identity.emails.verified", "verified", pointer),
        ("params.host.rule", "domain", "unknown variant"),
        ("params.host.server", "[false]", "invalid type"),
        ("params.host.default", "https://full.example", "must be a host name"),
        ("params.host.example", "a b", "must be a host name"),
    ];
    for (field, value, reason) in cases {
        let number = line_of(field);
        let key = FULL.lines().nth(number).unwrap().split_once(" = ").unwrap().0;
        let value = if value.starts_with('[') { value.to_owned() } else { format!("{value:?}") };
        let message = refusal(&with_line(number, &format!("{key} = {value}")));
        let place = format!("line {}, field {field}: ", number + 1);
        assert!(message.starts_with(&place), "{place} in {message}");
        assert!(message.contains(reason), "{reason} in {message}");
        assert!(!message.contains('\n'), "one paragraph: {message}");
    }
}

#[test]
fn a_mistake_inside_a_value_of_several_lines_is_told_with_the_field() {
    let text = FULL.replace("scopes = [\"profile\", \"email\"]", "scopes = [\n  \"profile\",\n  3,\n]");
    let message = refusal(&text);
    assert!(message.starts_with("line 24, field scopes: "), "{message}");
    let begin = FULL.split_once("[token]").unwrap().0;
    let text = format!("{begin}[token]\nfailure = {{ code = \"/ok\", success = 3 }}\n");
    let message = refusal(&text);
    assert!(message.contains("field token.failure.success: "), "{message}");
    let message = refusal("slug = \"acme\"\ndisplay_name = \"Acme\n");
    assert!(message.starts_with("line 2"), "{message}");
}

#[test]
fn an_openid_provider_without_an_issuer_is_refused() {
    let text = "slug = \"a\"\ndisplay_name = \"A\"\nkind = \"openid\"\ndocumentation = \"https://a.example\"\n\
                checked = \"2026-11-23\"\n";
    assert_eq!(refusal(text), "field issuer: is missing: a provider of the kind openid needs it");
}

#[test]
fn an_hmac_beside_another_algorithm_is_refused() {
    let message = |names: &str| {
        refusal(&FULL.replace(
            r#"id_token_algorithms = ["HS256", "HS512"]"#,
            &format!("id_token_algorithms = {names}"),
        ))
    };
    for names in [r#"["HS256", "RS256"]"#, r#"["ES256", "HS512"]"#] {
        let message = message(names);
        assert!(
            message.contains("field id_token_algorithms: must not have HMACs beside other algorithms"),
            "{message}"
        );
    }
    for names in [r#"["none"]"#, r#"["hs256"]"#, r#"["RS256", "none"]"#] {
        assert!(message(names).contains("field id_token_algorithms: may only contain RS256"), "{names}");
    }
}

#[test]
fn a_signed_client_secret_without_an_issuer_or_in_a_header_is_refused() {
    for begin in ["issuer = ", "client_auth = "] {
        let text: String = FULL.lines().filter(|l| !l.starts_with(begin)).map(|l| format!("{l}\n")).collect();
        let message = refusal(&text);
        assert!(message.contains("field signed_client_secret: needs an issuer"), "{begin}: {message}");
    }
    let message = refusal(
        &FULL.replace("client_auth = \"client_secret_post\"", "client_auth = \"client_secret_basic\""),
    );
    assert!(message.contains("field signed_client_secret: "), "{message}");
}

#[test]
fn an_authority_for_emails_that_nobody_calls_verified_is_refused() {
    let mute = FULL
        .replace("email_verified = [\"/verified\"]\n", "")
        .replace("email_always_verified = true", "email_always_verified = false");
    for text in [mute, FULL.replace("email = [\"/email\"]\n", "")] {
        let message = refusal(&text);
        assert!(message.contains("field identity.email_authority: needs email"), "{message}");
    }
}

#[test]
fn the_separator_of_requested_scopes_separates_granted_ones_too() {
    let read = |more: &str| {
        let text = FULL.replace("scope_separators = \" ,\"\n", more);
        Definition::from_toml(&text).unwrap().token.scope_separators
    };
    assert_eq!(read("scope_separators = \" \"\n"), " ,");
    assert_eq!(read("scope_separators = \",\"\n"), ",");
    assert_eq!(read(""), " ,", "a space unless it is set");
    let commas: Vec<_> = all().filter(|d| d.scope_separator == ",").collect();
    assert!(commas.len() >= 24, "{}", commas.len());
    for definition in all() {
        let separators = &definition.token.scope_separators;
        assert!(separators.contains(&definition.scope_separator), "{}: {separators:?}", definition.slug);
    }
}

#[test]
fn a_signed_profile_without_keys_to_verify_it_by_is_refused() {
    let message = refusal(&FULL.replace("signed = false", "signed = true"));
    assert!(message.contains("field userinfo.signed: needs a provider of the kind openid"), "{message}");
}

#[test]
fn a_definition_for_tests_may_be_on_this_machine() {
    let text = FULL
        .replace("\"https://{host}/token\"", "\"http://127.0.0.1:8080/token\"")
        .replace("\"https://{host}/id\"", "\"http://127.0.0.1:8080/id\"")
        .replace("\"https://{host}/me\"", "\"http://127.0.0.1:8080/me\"")
        .replace("\"https://{host}/users\"", "\"http://127.0.0.1:8080/users\"");
    assert!(Definition::from_toml(&text).is_ok());
}

#[test]
fn a_host_may_have_a_path_where_the_rule_says_so() {
    let text = FULL.replace("rule = \"host\"", "rule = \"host_path\"");
    let with = |host: &str| text.replace("\"eu.full.example\"", &format!("{host:?}"));
    for host in ["eu.full.example:8443", "full.example/auth", "full.example/a/b"] {
        assert!(Definition::from_toml(&with(host)).is_ok(), "{host}");
    }
    for host in ["full.example/", "full.example/..", "full.example/a?b", "/auth", "full.example/a b"] {
        assert!(refusal(&with(host)).contains("with an optional port and path"), "{host}");
    }
}

#[test]
fn what_the_host_of_a_server_depends_on_tells_servers_apart() {
    let shared = |text: &str| Definition::from_toml(&text.replace("server = true", "server = false"));
    // Each field of an OpenID Provider is looked at for itself before it is compared with the issuer.
    let openid =
        FULL.replace("kind = \"oauth2\"", "kind = \"openid\"").replace("\nissuer_template = ", "\n# ");
    let fixed = ["issuer", "discovery", "token_endpoint", "userinfo_endpoint"].iter().fold(
        openid.replace("https://{host}/users", "https://full.example/users"),
        |text, field| {
            let begin = format!("\n{field} = \"https://");
            text.replacen(&format!("{begin}{{host}}/"), &format!("{begin}full.example/"), 1)
        },
    );
    assert!(shared(&fixed).is_ok(), "{:?}", shared(&fixed));
    for field in ["issuer", "discovery", "token_endpoint", "userinfo_endpoint"] {
        let begin = format!("\n{field} = \"https://");
        let mut text = fixed.replacen(&format!("{begin}full.example/"), &format!("{begin}{{host}}/"), 1);
        if field == "token_endpoint" {
            text = text.replace("https://full.example/users", "https://{host}/users");
        }
        let message = shared(&text).unwrap_err().to_string();
        assert!(message.contains("field params.host.server: must be true"), "{field}: {message}");
    }
    // A version of an API, the language of a page.
    assert!(!get("facebook").unwrap().params["version"].server);
    assert!(get("mastodon").unwrap().params["host"].server);
}

#[test]
fn the_staff_of_a_shop_is_never_the_shop() {
    let (shop, staff) = (get("shopify").unwrap(), get("shopify-online").unwrap());
    assert_eq!(shop.token_endpoint, staff.token_endpoint);
    assert_eq!(shop.identity.issuer, None);
    assert_eq!(staff.identity.issuer.as_deref(), Some("https://{shop}.myshopify.com/staff"));
}

#[test]
fn every_endpoint_is_a_field_of_its_own_and_has_its_name_in_metadata() {
    let mut full = Definition::clone(&Definition::from_toml(FULL).unwrap());
    for name in EndpointName::ALL {
        let line = format!("{name} = ", name = name.as_str());
        assert!(FULL.lines().any(|l| l.starts_with(&line)), "full.toml lacks {line}");
        let url = full.endpoint_mut(*name).take();
        assert!(url.is_some() && full.endpoint(*name).is_none(), "{line}");
        assert!(!toml::Table::try_from(&full).unwrap().contains_key(name.as_str()), "{line}");
        // RFC 8414 §2 has no endpoint for refreshing; for all others the two names are one.
        let named = (*name != EndpointName::Refresh).then_some(name.as_str());
        assert_eq!(name.in_metadata(), named, "{line}");
    }
}

#[test]
fn an_unknown_slug_is_nothing() {
    assert!(get("no-such-provider").is_none());
}

fn urls(definition: &Definition) -> Vec<(&'static str, &str)> {
    let d = definition;
    let fields = [
        ("issuer", &d.issuer),
        ("discovery", &d.discovery),
        ("long_lived.endpoint", d.long_lived.as_ref().map_or(&None, |l| &l.endpoint)),
        ("identity.emails.endpoint", d.identity.emails.as_ref().map_or(&None, |e| &e.endpoint)),
    ];
    let fields = fields.into_iter().filter_map(|(field, url)| Some((field, url.as_deref()?)));
    let endpoints = EndpointName::ALL.iter().filter_map(|name| Some((name.as_str(), d.endpoint(*name)?)));
    fields.chain(endpoints).collect()
}

fn refusal(text: &str) -> String {
    Definition::from_toml(text).expect_err(text).to_string()
}

/// The full definition with another line in the place of one.
fn with_line(number: usize, line: &str) -> String {
    FULL.lines().enumerate().map(|(n, old)| format!("{}\n", if n == number { line } else { old })).collect()
}

fn line_of(field: &str) -> usize {
    let mut table = String::new();
    for (number, line) in FULL.lines().enumerate() {
        if let Some(name) = line.strip_prefix('[') {
            table = format!("{}.", name.trim_end_matches(']'));
        }
        if line.split_once(" = ").is_some_and(|(key, _)| format!("{table}{key}") == field) {
            return number;
        }
    }
    panic!("{field} is not in the full definition");
}
