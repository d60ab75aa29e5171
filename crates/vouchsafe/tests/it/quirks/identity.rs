//! Where a profile keeps who the user is.
use serde_json::{Value, json};
use vouchsafe::{Error, Identity};

use super::{ACME, answered};
use crate::scenario::{Held, stored};
use crate::wire::{answer, json};

async fn identity(more: &str, profile: Value) -> Result<Identity, Error> {
    answered(more, json(200, profile)).0.identity(&stored(ACME, json!({"access_token": "at"}))).await
}

/// The e-mail and the word for it.
async fn email(more: &str, profile: Value) -> (Option<String>, Option<bool>) {
    let more = format!("[identity]\nsubject = [\"/id\"]\n{more}");
    let mut profile = profile;
    profile["id"] = json!(1);
    let identity = identity(&more, profile).await.unwrap();
    (identity.email().map(str::to_owned), identity.email_verified())
}

#[tokio::test]
async fn all_marks_must_vouch_for_an_email() {
    let more = "email = [\"/email\"]\nemail_verified = [\"/valid\", \"/verified\"]";
    for (valid, verified, expected) in [
        (json!(true), json!(true), Some(true)),
        (json!(true), json!(false), Some(false)),
        (json!(false), json!(true), Some(false)),
        (json!(true), json!(null), None),
        (json!(null), json!(false), Some(false)),
        (json!("true"), json!(true), None),
    ] {
        let profile = json!({"email": "a@b.example", "valid": valid, "verified": verified});
        assert_eq!(email(more, profile.clone()).await.1, expected, "{profile}");
    }
}

#[tokio::test]
async fn a_provider_that_gives_out_verified_emails_alone_vouches_for_all() {
    let more = "email = [\"/email\"]\nemail_always_verified = true\nemail_verified = [\"/verified\"]";
    assert_eq!(email(more, json!({"email": "a@b.example"})).await.1, Some(true));
    assert_eq!(email(more, json!({"email": "a@b.example", "verified": false})).await.1, Some(false));
    assert_eq!(email(more, json!({})).await, (None, None));
}

#[tokio::test]
async fn a_provider_vouches_for_the_emails_that_it_hosts_alone() {
    let more = "email = [\"/email\"]\nemail_verified = [\"/verified\"]\n\
                [identity.email_authority]\ndomains = [\"mail.example\"]\nmembers = [\"/hd\"]";
    let hd = json!("a.example");
    for (address, verified, hd, expected) in [
        ("a@mail.example", json!(true), json!(null), Some(true)),
        ("a@MAIL.example", json!(true), json!(null), Some(true)),
        ("a@a.example", json!(true), hd.clone(), Some(true)),
        ("a@a.example", json!(true), json!(null), None),
        ("a@a.example", json!(true), json!(""), None),
        ("a@a.example", json!(true), json!(true), None),
        ("a@sub.mail.example", json!(true), json!(null), None),
        ("a@notmail.example", json!(true), json!(null), None),
        ("mail.example", json!(true), json!(null), None),
        ("a@b.example@mail.example", json!(true), json!(null), None),
        ("a@mail.example", json!(false), json!(null), Some(false)),
        ("a@a.example", json!(false), hd.clone(), Some(false)),
        ("a@mail.example", json!(null), hd, None),
    ] {
        let profile = json!({"email": address, "verified": verified, "hd": hd});
        assert_eq!(email(more, profile.clone()).await, (Some(address.to_owned()), expected), "{profile}");
    }
}

#[tokio::test]
async fn a_mark_may_be_text_or_a_number_where_the_definition_says_so() {
    let more = "email = [\"/email\"]\nemail_verified = [\"/v\"]\nemail_verified_text = true";
    for (mark, expected) in [
        (json!("true"), Some(true)),
        (json!(1), Some(true)),
        (json!("1"), Some(true)),
        (json!(true), Some(true)),
        (json!("false"), Some(false)),
        (json!(0), Some(false)),
        (json!("0"), Some(false)),
        (json!("yes"), None),
        (json!(2), None),
        (json!([true]), None),
    ] {
        assert_eq!(email(more, json!({"email": "a@b.example", "v": mark})).await.1, expected, "{mark}");
    }
}

#[tokio::test]
async fn a_subject_may_be_the_last_part_of_a_url() {
    let more = "[identity]\nsubject = [\"/id\"]\nsubject_is_last_segment = true";
    for (id, expected) in
        [("gid://shop/Shop/548", "548"), ("https://id.example/u/7/", "7"), ("plain", "plain")]
    {
        assert_eq!(identity(more, json!({"id": id})).await.unwrap().subject(), expected);
    }
    for id in ["/", "", "//"] {
        assert_eq!(identity(more, json!({"id": id})).await.unwrap_err().code(), "invalid_field");
    }
}

