//! Marked secrets go through every flow, good and bad, and are looked for in everything that comes out: in what values and
//! errors print, in what caused them, in what is logged, and in the URLs of what is sent.
#[cfg(feature = "transport")]
mod faults;
#[cfg(feature = "transport")]
mod heard;
mod quoted;
#[cfg(feature = "transport")]
mod wire;

use std::collections::BTreeMap;
use std::fmt::Debug;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;
use url::form_urlencoded::byte_serialize;
use vouchsafe::Error;
use vouchsafe::http::Request;

pub(crate) const SECRET: &str = "marked+client/secret&1";
pub(crate) const CODE: &str = "marked/code=1 2";
pub(crate) const ACCESS: &str = "marked.access~token/+";
pub(crate) const REFRESH: &str = "marked:refresh!token";
pub(crate) const VERIFIER: &str = "marked-verifier-~-marked-verifier-~-marked-verifier";

/// What must not be seen, by what it is called, in all its shapes.
#[derive(Clone, Default)]
pub(crate) struct Marks(BTreeMap<(String, String), Vec<String>>);

impl Marks {
    pub(crate) fn of(secrets: &[(&str, &str)]) -> Self {
        secrets.iter().fold(Self::default(), |marks, (name, secret)| marks.and(name, secret))
    }

    pub(crate) fn and(mut self, name: &str, secret: &str) -> Self {
        assert!(secret.len() >= 6, "{name} would be found everywhere");
        self.0.entry((name.to_owned(), secret.to_owned())).or_insert_with(|| {
            // As a provider may quote it, and as `Debug` writes bytes.
            let listed = format!("{:?}", secret.as_bytes()).trim_matches(['[', ']']).to_owned();
            shapes(secret).into_iter().chain([listed]).collect()
        });
        self
    }

    /// Nothing of them is in what came out there.
    #[track_caller]
    pub(crate) fn absent_from(&self, text: &str, place: &str) {
        for ((name, _), shapes) in &self.0 {
            for shape in shapes {
                assert!(!text.contains(shape), "{place} holds the {name}, as {shape}: {text}");
            }
        }
    }

    /// Nothing of them is in what a value prints.
    #[track_caller]
    pub(crate) fn absent_from_debug(&self, value: &impl Debug) {
        self.absent_from(&format!("{value:?} {value:#?}"), std::any::type_name_of_val(value));
    }

    /// Nothing of them is in what an error says, and in what caused it.
    #[track_caller]
    pub(crate) fn absent_from_error(&self, error: &Error) {
        self.absent_from_debug(error);
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            self.absent_from(&format!("{error} {error:?} {error:#?}"), "an error");
            cause = error.source();
        }
        self.absent_from(error.code(), "an error's code");
    }

    /// Nothing of them is in the URL that a request goes to, which proxies and servers log.
    #[track_caller]
    pub(crate) fn absent_from_url(&self, request: &Request) {
        self.absent_from(&request.uri().to_string(), "a URL");
    }
}

/// A secret in every shape in which it may come out.
pub(crate) fn shapes(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let hex = |form: fn(&u8) -> String| bytes.iter().map(form).collect::<String>();
    let json = json!(secret).to_string();
    let mut shapes = vec![
        secret.to_owned(),
        byte_serialize(bytes).collect(),
        byte_serialize(bytes).collect::<String>().replace('+', "%20"),
        bytes
            .iter()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(*b).to_string() } else { format!("%{b:02x}") })
            .collect(),
        hex(|b| format!("%{b:02X}")),
        hex(|b| format!("%{b:02x}")),
        hex(|b| format!("{b:02X}")),
        hex(|b| format!("{b:02x}")),
        json.trim_matches('"').to_owned(),
        json.trim_matches('"').replace('/', "\\/"),
    ];
    // In base64 wherever it stood in what was encoded; what depends on its neighbours is left out.
    for before in 0..3 {
        let whole = [&b"..."[..before], bytes].concat();
        let (from, to) = ((before * 4).div_ceil(3), whole.len() / 3 * 4);
        shapes.push(STANDARD_NO_PAD.encode(&whole)[from..to].to_owned());
        shapes.push(URL_SAFE_NO_PAD.encode(&whole)[from..to].to_owned());
    }
    shapes
}

#[test]
fn marks_are_found_in_every_shape() {
    let marks = Marks::of(&[("secret", SECRET)]);
    let id_and_secret = URL_SAFE_NO_PAD.encode(format!("id:{SECRET}"));
    let padded = URL_SAFE_NO_PAD.encode(format!("{{\"code\":\"{SECRET}\"}}"));
    for text in
        [SECRET, "marked%2Bclient%2Fsecret%261", "marked%2bclient%2fsecret%261", &id_and_secret, &padded]
    {
        assert!(std::panic::catch_unwind(|| marks.absent_from(text, "a test")).is_err(), "{text}");
    }
    marks.absent_from("marked", "a test");
}
