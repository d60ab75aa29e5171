//! Definitions as somebody writes them who wants what is not his: refused, with the field, however they were made.
use vouchsafe_providers::{Definition, all, get};

const FULL: &str = include_str!("full.toml");

const AUTHORIZATION: [&str; 10] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

const TOKEN: [&str; 17] = [
    "grant_type",
    "code",
    "redirect_uri",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "code_verifier",
    "refresh_token",
    "scope",
    "assertion",
    "username",
    "password",
    "device_code",
    "auth_req_id",
    "subject_token",
    "actor_token",
];

/// Without `token`, which is called otherwise in the full definition.
const REVOCATION: [&str; 5] =
    ["access_token", "client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// A name in the ways in which one server or another reads it as the same.
fn spellings(name: &str) -> [String; 6] {
    [
        name.to_owned(),
        name.to_ascii_uppercase(),
        format!("{name}[]"),
        format!("{name}[a][b]"),
        name.replace('_', "."),
        name.replace('_', "-"),
    ]
}

/// With another line at the beginning of a table.
fn with(table: &str, line: &str) -> String {
    let header = format!("\n[{table}]\n");
    assert!(FULL.contains(&header), "{table}");
    FULL.replace(&header, &format!("{header}{line}\n"))
}

/// Read from a text, and made by other means: refused both ways, for that field.
fn assert_refused(text: &str, field: &str) -> String {
    let message = Definition::from_toml(text).expect_err(&format!("{field} in {text}")).to_string();
    assert!(
        message.starts_with("line ") && message.contains(&format!("field {field}: ")),
        "{field}: {message}"
    );
    let made: Definition = toml::from_str(text).unwrap();
    let made = made.check().expect_err(field).to_string();
    assert!(made.starts_with(&format!("field {field}: ")), "{field}: {made}");
    message
}

/// The same of one that was made by other means alone: reading takes its time.
fn assert_made_is_refused(text: &str, field: &str) {
    let made: Definition = toml::from_str(text).unwrap();
    let made = made.check().expect_err(field).to_string();
    assert!(made.starts_with(&format!("field {field}: ")), "{field}: {made}");
}

fn is_accepted(text: &str) -> bool {
    let read = Definition::from_toml(text);
    let made: Definition = toml::from_str(text).unwrap();
    assert_eq!(read.is_ok(), made.check().is_ok(), "{read:?}");
    read.is_ok()
}

#[test]
fn the_full_definition_and_the_whole_catalogue_say_nothing_of_the_kind() {
    assert!(is_accepted(FULL));
    for definition in all() {
        assert!(definition.check().is_ok(), "{}: {:?}", definition.slug, definition.check());
    }
    assert!(Definition::empty("x").check().is_ok());
}

#[test]
fn no_table_of_parameters_sets_what_the_protocol_owns() {
    let own_too = |names: &[&'static str], more: &[&'static str]| [names, more].concat();
    let tables = [
        ("authorization.params", own_too(&AUTHORIZATION, &["client_key"])),
        ("token.params", own_too(&TOKEN, &["client_key", "refreshToken"])),
        ("refreshing.params", own_too(&TOKEN, &["client_key", "refreshToken", "action"])),
        ("revocation.params", own_too(&REVOCATION, &["client_key"])),
        ("userinfo.params", vec!["access_token", "client_secret", "appsecret_proof"]),
        ("callback.expect", vec!["code", "state", "iss", "error", "access_token"]),
    ];
    for (table, names) in tables {
        assert!(is_accepted(&with(table, "harmless = \"x\"")), "{table}");
        for name in names {
            for value in ["x", "", "{client_id}"] {
                assert_refused(&with(table, &format!("{name:?} = {value:?}")), &format!("{table}.{name}"));
            }
            for name in &spellings(name)[1..] {
                assert_made_is_refused(
                    &with(table, &format!("{name:?} = \"x\"")),
                    &format!("{table}.{name}"),
                );
            }
        }
        for name in ["", " state", "state ", "redirect uri", "redirect_uri\\u0000", "é"] {
            assert!(!is_accepted(&with(table, &format!("\"{name}\" = \"x\""))), "{table}: {name}");
        }
    }
    for name in AUTHORIZATION.iter().flat_map(|name| spellings(name)) {
        let text = format!("{FULL}\n[authorization.options.\"{name}\"]\ndescription = \"x\"\n");
        assert!(!is_accepted(&text), "{name} as an option");
    }
}

#[test]
fn a_response_goes_by_a_query_or_a_form() {
    for mode in ["fragment", "web_message", "query.jwt", "none", ""] {
        for name in ["response_mode", "Response_Mode"] {
            let text = with("authorization.params", &format!("{name} = {mode:?}"));
            assert_refused(&text, "authorization.params.response_mode");
        }
    }
    for mode in ["query", "form_post"] {
        assert!(is_accepted(&with("authorization.params", &format!("response_mode = {mode:?}"))));
    }
}

#[test]
fn only_what_a_provider_may_call_otherwise_has_another_name() {
    // FULL takes no nonce, and a challenge.
    let tables = [
        (
            "authorization.names",
            &AUTHORIZATION[..],
            vec!["client_id", "redirect_uri", "scope", "nonce"],
            vec!["scope", "nonce"],
        ),
        ("token.names", &TOKEN[..], TOKEN[..10].to_vec(), vec!["grant_type", "redirect_uri", "scope"]),
        (
            "refreshing.names",
            &TOKEN[..],
            TOKEN[..10].to_vec(),
            vec!["grant_type", "redirect_uri", "scope", "client_id", "client_secret"],
        ),
        (
            "revocation.names",
            &["token", "token_type_hint", "client_id", "client_secret", "client_assertion", "audience"][..],
            vec!["token", "token_type_hint", "client_id", "client_secret"],
            vec!["token_type_hint"],
        ),
    ];
    for (table, known, renamed, left_out) in tables {
        let header = format!("\n[{table}]\n");
        let begin = FULL.find(&header).unwrap() + header.len();
        // The table alone, without what the full definition has in it.
        let line = |line: &str| {
            let end = begin + FULL[begin..].find("\n\n").unwrap();
            format!("{}{line}{}", &FULL[..begin], &FULL[end..])
        };
        for name in known {
            let another = is_accepted(&line(&format!("{name} = \"other\"")));
            assert_eq!(another, renamed.contains(name), "{table}: {name} = other");
            let none = is_accepted(&line(&format!("{name} = \"\"")));
            assert_eq!(none, left_out.contains(name), "{table}: {name} left out");
            for taken in known.iter().filter(|taken| *taken != name) {
                if *taken == "audience" {
                    continue;
                }
                let [taken, upper, list, ..] = spellings(taken);
                let called = |taken: &str| line(&format!("{name} = {taken:?}"));
                assert_refused(&called(&taken), &format!("{table}.{name}"));
                if renamed.contains(name) {
                    assert_made_is_refused(&called(&upper), &format!("{table}.{name}"));
                    assert_made_is_refused(&called(&list), &format!("{table}.{name}"));
                }
            }
            if renamed.contains(name) {
                assert!(
                    is_accepted(&line(&format!("{name} = \"{name}\""))),
                    "{table}: {name} by its own name"
                );
            }
        }
        let first = renamed[0];
        let second = renamed[1];
        let twice = line(&format!("{first} = \"both\"\n{second} = \"Both[]\""));
        assert!(!is_accepted(&twice), "{table}: {first} and {second} by one name");
        assert!(!is_accepted(&line("prompt = \"other\"")), "{table}: what the library does not send");
    }
    for mode in ["response_mode", "Response_Mode[]"] {
        let text = FULL
            .replace("\n[authorization.names]\n", &format!("\n[authorization.names]\nscope = {mode:?}\n"));
        assert_refused(&text, "authorization.names.scope");
    }
    let challenge = "\n[authorization.names]\ncode_challenge = \"\"\ncode_challenge_method = \"\"\n";
    let without = |pkce: &str| {
        FULL.replace("\n[authorization.names]\n", challenge)
            .replace("pkce = \"hex\"", &format!("pkce = \"{pkce}\""))
    };
    assert!(is_accepted(&without("unsupported")));
    for pkce in ["supported", "required", "hex"] {
        assert_refused(&without(pkce), "authorization.names.code_challenge");
    }
    let nonce = with("authorization.names", "nonce = \"\"");
    assert!(is_accepted(&nonce));
    assert_refused(&nonce.replace("\nnonce = false", "\nnonce = true"), "authorization.names.nonce");
    let names = with("token.names", "refresh_token = \"a\"\ncode_verifier = \"\"");
    assert!(!is_accepted(&names) && is_accepted(&names.replace("pkce = \"hex\"", "pkce = \"unsupported\"")));
    // What is refreshed may be called as something that no refresh sends, in other requests, too.
    let refreshed = with("refreshing.names", "client_secret = \"client_key\"");
    assert!(!is_accepted(&refreshed), "two names that the token endpoint and refreshing give together");
}

#[test]
fn a_mistake_is_one_paragraph_whatever_is_wrong() {
    for text in [
        with("authorization.params", "\"redirect\\nuri\" = \"x\""),
        with("token.headers", "\"host\\n\" = \"{nobody}\""),
        FULL.replace("subject = [\"/id\"]\n", "subject = [\"/a\\nb/login\"]\n"),
    ] {
        let message = Definition::from_toml(&text).expect_err(&text).to_string();
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}

#[test]
fn no_token_goes_by_the_name_of_something_else() {
    let begin = "token_name = \"access_token\"";
    let revoked = |name: &str| FULL.replacen(begin, &format!("token_name = {name:?}"), 1);
    assert!(is_accepted(&revoked("auth_token")) && is_accepted(&revoked("")));
    for name in ["client_id", "Client_Secret", "client_key", "client_assertion"] {
        assert_refused(&revoked(name), "revocation.token_name");
    }
    let (before, after) = FULL.split_at(FULL.find("[long_lived]").unwrap());
    let long =
        |name: &str| format!("{before}{}", after.replacen(begin, &format!("token_name = {name:?}"), 1));
    assert!(is_accepted(&long("fb_exchange_token")));
    for name in TOKEN.iter().chain(&["client_key", ""]) {
        assert_refused(&long(name), "long_lived.token_name");
    }
    for name in TOKEN.iter().chain(&["client_key", "refreshToken", "action", "mode"]) {
        for name in spellings(name) {
            let text = FULL.replace("\"device_id\", \"state\"", &format!("\"device_id\", {name:?}"));
            assert_made_is_refused(&text, "callback.forward");
        }
    }
    for name in ["code", "state", "iss", "error", ""] {
        assert_refused(&FULL.replace("hmac = \"hmac\"", &format!("hmac = {name:?}")), "callback.hmac");
    }
    let query = FULL.replace("token = \"header:X-Access-Token\"", "token = \"query:oauth_token\"");
    assert!(is_accepted(&query));
    let proof = query.replace("proof = \"appsecret_proof\"", "proof = \"oauth_token\"");
    assert_refused(&proof, "userinfo.proof");
    let again = query.replace("uid = \"{token:/uid}\"", "uid = \"{token:/uid}\"\nOAuth_Token = \"x\"");
    assert_refused(&again, "userinfo.params.OAuth_Token");
    let usual = query.replace("uid = \"{token:/uid}\"", "uid = \"{token:/uid}\"\naccess_token = \"x\"");
    assert_refused(&usual, "userinfo.params.access_token");
}

#[test]
fn no_header_that_moves_a_request_or_signs_it_is_set() {
    let headers = [
        "Authorization",
        "connection",
        "Content-Encoding",
        "content-length",
        "Content-Type",
        "Cookie",
        "expect",
        "Host",
        "keep-alive",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "upgrade",
        "X-HTTP-Method-Override",
        "Proxy-Authorization",
        "proxy-connection",
    ];
    for name in headers {
        for table in ["token.headers", "userinfo.headers"] {
            assert_refused(&with(table, &format!("{name} = \"x\"")), &format!("{table}.{name}"));
        }
    }
    assert_refused(&with("userinfo.headers", "x-access-token = \"x\""), "userinfo.headers.x-access-token");
    assert!(is_accepted(&with("token.headers", "x-access-token = \"x\"")));
    for name in ["Host", "cookie", "Content-Length", "transfer-encoding"] {
        let text = FULL.replace("header:X-Access-Token", &format!("header:{name}"));
        assert_refused(&text, "userinfo.token");
    }
    assert!(is_accepted(&FULL.replace("header:X-Access-Token", "header:Authorization")));
}

#[test]
fn no_endpoint_s_query_holds_what_the_protocol_owns() {
    let fields = [
        ("authorization_endpoint", [&AUTHORIZATION[..], &["response_mode"]].concat(), "client_key"),
        ("token_endpoint", [&TOKEN[..], &["device_id"]].concat(), "refreshToken"),
        ("refresh_endpoint", [&TOKEN[..], &["device_id"]].concat(), "refreshToken"),
        ("revocation_endpoint", REVOCATION.to_vec(), "client_key"),
        ("userinfo_endpoint", vec!["access_token", "client_secret"], "appsecret_proof"),
        ("long_lived.endpoint", TOKEN.to_vec(), "access_token"),
        ("identity.emails.endpoint", vec!["access_token", "client_secret"], "appsecret_proof"),
    ];
    for (field, names, own) in fields {
        let (table, key) = field.rsplit_once('.').map_or(("", field), |(table, key)| (table, key));
        let from = if table.is_empty() { 0 } else { FULL.find(&format!("[{table}]")).unwrap() };
        let at = from + FULL[from..].find(&format!("\n{key} = \"")).unwrap();
        let end = at + 1 + FULL[at + 1..].find("\"\n").unwrap();
        let at_query = |query: &str| format!("{}?{query}{}", &FULL[..end], &FULL[end..]);
        assert!(is_accepted(&at_query("v=1&lang=en")), "{field}");
        for name in names.into_iter().chain([own]) {
            let (first, rest) = (name.as_bytes()[0], &name[1..]);
            assert_refused(&at_query(&format!("{name}=x")), field);
            let ways = [
                name.to_owned(),
                format!("v=1&{name}=x"),
                format!("v=1;{name}=x"),
                format!("v=1&+{name}+=x"),
                format!("%{first:02x}{rest}=x"),
                format!("%{first:02X}{rest}=x"),
                format!("{name}%00=x"),
            ];
            for query in ways.into_iter().chain(spellings(name).map(|name| format!("{name}=x"))) {
                assert_made_is_refused(&at_query(&query), field);
            }
        }
    }
}

#[test]
fn the_users_of_another_server_are_not_claimed() {
    let issuer = "issuer = \"https://{host}/id\"";
    assert_refused(&FULL.replace(issuer, "issuer = \"https://accounts.google.com\""), "issuer");
    let openid = FULL.replace("kind = \"oauth2\"", "kind = \"openid\"");
    assert_refused(&openid, "issuer_template");
    let template = "issuer_template = \"https://full.example/{tid}\"";
    assert!(is_accepted(&openid.replace(template, "issuer_template = \"https://{host}/{tid}\"")));
    let elsewhere = openid.replace(template, "issuer_template = \"https://{host}.evil.example/{tid}\"");
    assert_refused(&elsewhere, "issuer_template");
}

#[test]
fn nobody_tells_of_the_users_of_an_issuer_from_elsewhere() {
    let definition = |kind: &str, issuer: &str, more: &str| {
        format!(
            "slug = \"x\"\ndisplay_name = \"X\"\nkind = \"{kind}\"\n{issuer}\n\
             authorization_endpoint = \"https://evil.example/authorize\"\n{more}\nscopes = [\"email\"]\n\
             documentation = \"https://x.example\"\nchecked = \"2026-11-23\"\n[identity]\nsubject = [\"/sub\"]\n"
        )
    };
    let issuer = "issuer = \"https://op.example/a\"";
    let at = |token: &str, userinfo: &str| {
        format!("token_endpoint = \"https://{token}/t\"\nuserinfo_endpoint = \"https://{userinfo}/u\"")
    };
    for kind in ["openid", "oauth2"] {
        assert!(is_accepted(&definition(kind, issuer, &at("op.example", "op.example"))), "{kind}");
        assert!(is_accepted(&definition(kind, issuer, &at("op.example", "api.op.example"))), "{kind}");
        for elsewhere in
            ["evil.example", "evilop.example", "op.example.evil.example", "op.example:8443", "example"]
        {
            let profile = definition(kind, issuer, &at("op.example", elsewhere));
            if kind == "oauth2" {
                assert_refused(&profile, "userinfo_endpoint");
            } else {
                // There an ID token says who it is, and there is no identity without one.
                assert!(is_accepted(&profile), "{elsewhere}");
            }
        }
    }
    let token = definition("openid", issuer, &at("evil.example", "op.example"));
    assert_refused(&token, "token_endpoint");
    // Without an issuer the endpoints themselves say whose users they are.
    assert!(is_accepted(&definition("oauth2", "", &at("op.example", "api.example"))));
    let named = definition("oauth2", "", &at("op.example", "evil.example"))
        .replace("[identity]", "[identity]\nissuer = \"https://op.example/a\"");
    assert_refused(&named, "userinfo_endpoint");
    // What the application fills in is its own word; what a definition fills in for it is not.
    let filled = |default: &str| {
        let text = definition("oauth2", issuer, &at("op.example", "op.example"));
        let text = text.replace("\"https://op.example/u\"", "\"{profile}\"");
        format!("{text}[params.profile]\nrule = \"url\"\n{default}")
    };
    assert!(is_accepted(&filled("")));
    assert_refused(&filled("default = \"https://evil.example/me\""), "userinfo_endpoint");
}

#[test]
fn nobody_is_told_by_what_passes_to_others() {
    let subject = |list: &str| {
        let text = FULL.replace("subject = [\"/id\"]\n", &format!("subject = {list}\n"));
        text.replace("subject_is_last_segment = true", "subject_is_last_segment = false")
    };
    for name in [
        "username",
        "user_name",
        "userName",
        "login",
        "login-name",
        "screen_name",
        "display_name",
        "preferred_username",
        "nickname",
        "nick",
        "name",
        "full~1name",
        "handle",
        "slug",
        "vanity",
        "alias",
        "acct",
        "upn",
        "email",
        "emails",
        "e-mail",
        "email_address",
        "contact_email",
        "phone",
        "phone_number",
        "mobile",
        "url",
        "html_url",
        "profile_url",
        "permalink",
        "website",
        "link",
        "picture",
        "avatar",
        "title",
    ] {
        for pointer in [
            format!("/{name}"),
            format!("/user/{name}"),
            format!("/data/0/{name}"),
            format!("/{name}/0"),
            format!("/{name}{}/0/value", if name == "emails" { "" } else { "s" }),
            format!("/https:~1~1x.example~1{name}"),
        ] {
            let joined = format!("{{/team/id}}/{{{pointer}}}");
            for list in [format!("[{pointer:?}]"), format!("[\"/id\", {pointer:?}]"), format!("[{joined:?}]")]
            {
                let made: Definition = toml::from_str(&subject(&list)).unwrap();
                assert!(made.check().is_err(), "{list}");
            }
            // A definition cannot say of itself that it is otherwise.
            let last = FULL.replace("subject = [\"/id\"]\n", &format!("subject = [{pointer:?}]\n"));
            assert_refused(&last, "identity.subject");
        }
    }
    for pointer in
        ["/id", "/sub", "/uuid", "/login/login_id", "/name/id", "/0/id", "/uri", "/ids/uuid", "/account_id"]
    {
        assert!(is_accepted(&subject(&format!("[{pointer:?}]"))), "{pointer}");
    }
    // What is shown as a name, an e-mail or a picture is known to change.
    for (list, pointer) in [("name", "/a~1b~0c"), ("email", "/mailbox_id"), ("picture", "/hash")] {
        let text = FULL
            .replace("email = [\"/email\"]", "email = [\"/mailbox_id\"]")
            .replace("picture = [\"/picture\"]", "picture = [\"/hash\"]")
            .replace("subject = [\"/id\"]\n", &format!("subject = [{pointer:?}]\n"));
        assert_refused(&text, "identity.subject");
        assert!(
            is_accepted(
                &text.replace(&format!("\n{list} = [{pointer:?}"), &format!("\n{list} = [\"/other\""))
            ),
            "{list}"
        );
    }
}

#[test]
fn a_subject_that_is_put_together_has_a_slash_between_its_parts() {
    let subject = |place: &str| {
        let text = FULL.replace("subject = [\"/id\"]\n", &format!("subject = [{place:?}]\n"));
        text.replace("subject_is_last_segment = true", "subject_is_last_segment = false")
    };
    for place in ["{/a}", "{/team/id}/{/id}", "{/a}/{/b}/{/c}", "{/https:~1~1slack.com~1team_id}/{/sub}"] {
        assert!(is_accepted(&subject(place)), "{place}");
    }
    for place in [
        "{/a}{/b}",
        "{/a}-{/b}",
        "{/a}//{/b}",
        "{/a}/{/b}/",
        "{/a}/x/{/b}",
        "{/a}/{b}",
        "{/a}/{}",
        "{/a}/{/b",
        "{/a",
        "{}",
        "/a/{/b}",
        "{/a~2}",
        "",
        "id",
    ] {
        if place == "/a/{/b}" {
            // A pointer, to a member of an odd name.
            continue;
        }
        assert_refused(&subject(place), "identity.subject");
    }
    let last =
        subject("{/a}/{/b}").replace("subject_is_last_segment = false", "subject_is_last_segment = true");
    assert_refused(&last, "identity.subject");
}

#[test]
fn the_address_of_a_user_is_a_subject_at_one_provider_alone() {
    // FreeAgent's users have no other identifier, and its addresses hold their numbers.
    let freeagent = Definition::clone(&get("freeagent").unwrap());
    assert_eq!(freeagent.identity.subject, ["/user/url"]);
    let mut other = freeagent.clone();
    other.slug = "another".to_owned();
    assert!(freeagent.check().is_ok() && other.check().is_err());
    let mut other = freeagent;
    other.identity.subject = vec!["/url".to_owned()];
    assert!(other.check().is_err());
}

#[test]
fn users_are_told_by_what_is_theirs_alone() {
    let subject = |slug: &str| get(slug).unwrap().identity.subject.clone();
    // Unique within a workspace, a tenant, an organization; sold.
    assert_eq!(subject("slack"), ["{/https:~1~1slack.com~1team_id}/{/sub}"]);
    assert_eq!(subject("classlink"), ["{/TenantId}/{/UserId}"]);
    assert_eq!(subject("salesforce"), ["{/organization_id}/{/user_id}"]);
    assert_eq!(subject("eveonline"), ["{/sub}/{/owner}"]);
    // Names.
    assert_eq!((subject("trakt"), subject("arcgis")), (vec!["/user/ids/uuid".into()], vec!["/id".into()]));
    // Of two, the one that is there from the first day to the last.
    assert_eq!((subject("wechat"), subject("simplelogin")), (vec!["/openid".into()], vec!["/sub".into()]));
    let several: Vec<_> = all().filter(|d| d.identity.subject.len() > 1).map(|d| d.slug.clone()).collect();
    assert_eq!(several, ["oauth2"]);
}