#[tokio::test]
async fn a_picture_is_put_together_or_unescaped() {
    let more = "[identity]\nsubject = [\"/id\"]\npicture = [\"/pic\"]\npicture_is_html = true\n\
        picture_template = \"https://cdn.example/{/id}/{/avatar}.png\"";
    let picture =
        |profile| async move { identity(more, profile).await.unwrap().picture().map(str::to_owned) };
    assert_eq!(
        picture(json!({"id": 7, "avatar": "a_1"})).await.as_deref(),
        Some("https://cdn.example/7/a_1.png")
    );
    assert_eq!(
        picture(json!({"id": 7, "avatar": "../x?y#z@é"})).await.as_deref(),
        Some("https://cdn.example/7/..%2Fx%3Fy%23z%40%C3%A9.png"),
        "what a profile holds leads nowhere else"
    );
    for absent in [json!({"id": 7}), json!({"id": 7, "avatar": null}), json!({"id": 7, "avatar": ""})] {
        assert_eq!(picture(absent).await, None);
    }
    assert_eq!(
        picture(json!({"id": 7, "pic": "https://p.example/?w=1&amp;h=2&amp;amp;"})).await.as_deref(),
        Some("https://p.example/?w=1&h=2&amp;")
    );
}

#[tokio::test]
async fn the_email_is_the_primary_verified_one_of_a_list_in_the_profile() {
    let more = "email = [\"/never\"]\n[identity.emails]\nlist = \"/emails\"\nemail = \"/value\"\n\
        primary = \"/meta/primary\"\nverified = \"/meta/verified\"";
    let entry = |value: &str, primary: Value, verified: Value| json!({"value": value, "meta": {"primary": primary, "verified": verified}});
    let two = json!({"never": "n@b.example", "emails": [
        entry("a@b.example", json!(null), json!(true)), entry("c@d.example", json!(true), json!(true)),
    ]});
    assert_eq!(email(more, two).await, (Some("c@d.example".to_owned()), Some(true)));
    for (primary, verified, found) in [
        (json!(["other", "primary"]), json!("true"), true),
        (json!(true), json!("confirmed"), true),
        (json!(true), json!(false), false),
        (json!(true), json!("unconfirmed"), false),
        (json!(["other"]), json!(true), false),
        (json!("true"), json!(true), false),
    ] {
        let list = json!({"emails": [entry("a@b.example", primary.clone(), verified.clone())]});
        assert_eq!(email(more, list).await.0.is_some(), found, "{primary} {verified}");
    }
    for none in [json!({}), json!({"emails": null}), json!({"emails": {}}), json!({"emails": []})] {
        assert_eq!(email(more, none).await, (None, None));
    }
}

#[tokio::test]
async fn the_first_of_a_list_is_taken_where_nothing_marks_the_primary_one() {
    let more = "[identity.emails]\nlist = \"/emails\"\nemail = \"\"";
    let list = json!({"emails": ["a@b.example", "c@d.example"]});
    assert_eq!(email(more, list.clone()).await, (Some("a@b.example".to_owned()), None));
    let always = "email_always_verified = true\n[identity.emails]\nlist = \"/emails\"\nemail = \"\"";
    assert_eq!(email(always, list).await.1, Some(true));
}

#[tokio::test]
async fn a_list_of_its_own_is_asked_for_like_the_profile() {
    let more = "[userinfo]\nmethod = \"POST\"\ntoken = \"scheme:OAuth\"\nparams = { x = \"1\" }\n\
        headers = { X-App = \"{client_id}\" }\n\
        [identity]\nsubject = [\"/id\"]\n[identity.emails]\nendpoint = \"https://acme.example/emails\"\n\
        list = \"/values\"\nemail = \"/email\"\nverified = \"/ok\"";
    let wire = crate::wire::Wire::new(|request| match request.uri().path() {
        "/emails" => {
            json(200, json!({"values": [{"email": "a@b.example"}, {"email": "c@d.example", "ok": true}]}))
        }
        _ => json(200, json!({"id": 1})),
    });
    let client = vouchsafe::Client::new(super::defined(more), crate::scenario::web(), &wire.http()).unwrap();
    let identity = client.identity(&client.held(json!({"access_token": "at"}))).await.unwrap();
    assert_eq!(identity.verified_email(), Some("c@d.example"));
    assert_eq!(
        crate::wire::letter(&wire.seen()[1]),
        "GET https://acme.example/emails\naccept: application/json\nauthorization: OAuth at\nx-app: my-client"
    );
}

