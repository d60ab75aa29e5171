//! One button: its words, mark and colours, by the provider's own rules where they are known.
use vouchsafe_providers::{NEUTRAL_MARK, mark};

use super::language::Language;

/// The rules of a provider for its sign-in button. The colours are in `sign_in.css`, under the class of the slug.
struct Rules {
    slug: &'static str,
    mark: Option<&'static str>,
    /// The words in the order of [`Language::ALL`]; empty for the usual ones.
    words: [&'static str; 6],
}

/// Read in the providers' guidelines for sign-in buttons; where a rule would make text too faint to read (white on a light
/// green), the colour is that of the mark alone.
const RULES: [Rules; 8] = [
    // https://developer.apple.com/design/human-interface-guidelines/sign-in-with-apple
    Rules {
        slug: "apple",
        mark: None,
        words: [
            "Continue with Apple",
            "Mit Apple fortfahren",
            "Continuer avec Apple",
            "Continuar con Apple",
            "Apple로 계속하기",
            "Appleで続ける",
        ],
    },
    // https://about.meta.com/brand/resources/facebook/login
    Rules { slug: "facebook", mark: None, words: [""; 6] },
    // https://docs.partenaires.franceconnect.gouv.fr/fs/fs-integration/integration-bouton-fc/
    Rules { slug: "franceconnect", mark: None, words: FRANCECONNECT },
    // https://developers.google.com/identity/branding-guidelines
    Rules {
        slug: "google",
        mark: Some(GOOGLE),
        words: [
            "Continue with Google",
            "Weiter mit Google",
            "Continuer avec Google",
            "Continuar con Google",
            "Google 계정으로 계속하기",
            "Google で続ける",
        ],
    },
    // https://developers.kakao.com/docs/latest/en/kakaologin/design-guide
    Rules { slug: "kakao", mark: Some(KAKAO), words: KAKAO_WORDS },
    // https://developers.line.biz/en/docs/line-login/login-button/
    Rules {
        slug: "line",
        mark: None,
        words: [
            "Log in with LINE",
            "Mit LINE anmelden",
            "Se connecter avec LINE",
            "Iniciar sesión con LINE",
            "LINE으로 로그인",
            "LINEでログイン",
        ],
    },
    // https://learn.microsoft.com/en-us/entra/identity-platform/howto-add-branding-in-apps
    Rules {
        slug: "microsoft",
        mark: Some(MICROSOFT),
        words: [
            "Sign in with Microsoft",
            "Mit Microsoft anmelden",
            "Se connecter avec Microsoft",
            "Iniciar sesión con Microsoft",
            "Microsoft로 로그인",
            "Microsoft でサインイン",
        ],
    },
    // https://developers.naver.com/docs/login/bi/bi.md
    Rules {
        slug: "naver",
        mark: None,
        words: [
            "Log in with NAVER",
            "Mit NAVER anmelden",
            "Se connecter avec NAVER",
            "Iniciar sesión con NAVER",
            "네이버 로그인",
            "NAVER でログイン",
        ],
    },
];

/// The button of FranceConnect has one language.
const FRANCECONNECT: [&str; 6] = ["S’identifier avec FranceConnect"; 6];
const KAKAO_WORDS: [&str; 6] = [
    "Login with Kakao",
    "Mit Kakao anmelden",
    "Se connecter avec Kakao",
    "Iniciar sesión con Kakao",
    "카카오 로그인",
    "Kakao でログイン",
];

/// The slugs of definitions that share the rules of another one.
const SAME: [(&str, &str); 2] = [("kakao-openid", "kakao"), ("franceconnect-integration", "franceconnect")];

/// The name of the rules of a provider: the class of its button. `None` without rules.
pub(crate) fn class(slug: &str) -> Option<&'static str> {
    rules(slug).map(|rules| rules.slug)
}

/// The picture of a provider, as SVG.
pub(crate) fn picture(slug: &str) -> &'static str {
    rules(slug).and_then(|rules| rules.mark).or_else(|| mark(slug)).unwrap_or(NEUTRAL_MARK)
}

/// The words on the button of a provider.
pub(crate) fn words(slug: &str, name: &str, language: Language) -> String {
    let at = Language::ALL.iter().position(|known| *known == language).unwrap_or(0);
    match rules(slug).map(|rules| rules.words[at]).filter(|words| !words.is_empty()) {
        Some(words) => words.to_owned(),
        None => language.continue_with(name),
    }
}

/// Whether the words of a button are in another language than the page.
pub(crate) fn language_of(slug: &str, language: Language) -> Option<Language> {
    (class(slug) == Some("franceconnect") && language != Language::French).then_some(Language::French)
}

fn rules(slug: &str) -> Option<&'static Rules> {
    let slug = SAME.iter().find(|(other, _)| *other == slug).map_or(slug, |(_, slug)| slug);
    RULES.iter().find(|rules| rules.slug == slug)
}

/// Four squares in the colours that the guidelines ask for.
const MICROSOFT: &str = concat!(
    r#"<svg viewBox="0 0 21 21" xmlns="http://www.w3.org/2000/svg"><title>Microsoft</title>"#,
    r##"<path fill="#f25022" d="M1 1h9v9H1z"/><path fill="#7fba00" d="M11 1h9v9h-9z"/>"##,
    r##"<path fill="#00a4ef" d="M1 11h9v9H1z"/><path fill="#ffb900" d="M11 11h9v9h-9z"/></svg>"##
);

/// The guidelines ask for this drawing in these colours.
const GOOGLE: &str = include_str!("google.svg");

/// A speech bubble.
const KAKAO: &str = concat!(
    r#"<svg viewBox="0 0 24 24" xmlns="http://www.w3.org/2000/svg"><title>Kakao</title>"#,
    r#"<path d="M12 3C6.5 3 2 6.5 2 10.8c0 2.8 1.9 5.2 4.7 6.6l-1 3.6c-.1.3.3.6.6.4l4.2-2.8 1.5.1c5.5 0 10-3.5 10-7.9S17.5 3 12 3z"/></svg>"#
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_follows_the_rules_of_its_provider_and_else_has_the_usual_words() {
        assert_eq!(words("google", "Google", Language::German), "Weiter mit Google");
        assert_eq!(words("kakao-openid", "Kakao", Language::Korean), "카카오 로그인");
        assert_eq!(words("github", "GitHub", Language::French), "Continuer avec GitHub");
        assert_eq!(words("facebook", "Facebook", Language::Japanese), "Facebook で続ける");
        assert_eq!(class("github"), None);
        assert!(
            picture("google").contains("#4285F4") && picture("nobody").contains("<title>Sign in</title>")
        );
    }

    #[test]
    fn every_rule_belongs_to_a_provider_of_the_catalogue() {
        for slug in RULES.iter().map(|rules| rules.slug).chain(SAME.map(|(slug, _)| slug)) {
            assert!(vouchsafe_providers::get(slug).is_some(), "{slug}");
        }
        assert!(RULES.is_sorted_by_key(|rules| rules.slug));
    }
}
