//! Scopes, RFC 6749 section 3.3.

use std::fmt;

/// Scope values in the order of the request, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scopes(Vec<String>);

impl Scopes {
    /// RFC 6749 section 3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut scopes = Vec::new();
        for scope in text.split(' ').filter(|scope| !scope.is_empty()) {
            if !scope.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return None;
            }
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        (scopes.len() <= MAX_SCOPES).then_some(Self(scopes))
    }

    pub(crate) fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|known| known == scope)
    }

    pub(crate) fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| self.contains(scope))
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        for scope in &other.0 {
            if !self.contains(scope) {
                self.0.push(scope.clone());
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

const MAX_SCOPES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_with_a_quote_is_refused() {
        assert!(Scopes::parse("openid a\"b").is_none());
        assert_eq!(Scopes::parse("a b  a").unwrap().to_string(), "a b");
    }
}
