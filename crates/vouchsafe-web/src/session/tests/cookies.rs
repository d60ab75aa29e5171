//! The cookies of sessions: their names, their sizes, and those that open no session.
use super::*;
use crate::session::cookie::MAX_COOKIE;

#[tokio::test]
async fn the_cookie_is_for_this_host_alone_and_no_script_reads_it() {
    for sessions in kinds().await {
        for (origin, name, secure) in [
            ("https://app.example.com", "__Host-vouchsafe-session", true),
            ("https://app.example.com:8443", "__Host-vouchsafe-session-8443", true),
            ("http://127.0.0.1:3000", "vouchsafe-session-3000", false),
        ] {
            let origin: Origin = origin.parse().unwrap();
            let begun = sessions.begin(&origin, new("alice"), device(), &[]).await.unwrap();
            for header in [begun.set_cookie, sessions.removal(&origin).unwrap()] {
                let header = header.to_str().unwrap();
                let mut parts: Vec<_> = header.split("; ").collect();
                assert!(parts.remove(0).starts_with(&format!("{name}=")), "{header}");
                assert_eq!(parts.contains(&"Secure"), secure, "{header}");
                parts.retain(|part| *part != "Secure" && !part.starts_with("Max-Age="));
                assert_eq!(parts, ["Path=/", "HttpOnly", "SameSite=Lax"], "no Domain: {header}");
            }
        }
        let removal = sessions.removal(&origin()).unwrap();
        assert!(removal.to_str().unwrap().contains("-session=; Path=/; Max-Age=0;"));
    }
}

