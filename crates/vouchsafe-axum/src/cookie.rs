//! The login cookie: what it is called, and how it is sealed.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{COOKIE, HeaderMap};

/// What login cookies are sealed with. Cheap to clone.
///
/// One that is generated lives as long as the program: logins that are under way when it restarts have to start again.
/// Where several instances share the logins, or that is a nuisance, make it from a secret.
#[derive(Clone)]
pub struct CookieKey {
    key: Arc<RandomizedNonceKey>,
}

impl CookieKey {
    /// A new random key.
    ///
    /// # Errors
    /// This machine's random number generator failed.
    pub fn generate() -> Result<Self, CookieKeyError> {
        let mut secret = [0; MIN_SECRET];
        rand::fill(&mut secret).map_err(|_| CookieKeyError(Why::Random))?;
        Self::from_secret(&secret)
    }

    /// The key that is derived from a secret of at least 32 random bytes. The secret may serve other purposes as well:
    /// what is sealed here opens nowhere else, and the other way round.
    ///
    /// # Errors
    /// The secret is too short.
    pub fn from_secret(secret: &[u8]) -> Result<Self, CookieKeyError> {
        if secret.len() < MIN_SECRET {
            return Err(CookieKeyError(Why::Short));
        }
        // RFC 5869: the purpose goes into `info`, and every purpose has a key of its own.
        let derive = || {
            let secret = Salt::new(HKDF_SHA256, b"vouchsafe").extract(secret);
            let mut key = [0; 32];
            secret.expand(&[PURPOSE], &AES_256_GCM)?.fill(&mut key)?;
            RandomizedNonceKey::new(&AES_256_GCM, &key)
        };
        let key = derive().map_err(|_| CookieKeyError(Why::Derivation))?;
        Ok(Self { key: Arc::new(key) })
    }

    /// Seals a text into the value of the cookie of that name, and of no other.
    pub(crate) fn seal(&self, name: &str, text: String) -> Option<String> {
        let mut sealed = text.into_bytes();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(name), &mut sealed).ok()?;
        let mut value = nonce.as_ref().to_vec();
        value.append(&mut sealed);
        Some(URL_SAFE_NO_PAD.encode(value))
    }

    /// What is in the cookie, if it was sealed with this key under that name.
    pub(crate) fn open(&self, name: &str, value: &str) -> Option<Vec<u8>> {
        let mut sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (nonce, sealed) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        Some(self.key.open_in_place(nonce, Aad::from(name), sealed).ok()?.to_vec())
    }
}

impl fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieKey(…)")
    }
}

/// There is no key.
#[derive(Clone, Debug)]
pub struct CookieKeyError(Why);

#[derive(Clone, Debug)]
enum Why {
    Short,
    Random,
    Derivation,
}

impl fmt::Display for CookieKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Why::Short => write!(f, "the secret for the cookie key is shorter than {MIN_SECRET} bytes"),
            Why::Random => f.write_str("this machine's random number generator failed"),
            Why::Derivation => f.write_str("the cookie key cannot be derived"),
        }
    }
}

impl std::error::Error for CookieKeyError {}

/// What a login's cookie is called: alike for all logins at one application, and different for each.
pub(crate) struct Family {
    prefix: String,
}

impl Family {
    pub(crate) fn of(redirect_uri: &str) -> Self {
        // Plain http is for loopback hosts alone, and there cookies do not know ports: applications that are
        // developed side by side must not take each other's logins away.
        match redirect_uri.parse::<http::Uri>() {
            Ok(uri) if uri.scheme_str() == Some("http") => {
                let port = uri.port_u16().unwrap_or(80);
                Self { prefix: format!("{PLAIN}{port}-") }
            }
            _ => Self { prefix: HOST.to_owned() },
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        name.starts_with(&self.prefix)
    }

    pub(crate) fn new_name(&self) -> Option<String> {
        let mut random = [0; 6];
        rand::fill(&mut random).ok()?;
        Some(format!("{}{}", self.prefix, URL_SAFE_NO_PAD.encode(random)))
    }
}

/// A login cookie as the browser sent it.
#[derive(Clone)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Cookie {
    /// The login cookies of a request; all of them, so that those which a neighbouring host may have planted hide none
    /// of ours.
    pub(crate) fn all(headers: &HeaderMap) -> Vec<Self> {
        let pairs = headers.get_all(COOKIE).into_iter().filter_map(|h| h.to_str().ok());
        pairs
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| name.starts_with(HOST) || name.starts_with(PLAIN))
            .map(|(name, value)| Self { name: name.to_owned(), value: value.to_owned() })
            .collect()
    }

    /// The header that sets it; none if a browser would not take it.
    pub(crate) fn set(&self, way: Way, lifetime: Duration) -> Option<String> {
        let Self { name, value } = self;
        let set = header(name, value, lifetime, way);
        (set.len() <= MAX_COOKIE).then_some(set)
    }
}

