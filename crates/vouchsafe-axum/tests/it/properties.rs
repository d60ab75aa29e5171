//! What holds for any login, whatever it carries.
use proptest::prelude::*;
use url::form_urlencoded::Serializer;

use crate::scenario::Scenario;

#[test]
fn what_a_login_carries_comes_back_with_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let scenario = runtime.block_on(Scenario::new());
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(data in any::<String>(), path in "/[!-Z^-~]{0,40}")| {
        let has_dots = path.split(['?', '#']).next().unwrap().split('/').any(|segment| {
            matches!(&*segment.to_lowercase().replace("%2e", "."), "." | "..")
        });
        prop_assume!(!path.starts_with("//") && !has_dots);
        let wish = Serializer::new(String::new()).append_pair("data", &data).append_pair("return_to", &path).finish();
        let page = runtime.block_on(async {
            let mut browser = scenario.browser();
            let url = browser.get(&format!("/login?{wish}")).await.location();
            let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
            browser.get(&callback).await
        });
        prop_assert_eq!(page.text, format!("alice@example.com at openid, to {path}, data {data}"));
    });
}

#[test]
fn a_cookie_of_which_anything_is_changed_signs_nobody_in() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let scenario = runtime.block_on(Scenario::new());
    let mut browser = scenario.browser();
    let url = runtime.block_on(browser.start());
    let callback = runtime.block_on(scenario.sandbox.person("alice").allow(&url)).unwrap();
    let (name, value) = browser.cookies.pop_first().unwrap();
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(of_name in any::<bool>(), at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]")| {
        let text = if of_name { &name } else { &value };
        let at = at.index(text.len());
        let changed = format!("{}{to}{}", &text[..at], &text[at + 1..]);
        prop_assume!(changed != *text);
        let pair = if of_name { (changed, value.clone()) } else { (name.clone(), changed) };
        let mut stranger = scenario.browser();
        stranger.cookies.extend([pair]);
        let page = runtime.block_on(stranger.get(&callback));
        prop_assert_eq!(page.status.as_u16(), 400);
    });
    assert!(scenario.sandbox.requests_to("/token").is_empty(), "nobody's code was spent");
    browser.cookies.insert(name, value);
    assert_eq!(runtime.block_on(browser.get(&callback)).status.as_u16(), 200);
}
