//! The demo without a browser: its responses to requests that break the rules.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

struct Demo {
    process: Child,
    host: String,
}

impl Demo {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_vouchsafe"))
            .args(["demo", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        let host =
            event["url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { process, host }
    }

    /// The head of the response, in lower case, and the body.
    fn ask(&self, line: &str, headers: &str, body: &str) -> (String, String) {
        let host = if headers.contains("host:") { String::new() } else { format!("host: {}\r\n", self.host) };
        let length = body.len();
        let mut stream = TcpStream::connect(&self.host).unwrap();
        write!(
            stream,
            "{line} HTTP/1.1\r\n{host}{headers}content-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_lowercase(), body.to_owned())
    }

    /// The session that a login starts, as a header.
    fn session(&self) -> String {
        let (head, _) = self.ask("GET /login/openid", "", "");
        let cookie = head.lines().find_map(|l| l.strip_prefix("set-cookie: vouchsafe_demo_")).unwrap();
        format!("cookie: vouchsafe_demo_{}\r\n", cookie.split(';').next().unwrap())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_form_without_its_proof_does_nothing() {
    let demo = Demo::start();
    let session = demo.session();
    for path in ["/refresh", "/revoke", "/sign-out", "/faults", "/race", "/own", "/own/forget"] {
        for body in ["csrf=", "csrf=0000000000000000000000000000000000000000000000000000000000000000"] {
            let body =
                format!("{body}&fault=slow&provider=openid&tab=both&issuer=https://id.example&client_id=x");
            let (head, page) = demo.ask(&format!("POST {path}"), &session, &body);
            assert!(head.starts_with("http/1.1 403"), "{path}: {head}");
            assert!(page.contains("Nothing was done"));
        }
        let (head, _) = demo.ask(&format!("GET {path}"), &session, "");
        let has_page = ["/faults", "/race", "/own"].contains(&path);
        assert!(head.starts_with(if has_page { "http/1.1 200" } else { "http/1.1 405" }), "{path}: {head}");
    }
}

#[test]
fn every_response_has_its_security_headers() {
    let demo = Demo::start();
    for path in [
        "/",
        "/?find=git",
        "/faults",
        "/faults/wrong-nonce",
        "/race",
        "/own",
        "/trace",
        "/callback/openid?code=x&state=y",
        "/nothing",
        "/style.css",
        "/login/nobody",
    ] {
        let (head, _) = demo.ask(&format!("GET {path}"), "", "");
        for guard in [
            "content-security-policy: default-src 'none'; style-src 'self'; script-src 'self'",
            "frame-ancestors 'none'",
            "x-frame-options: deny",
            "referrer-policy: same-origin",
            "x-content-type-options: nosniff",
        ] {
            assert!(head.contains(guard), "{path} lacks {guard}: {head}");
        }
    }
}

#[test]
fn a_form_of_another_site_does_nothing() {
    let demo = Demo::start();
    let (head, page) = demo.ask("GET /race", "", "");
    let cookie =
        head.lines().find_map(|l| l.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap();
    let proof = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let (session, body) = (format!("cookie: {cookie}\r\n"), format!("csrf={proof}&tab=start"));
    for foreign in [
        "origin: http://evil.example\r\n",
        "origin: null\r\n",
        "origin: http://127.0.0.1:1\r\n",
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
    ] {
        for path in ["/race", "/own", "/faults", "/trace", "/sign-out", "/refresh"] {
            let (head, page) = demo.ask(&format!("POST {path}"), &format!("{session}{foreign}"), &body);
            assert!(head.starts_with("http/1.1 403"), "{path} {foreign}: {head}");
            assert!(page.contains("This form is not from the demo"), "{page}");
        }
    }
    let own = format!("{session}origin: http://{}\r\nsec-fetch-site: same-origin\r\n", demo.host);
    assert!(demo.ask("POST /race", &own, &body).0.starts_with("http/1.1 303"));
}

#[test]
fn no_login_returns_to_another_site() {
    let demo = Demo::start();
    for path in ["//evil.example", "https://evil.example", "/\\evil.example", "/%09/evil.example"] {
        let (head, _) = demo.ask(&format!("GET /login/openid?return_to={path}"), "", "");
        let location = head.lines().find(|line| line.starts_with("location: ")).unwrap_or_default();
        assert!(!location.contains("evil.example"), "{path}: {location}");
    }
    for path in ["//evil.example/", "/faults//evil.example", "/login//evil.example"] {
        let (head, _) = demo.ask(&format!("GET {path}"), "", "");
        assert!(head.starts_with("http/1.1 404") && !head.contains("location"), "{path}: {head}");
    }
}

#[test]
fn providers_are_found_without_a_script_and_the_words_stay_text() {
    let demo = Demo::start();
    let list = |path: &str| {
        let (_, page) = demo.ask(&format!("GET {path}"), "", "");
        page.split("<ul class=\"many\"").nth(1).unwrap().split("</ul>").next().unwrap().to_owned()
    };
    assert!(list("/?find=git").contains("/login/github") && !list("/?find=git").contains("/login/google"));
    assert!(list("/?find=face+book").contains("/login/facebook"));
    assert!(list("/?find=%EC%B9%B4%EC%B9%B4%EC%98%A4").contains("/login/kakao"));
    assert!(list("/?find=").contains("/login/google"));
    let (_, page) = demo.ask("GET /?find=%22%3E%3Cscript%3E", "", "");
    assert!(page.contains("None of the") && !page.contains("\"><script>"), "{page}");
}

#[test]
fn the_sign_in_page_is_in_the_language_of_the_browser_with_its_own_style() {
    let demo = Demo::start();
    let (head, page) = demo.ask("GET /sign-in", "accept-language: de\r\n", "");
    assert!(page.contains("Bei vouchsafe demo anmelden") && page.contains("/login/google"), "{page}");
    assert!(head.contains("style-src 'sha256-") && head.contains("x-frame-options: deny"), "{head}");
}

#[test]
fn another_host_name_is_refused() {
    let demo = Demo::start();
    let (head, _) = demo.ask("GET /", "host: evil.example\r\n", "");
    assert!(
        head.starts_with("http/1.1 303") && head.contains(&format!("location: http://{}/", demo.host)),
        "{head}"
    );
    let (head, _) = demo.ask("POST /revoke", "host: evil.example\r\n", "csrf=");
    assert!(head.starts_with("http/1.1 421"), "{head}");
}

#[test]
fn a_flow_is_shown_only_to_its_own_session() {
    let demo = Demo::start();
    let session = demo.session();
    assert!(demo.ask("GET /", &session, "").1.contains("Every request and response"));
    assert!(!demo.ask("GET /", "", "").1.contains("Every request and response"));
    let other = demo.session();
    assert_ne!(session, other);
    // The demo ignores cookies of other programs on this host.
    let among = session.replace("cookie: ", "cookie: naïve=ü; ").replace("\r\n", "; b=ö\r\n");
    assert!(demo.ask("GET /", &among, "").1.contains("Every request and response"));
    let behind = session.replace("cookie: ", "cookie: \u{2000}");
    assert!(!demo.ask("GET /", &behind, "").1.contains("Every request and response"));
}

#[test]
fn an_unknown_address_gets_a_page_and_the_right_status() {
    let demo = Demo::start();
    for (path, status, words) in [
        ("/nothing", "404", "There is nothing here"),
        ("/login/nobody", "404", "There is no such way to sign in"),
        ("/callback", "404", "There is nothing here"),
        ("/callback/openid", "400", "This sign-in is no longer valid"),
        ("/callback/openid?error=access_denied&state=x", "400", "This sign-in is no longer valid"),
    ] {
        let (head, page) = demo.ask(&format!("GET {path}"), "", "");
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{path}: {head}");
        assert!(page.contains(words), "{path}: {page}");
    }
}

#[test]
fn the_session_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let demo = Demo::start();
    let (head, _) = demo.ask("GET /login/openid", "", "");
    let cookie = head.lines().find(|l| l.contains("vouchsafe_demo_")).unwrap();
    assert!(cookie.contains("httponly") && cookie.contains("samesite=lax"), "{cookie}");
}

#[test]
fn only_a_visit_by_a_person_starts_a_login() {
    let demo = Demo::start();
    for path in
        ["/login/openid", "/callback/openid", "/provider-sign-out", "/own", "/race", "/trace", "/faults/slow"]
    {
        for headers in [
            "sec-fetch-dest: image\r\n",
            "sec-purpose: prefetch\r\n",
            "purpose: prefetch\r\n",
            "x-purpose: preview\r\n",
            "x-moz: prefetch\r\n",
        ] {
            let (head, _) = demo.ask(&format!("GET {path}"), headers, "");
            assert!(head.starts_with("http/1.1 403") && !head.contains("set-cookie"), "{headers}: {head}");
        }
        let (head, _) = demo.ask(&format!("HEAD {path}"), "", "");
        assert!(head.starts_with("http/1.1 403") && !head.contains("set-cookie"), "{head}");
    }
    let (head, _) = demo.ask("GET /login/openid", "sec-fetch-dest: document\r\n", "");
    assert!(head.starts_with("http/1.1 303"), "{head}");
}

#[test]
fn there_is_a_button_for_every_provider_and_each_leads_to_its_login() {
    let demo = Demo::start();
    let (_, page) = demo.ask("GET /", "", "");
    let links: Vec<&str> =
        page.split("href=\"/login/").skip(1).map(|l| l.split('"').next().unwrap()).collect();
    for slug in vouchsafe_providers::slugs() {
        assert!(links.contains(&slug), "{slug} has no button");
    }
    for slug in links {
        let (head, _) = demo.ask(&format!("GET /login/{slug}"), "", "");
        assert!(head.starts_with("http/1.1 303"), "{slug}: {head}");
        assert!(head.contains("location: http://127.0.0.1:"), "{slug}: {head}");
        let redirect_uri = format!("%2fcallback%2f{slug}");
        assert!(head.contains(&redirect_uri), "{slug} has no redirect URI of its own: {head}");
    }
}