/// How the response of the provider comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// In the query, or by a form of the same site, to which browsers go along with cookies that are `Lax`.
    Query,
    /// In a form that the provider's page posts: across sites, to which only cookies that are `None` go along.
    Form,
}

impl Way {
    /// How it will come to a login that begins at that URL and returns to that redirect URI.
    pub(crate) fn of(url: &str, redirect_uri: &str) -> Self {
        let mut pairs = url.split(['?', '&', '#']);
        if !pairs.any(|pair| pair == "response_mode=form_post") || are_neighbours(url, redirect_uri) {
            return Self::Query;
        }
        Self::Form
    }
}

/// Whether both are at the same host by plain http: only loopback hosts are, and ports do not tell sites apart.
fn are_neighbours(url: &str, redirect_uri: &str) -> bool {
    let host = |url: &str| {
        let url = url.parse::<http::Uri>().ok()?;
        (url.scheme_str() == Some("http")).then(|| url.host().map(str::to_owned))?
    };
    host(url).is_some_and(|here| host(redirect_uri) == Some(here))
}

/// The header that takes a cookie away. By plain http not every browser takes a `Secure` one for that.
pub(crate) fn remove(name: &str, way: Way) -> String {
    let way = if name.starts_with(HOST) { way } else { Way::Query };
    header(name, "", Duration::ZERO, way)
}

fn header(name: &str, value: &str, lifetime: Duration, way: Way) -> String {
    // Browsers take `None` only together with `Secure`, and most take that of loopback hosts by plain http as well.
    let rest = match (name.starts_with(HOST), way) {
        (_, Way::Form) => "None; Secure",
        (true, Way::Query) => "Lax; Secure",
        (false, Way::Query) => "Lax",
    };
    format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite={rest}", lifetime.as_secs())
}