#[tokio::test]
async fn what_asks_for_the_profile_asks_for_no_list_of_its_own() {
    let more = "[userinfo]\nbody = '{\"query\":\"{ me }\"}'\n\
        [identity]\nsubject = [\"/id\"]\n[identity.emails]\nendpoint = \"https://acme.example/emails\"\n\
        list = \"/values\"\nemail = \"\"";
    let (client, wire) = answered(more, json(200, json!({"id": 1, "values": ["a@b.example"]})));
    let identity = client.identity(&client.held(json!({"access_token": "at"}))).await.unwrap();
    assert_eq!(identity.email(), Some("a@b.example"));
    assert_eq!(
        crate::wire::letter(&wire.seen()[1]),
        "GET https://acme.example/emails\naccept: application/json\nauthorization: Bearer at"
    );
}

#[tokio::test]
async fn what_is_a_failure_in_a_profile_is_none_in_a_list_of_its_own() {
    let more = "[userinfo.failure]\ncode = \"/code\"\nsuccess = [\"0\"]\n[identity]\nsubject = [\"/id\"]\n\
        [identity.emails]\nendpoint = \"https://acme.example/emails\"\nlist = \"/values\"\nemail = \"/email\"";
    let wire = crate::wire::Wire::new(|request| match request.uri().path() {
        "/emails" => json(200, json!({"code": 1, "values": [{"email": "a@b.example"}]})),
        _ => json(200, json!({"code": 0, "id": 1})),
    });
    let client = vouchsafe::Client::new(super::defined(more), crate::scenario::web(), &wire.http()).unwrap();
    let identity = client.identity(&client.held(json!({"access_token": "at"}))).await.unwrap();
    assert_eq!(identity.email(), Some("a@b.example"));
}

#[tokio::test]
async fn a_list_of_its_own_that_is_none_is_told() {
    let more = "[identity]\nsubject = [\"/id\"]\n[identity.emails]\nendpoint = \"https://acme.example/emails\"\n\
        list = \"/values\"\nemail = \"/email\"";
    for (body, code) in
        [(json!({"id": 1}), "invalid_field"), (json!({"id": 1, "values": 7}), "invalid_field")]
    {
        let error = identity(more, body).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains("must have a list of e-mail addresses"), "{error}");
    }
    let error = answered(more, answer(200, "text/html", "x")).0;
    assert_eq!(
        error.identity(&error.held(json!({"access_token": "at"}))).await.unwrap_err().code(),
        "content_type"
    );
}

#[tokio::test]
async fn an_email_of_its_own_may_be_one_entry_at_a_place_that_the_profile_names() {
    let more = "[identity]\nsubject = [\"/id\"]\n[identity.emails]\n\
        endpoint = \"https://acme.example/users/{/id}/email\"\nabsent_on = [403]\nsingle = true\nemail = \"/primary\"";
    let client = |id: Value, status: u16, body: Value| {
        let wire = crate::wire::Wire::new(move |request| match request.uri().path() {
            "/me" => json(200, json!({"id": id})),
            _ => json(status, body.clone()),
        });
        let client =
            vouchsafe::Client::new(super::defined(more), crate::scenario::web(), &wire.http()).unwrap();
        (client, wire)
    };
    let tokens = stored(ACME, json!({"access_token": "at"}));
    let (known, wire) =
        client(json!("a/b?7"), 200, json!({"primary": "a@b.example", "email": "n@b.example"}));
    let identity = known.identity(&tokens).await.unwrap();
    assert_eq!((identity.email(), identity.email_verified()), (Some("a@b.example"), None));
    assert_eq!(
        crate::wire::letter(&wire.seen()[1]),
        "GET https://acme.example/users/a%2Fb%3F7/email\naccept: application/json\nauthorization: Bearer at"
    );
    for (status, body) in [(200, json!({})), (200, json!({"primary": null})), (403, json!({"error": "no"}))] {
        assert_eq!(client(json!(7), status, body).0.identity(&tokens).await.unwrap().email(), None);
    }
    for body in [json!([{"primary": "a@b.example"}]), json!("a@b.example"), json!(null)] {
        let error = client(json!(7), 200, body).0.identity(&tokens).await.unwrap_err();
        assert_eq!(error.code(), "invalid_field");
        assert!(error.to_string().contains("must be an object with an e-mail address"), "{error}");
    }
}

#[tokio::test]
async fn an_email_is_not_asked_for_at_a_place_that_the_profile_does_not_name() {
    let more = "[identity]\nsubject = [\"/id\"]\n[identity.emails]\n\
        endpoint = \"https://acme.example/users/{/uid}/email\"\nsingle = true\nemail = \"/email\"";
    let error = identity(more, json!({"id": 7})).await.unwrap_err();
    assert_eq!(error.code(), "missing_field");
    assert!(
        error.to_string().contains("the profile has no value for the placeholder in the e-mail endpoint"),
        "{error}"
    );
}