#[tokio::test]
async fn the_cookie_comes_to_frames_of_other_sites_only_if_it_is_to_and_over_tls() {
    for sessions in kinds().await.map(Sessions::cookies_in_frames) {
        for (origin, same_site) in
            [("https://app.example.com", "SameSite=None; Secure"), ("http://127.0.0.1:3000", "SameSite=Lax")]
        {
            let origin: Origin = origin.parse().unwrap();
            let begun = sessions.begin(&origin, new("alice"), device(), &[]).await.unwrap();
            for header in [begun.set_cookie, sessions.removal(&origin).unwrap()] {
                assert!(header.to_str().unwrap().ends_with(same_site), "{header:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_browser_keeps_the_cookie_until_the_session_ends_at_the_latest() {
    let seconds = |header: &HeaderValue| {
        let header = header.to_str().unwrap();
        header.split_once("Max-Age=").unwrap().1.split(';').next().unwrap().parse::<u64>().unwrap()
    };
    for sessions in kinds().await {
        let begun = sessions.begin(&origin(), new("alice"), device(), &[]).await.unwrap();
        assert!((43_199..=43_200).contains(&seconds(&begun.set_cookie)));
    }
    let sessions = in_cookie();
    let (browser, _) = begun(&sessions, "alice").await;
    pass(20 * MINUTE);
    let found = sessions.find(&origin(), &browser.sends()).await.unwrap().unwrap();
    assert!((41_999..=42_000).contains(&seconds(&found.set_cookie.unwrap())));
}

#[tokio::test]
async fn a_cookie_that_was_changed_is_no_session() {
    for sessions in kinds().await {
        let (browser, _) = begun(&sessions, "alice").await;
        let (name, value) = browser.0.unwrap();
        let mut changed: Vec<String> = (0..value.len())
            .map(|at| {
                let other = if value.as_bytes()[at] == b'A' { "B" } else { "A" };
                format!("{}{other}{}", &value[..at], &value[at + 1..])
            })
            .collect();
        changed.extend([
            String::new(),
            value[1..].to_owned(),
            value[..value.len() - 1].to_owned(),
            format!("{value}A"),
            format!("{value}="),
            format!("\"{value}\""),
            value.to_lowercase(),
            "A".repeat(43),
            "A".repeat(5000),
        ]);
        for value in changed {
            let found = sessions.find(&origin(), &sends(&[(&name, &value)])).await.unwrap();
            assert!(found.is_none(), "{value}");
        }
        for bytes in [&b"__Host-vouchsafe-session=\xff\xfe"[..], b"__Host-vouchsafe-session", b"=;;=", b""] {
            let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(bytes).unwrap())]);
            assert!(sessions.find(&origin(), &headers).await.unwrap().is_none());
        }
    }
}

#[tokio::test]
async fn a_text_that_was_sealed_for_something_else_is_no_session() {
    let sessions = in_cookie();
    let (browser, session) = begun(&sessions, "alice").await;
    let (name, value) = browser.0.unwrap();
    let text = ring(7).open("vouchsafe session cookie", &name, &value).unwrap();
    let sealed =
        |keys: KeyRing, purpose: &str, record: &str| keys.seal(purpose, record, text.expose()).unwrap();
    let find = async |value: &str| sessions.find(&origin(), &sends(&[(&name, value)])).await.unwrap();
    assert!(find(&sealed(ring(7), "vouchsafe session cookie", &name)).await.is_some());
    for (keys, purpose, record) in [
        (ring(7), "vouchsafe-axum login cookie", &*name),
        (ring(7), "vouchsafe session", &name),
        (ring(7), "vouchsafe session cookie", "__Host-vouchsafe-session-8443"),
        (ring(7), "vouchsafe session cookie", "vouchsafe-session-80"),
        (ring(8), "vouchsafe session cookie", &name),
    ] {
        assert!(find(&sealed(keys, purpose, record)).await.is_none(), "{purpose} {record}");
    }
    // A record of a store, in a cookie; and a cookie, in another place.
    assert!(find(session.id()).await.is_none());
    let other: Origin = "https://app.example.com:8443".parse().unwrap();
    let moved = sends(&[("__Host-vouchsafe-session-8443", &value)]);
    assert!(sessions.find(&other, &moved).await.unwrap().is_none());
    // Text of another version.
    let newer = text.expose().replacen("\"v\":1", "\"v\":2", 1);
    assert!(find(&ring(7).seal("vouchsafe session cookie", &name, &newer).unwrap()).await.is_none());
}

#[tokio::test]
async fn a_cookie_of_a_neighbour_hides_no_session() {
    for sessions in kinds().await {
        let (browser, session) = begun(&sessions, "alice").await;
        let (name, value) = browser.0.unwrap();
        let theirs = "B".repeat(43);
        let headers = sends(&[("a", "b"), (&name, "planted"), (&name, &theirs), (&name, &value), ("c", "d")]);
        let found = sessions.find(&origin(), &headers).await.unwrap().unwrap();
        assert_eq!(found.session.id(), session.id());
        let mut headers = sends(&[(&name, "planted")]);
        headers.append(COOKIE, HeaderValue::from_str(&format!("x=y;{name}={value}")).unwrap());
        assert!(sessions.find(&origin(), &headers).await.unwrap().is_some(), "two headers");
        // A name that a neighbouring host may set is not the name with `__Host-`.
        for disguised in
            [format!("\u{a0}{name}"), format!("x{name}"), name.to_lowercase(), format!("{name}\u{a0}")]
        {
            assert!(sessions.find(&origin(), &sends_bytes(&disguised, &value)).await.unwrap().is_none());
        }
    }
}

fn sends_bytes(name: &str, value: &str) -> HeaderMap {
    let header = HeaderValue::from_bytes(format!("{name}={value}").as_bytes()).unwrap();
    HeaderMap::from_iter([(COOKIE, header)])
}

#[tokio::test]
async fn many_cookies_of_one_name_cost_a_bounded_number_of_looks_into_the_store() {
    let store = Arc::new(failing::Failing::default());
    let sessions = in_store(&store);
    let values: Vec<_> = (0..100).map(|number| format!("{number:A>43}")).collect();
    let cookies: Vec<_> = values.iter().map(|value| ("__Host-vouchsafe-session", &**value)).collect();
    assert!(sessions.find(&origin(), &sends(&cookies)).await.unwrap().is_none());
    assert_eq!(store.reads(), 4);
}

#[tokio::test]
async fn a_key_is_replaced_without_signing_anybody_out() {
    let store = Arc::new(MemoryStore::new());
    let make = |keys: KeyRing| {
        [Sessions::in_cookie(keys.clone()), Sessions::in_store(store.clone(), keys)]
            .map(|s| s.by_clock(clock))
    };
    let both = || ring(8).previous(&[7; 32]).unwrap();
    for kind in [0, 1] {
        let [old, rotated, new] = [ring(7), both(), ring(8)].map(|keys| make(keys)[kind].clone());
        let (mut browser, _) = begun(&old, "alice").await;
        assert!(browser.clone().comes(&rotated).await.is_some());
        assert!(browser.clone().comes(&new).await.is_none(), "the old key is gone, and so is the session");
        pass(2 * MINUTE);
        assert!(browser.comes(&rotated).await.is_some());
        assert!(browser.comes(&new).await.is_some(), "the renewed session has the new key");
    }
}

#[tokio::test]
async fn a_cookie_has_room_for_a_person_and_some_roles() {
    let sessions = in_cookie();
    let long = |prefix: &str, length: usize| format!("{prefix}{}", "x".repeat(length - prefix.len()));
    let person = NewSession {
        issuer: long("https://id.example.com/", 100),
        subject: long("s", 255),
        sid: Some(long("sid", 64)),
        email: Some(long("alice@", 100)),
        acr: Some("urn:mace:incommon:iap:silver".into()),
        auth_time: Some(clock()),
        roles: (0..10).map(|role| format!("some-role-{role}")).collect(),
        ..new(&long("account", 36))
    };
    let begun = sessions.begin(&origin(), person.clone(), device(), &[]).await.unwrap();
    assert_eq!(begun.session.name(), Some("Alice Liddell"));
    let size = |header: &HeaderValue| header.to_str().unwrap().split(';').next().unwrap().len();
    assert!(size(&begun.set_cookie) <= MAX_COOKIE);

    // What can be missed is left out first.
    let picture = Some(long("https://id.example.com/", 3000));
    let begun =
        sessions.begin(&origin(), NewSession { picture, ..person.clone() }, device(), &[]).await.unwrap();
    assert_eq!((begun.session.picture(), begun.session.name()), (None, Some("Alice Liddell")));
    let mut browser = Browser::default();
    let named = NewSession { name: Some(long("Alice", 2000)), ..person.clone() };
    let _ = browser.begins(&sessions, named, &[]).await;
    assert_eq!(browser.comes(&sessions).await.unwrap().name(), None);
    let watched = NewSession { session_state: Some(long("state", 2000)), ..person.clone() };
    let begun = sessions.begin(&origin(), watched, device(), &[]).await.unwrap();
    assert_eq!((begun.session.session_state(), begun.session.name()), (None, None));

    let roles: Vec<_> = (0..200).map(|role| format!("some-role-{role}")).collect();
    let many = NewSession { roles, ..person };
    let error = sessions.begin(&origin(), many.clone(), device(), &[]).await.unwrap_err();
    let SessionError::TooLarge(large) = &error else { panic!("{error}") };
    assert!(large.size() > MAX_COOKIE && large.roles() > large.size() / 2, "{error}");
    assert!(error.to_string().contains("fewer roles"), "{error}");
    assert!(in_memory().begin(&origin(), many, device(), &[]).await.is_ok(), "a store has room");
}

#[tokio::test]
async fn the_cookie_is_the_largest_that_its_limit_allows() {
    let sessions = in_cookie();
    let mut largest = 0;
    for length in 1..2000 {
        let new = NewSession { roles: vec!["r".repeat(length)], name: None, ..new("alice") };
        match sessions.begin(&origin(), new, device(), &[]).await {
            Ok(begun) => {
                let header = begun.set_cookie.to_str().unwrap();
                largest = largest.max(header.split(';').next().unwrap().len());
            }
            Err(error) => assert!(matches!(error, SessionError::TooLarge(_))),
        }
    }
    assert!((MAX_COOKIE - 1..=MAX_COOKIE).contains(&largest), "{largest}");
}