const MIN_SECRET: usize = 32;
const PURPOSE: &[u8] = b"vouchsafe-axum login cookie v1 AES-256-GCM";
/// RFC 6265bis section 4.1.3.2: a browser takes a cookie of such a name only over https, for this very host.
const HOST: &str = "__Host-vouchsafe-login-";
const PLAIN: &str = "vouchsafe-login-";
/// How long a login may take in the browser; as long as [`vouchsafe::Client::login_limit`] by default.
pub(crate) const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// What browsers take at most.
const MAX_COOKIE: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_needs_a_secret_of_some_length() {
        assert!(CookieKey::from_secret(&[7; 31]).is_err());
        assert!(CookieKey::from_secret(&[7; 32]).is_ok());
    }

    #[test]
    fn what_is_sealed_opens_under_its_own_key_and_name_alone() {
        let key = CookieKey::from_secret(&[7; 32]).unwrap();
        let sealed = key.seal("a", "text".to_owned()).unwrap();
        assert_eq!(key.open("a", &sealed).as_deref(), Some(&b"text"[..]));
        assert_eq!(key.open("b", &sealed), None);
        assert_eq!(CookieKey::from_secret(&[8; 32]).unwrap().open("a", &sealed), None);
        assert_eq!(key.open("a", ""), None);
        assert_eq!(key.open("a", "AAAA"), None);
    }

    /// What somebody makes of the same secret for that purpose.
    fn sealed_for(purpose: &[u8]) -> String {
        let mut key = [0; 32];
        let secret = Salt::new(HKDF_SHA256, b"vouchsafe").extract(&[7; 32]);
        secret.expand(&[purpose], &AES_256_GCM).unwrap().fill(&mut key).unwrap();
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key).unwrap();
        CookieKey { key: Arc::new(key) }.seal("a", "text".to_owned()).unwrap()
    }

    #[test]
    fn what_the_same_secret_sealed_for_another_purpose_does_not_open() {
        let key = CookieKey::from_secret(&[7; 32]).unwrap();
        assert_eq!(key.open("a", &sealed_for(b"sessions")), None);
        // Other versions at other instances share the logins: the purpose stays.
        let ours = sealed_for(b"vouchsafe-axum login cookie v1 AES-256-GCM");
        assert_eq!(key.open("a", &ours).as_deref(), Some(&b"text"[..]));
    }

    #[test]
    fn every_changed_bit_of_a_sealed_cookie_is_noticed() {
        let key = CookieKey::generate().unwrap();
        let raw = URL_SAFE_NO_PAD.decode(key.seal("a", "text".to_owned()).unwrap()).unwrap();
        for bit in 0..raw.len() * 8 {
            let mut changed = raw.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open("a", &URL_SAFE_NO_PAD.encode(changed)), None, "bit {bit}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_comes_back_from_under_its_name(name in any::<String>(), text in any::<String>(), other in any::<String>()) {
            let key = CookieKey::from_secret(&[7; 32]).unwrap();
            let sealed = key.seal(&name, text.clone()).unwrap();
            prop_assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
            prop_assert_eq!(key.open(&name, &sealed), Some(text.into_bytes()));
            prop_assert!(other == name || key.open(&other, &sealed).is_none());
        }

        #[test]
        fn any_changed_character_is_noticed(text in any::<String>(), at in any::<prop::sample::Index>(), other in any::<char>()) {
            let key = CookieKey::from_secret(&[7; 32]).unwrap();
            let sealed = key.seal("a", text).unwrap();
            let at = at.index(sealed.len());
            // In its place, behind it, and it left out.
            for (from, to) in [(at, at + 1), (at, at)] {
                let changed = format!("{}{other}{}", &sealed[..from], &sealed[to..]);
                prop_assert!(changed == sealed || key.open("a", &changed).is_none(), "{}", changed);
            }
            prop_assert_eq!(key.open("a", &format!("{}{}", &sealed[..at], &sealed[at + 1..])), None);
        }

        #[test]
        fn what_nobody_sealed_does_not_open(value in "[A-Za-z0-9_-]{0,200}") {
            prop_assert_eq!(CookieKey::from_secret(&[7; 32]).unwrap().open("a", &value), None);
        }
    }

    #[test]
    fn over_https_the_cookie_is_secure_and_of_this_host_alone() {
        let name = Family::of("https://app.example.com/callback").new_name().unwrap();
        assert!(name.starts_with("__Host-vouchsafe-login-"));
        let set = Cookie { name, value: "x".to_owned() }.set(Way::Query, LIFETIME).unwrap();
        assert!(set.ends_with("=x; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"), "{set}");
    }

    #[test]
    fn the_cookie_goes_along_with_a_form_from_another_site_where_it_is_secure() {
        let set = |redirect_uri: &str, url: &str| {
            let name = Family::of(redirect_uri).new_name().unwrap();
            Cookie { name, value: "x".to_owned() }.set(Way::of(url, redirect_uri), LIFETIME).unwrap()
        };
        let (https, http) = ("https://app.example.com/callback", "http://127.0.0.1:3000/callback");
        let form = "https://op.example/authorize?a=b&response_mode=form_post&state=x";
        assert!(set(https, form).ends_with("; HttpOnly; SameSite=None; Secure"));
        assert!(set(http, form).ends_with("; HttpOnly; SameSite=None; Secure"), "another site");
        let local = "http://127.0.0.1:9400/authorize?response_mode=form_post";
        assert!(set(http, local).ends_with("; HttpOnly; SameSite=Lax"), "the same site");
        assert!(set("http://localhost:3000/callback", local).ends_with("; SameSite=None; Secure"));
        assert!(set(https, local).ends_with("; SameSite=None; Secure"));
        let plain = Family::of(http).new_name().unwrap();
        assert!(remove(&plain, Way::Form).ends_with("; Max-Age=0; HttpOnly; SameSite=Lax"));
        for query in ["https://op.example/authorize?response_mode=query", "https://op.example/a?x=form_post"]
        {
            assert!(set(https, query).ends_with("; HttpOnly; SameSite=Lax; Secure"));
        }
        assert!(set(https, "https://op.example/a?response_mode=form_post#x").contains("SameSite=None"));
    }

    #[test]
    fn a_cookie_too_large_for_browsers_is_not_set() {
        assert!(Cookie { name: "a".to_owned(), value: "x".repeat(4096) }.set(Way::Query, LIFETIME).is_none());
    }

    #[test]
    fn debug_output_of_a_key_lacks_the_key() {
        assert_eq!(format!("{:?}", CookieKey::generate().unwrap()), "CookieKey(…)");
    }
}
