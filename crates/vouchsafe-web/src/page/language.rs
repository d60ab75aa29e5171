//! The languages of the pages.
use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
    /// Korean.
    Korean,
    /// Japanese.
    Japanese,
}

impl Language {
    /// All languages of the page.
    pub const ALL: [Self; 6] =
        [Self::English, Self::German, Self::French, Self::Spanish, Self::Korean, Self::Japanese];

    /// Its tag (BCP 47), such as `de`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Korean => "ko",
            Self::Japanese => "ja",
        }
    }

    /// The language with this tag: `de`, `de-AT` and `DE` are German. `None` for any other language.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let language = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|known| known.tag().eq_ignore_ascii_case(language))
    }

    /// The language that a browser prefers among those of the page (`Accept-Language`, RFC 9110 section 12.5.4). English if it
    /// names none of them.
    pub fn preferred(headers: &HeaderMap) -> Self {
        let fields = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|field| field.to_str().ok());
        let mut best = (0, Self::default());
        for (language, weight) in fields.flat_map(|field| field.split(',')).filter_map(weighted) {
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    /// A sentence of the pages in this language; in English, if there is no other.
    pub(crate) fn say(self, english: &'static str) -> &'static str {
        let table = match self {
            Self::English => "",
            Self::German => include_str!("words/de.txt"),
            Self::French => include_str!("words/fr.txt"),
            Self::Spanish => include_str!("words/es.txt"),
            Self::Korean => include_str!("words/ko.txt"),
            Self::Japanese => include_str!("words/ja.txt"),
        };
        table.lines().find_map(|row| row.strip_prefix(english)?.strip_prefix(" = ")).unwrap_or(english)
    }

    /// What stands above the choices.
    pub(crate) fn heading(self, application: Option<&str>) -> String {
        let Some(name) = application else {
            return match self {
                Self::English => "Sign in",
                Self::German => "Anmelden",
                Self::French => "Se connecter",
                Self::Spanish => "Iniciar sesión",
                Self::Korean => "로그인",
                Self::Japanese => "ログイン",
            }
            .to_owned();
        };
        match self {
            Self::English => format!("Sign in to {name}"),
            Self::German => format!("Bei {name} anmelden"),
            Self::French => format!("Se connecter à {name}"),
            Self::Spanish => format!("Iniciar sesión en {name}"),
            Self::Korean => format!("{name} 로그인"),
            Self::Japanese => format!("{name} にログイン"),
        }
    }

    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::English => "Choose an account to continue.",
            Self::German => "Wählen Sie ein Konto, um fortzufahren.",
            Self::French => "Choisissez un compte pour continuer.",
            Self::Spanish => "Elija una cuenta para continuar.",
            Self::Korean => "계속하려면 계정을 선택해 주세요.",
            Self::Japanese => "続けるにはアカウントを選択してください。",
        }
    }

    pub(crate) fn nothing(self) -> &'static str {
        match self {
            Self::English => "There is no way to sign in yet. Please tell the operator of this site.",
            Self::German => {
                "Noch ist keine Anmeldung möglich. Bitte informieren Sie den Betreiber dieser Website."
            }
            Self::French => {
                "Aucune connexion n’est possible pour l’instant. Veuillez prévenir l’administrateur de ce site."
            }
            Self::Spanish => "Todavía no es posible iniciar sesión. Avise al administrador de este sitio.",
            Self::Korean => "아직 사용할 수 있는 로그인 방법이 없습니다. 사이트 운영자에게 알려 주세요.",
            Self::Japanese => "ログイン方法がまだ設定されていません。サイトの管理者にお知らせください。",
        }
    }

    /// The label of the field for the address of an organisation's person.
    pub(crate) fn address(self) -> &'static str {
        match self {
            Self::English => "E-mail address at your organisation",
            Self::German => "E-Mail-Adresse in Ihrer Organisation",
            Self::French => "Adresse e-mail dans votre organisation",
            Self::Spanish => "Dirección de correo electrónico en su organización",
            Self::Korean => "소속 기관의 이메일 주소",
            Self::Japanese => "組織のメールアドレス",
        }
    }

    /// The button beside that field.
    pub(crate) fn go_on(self) -> &'static str {
        match self {
            Self::English => "Continue",
            Self::German => "Weiter",
            Self::French => "Continuer",
            Self::Spanish => "Continuar",
            Self::Korean => "계속",
            Self::Japanese => "続ける",
        }
    }

    /// What an address without a provider leads to.
    pub(crate) fn unknown_address(self) -> &'static str {
        match self {
            Self::English => "No organisation here uses this address. Please check it.",
            Self::German => {
                "Keine Organisation auf dieser Website verwendet diese Adresse. Bitte prüfen Sie die Eingabe."
            }
            Self::French => "Aucune organisation de ce site n’utilise cette adresse. Veuillez la vérifier.",
            Self::Spanish => "Ninguna organización de este sitio usa esta dirección. Compruébela.",
            Self::Korean => "이 주소를 사용하는 기관이 없습니다. 주소를 확인해 주세요.",
            Self::Japanese => "このアドレスを使う組織はありません。アドレスをご確認ください。",
        }
    }

    /// What a button says for a provider without words of its own.
    pub(crate) fn continue_with(self, provider: &str) -> String {
        match self {
            Self::English => format!("Continue with {provider}"),
            Self::German => format!("Weiter mit {provider}"),
            Self::French => format!("Continuer avec {provider}"),
            Self::Spanish => format!("Continuar con {provider}"),
            Self::Korean => format!("{provider} 계정으로 계속하기"),
            Self::Japanese => format!("{provider} で続ける"),
        }
    }
}

/// One member of `Accept-Language`, with its weight in thousandths. `None` for a language that the page does not have.
fn weighted(member: &str) -> Option<(Language, u32)> {
    let (tag, parameter) = member.split_once(';').unwrap_or((member, ""));
    let language = if tag.trim() == "*" { Language::default() } else { Language::from_tag(tag)? };
    let weight = match parameter.trim().strip_prefix("q=") {
        Some(weight) => weight.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight))?,
        None => 1.0,
    };
    Some((language, (weight * 1000.0) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred(header: &str) -> Language {
        let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, header.parse().unwrap())]);
        Language::preferred(&headers)
    }

    #[test]
    fn the_language_is_the_one_that_the_browser_prefers() {
        for (header, language) in [
            ("de", Language::German),
            ("de-CH, fr;q=0.9", Language::German),
            ("nl, fr;q=0.3, es;q=0.8", Language::Spanish),
            ("fr;q=0, ja;q=0.1", Language::Japanese),
            ("KO-kr", Language::Korean),
            ("nl", Language::English),
            ("*", Language::English),
            ("fr;q=2, de;q=x, es;q=0.1", Language::Spanish),
            ("", Language::English),
        ] {
            assert_eq!(preferred(header), language, "{header}");
        }
        assert_eq!(Language::preferred(&HeaderMap::new()), Language::English);
    }

    #[test]
    fn every_language_has_words_of_its_own() {
        let words = Language::ALL.map(|language| {
            [
                language.heading(None),
                language.heading(Some("X")),
                language.advice().to_owned(),
                language.nothing().to_owned(),
                language.address().to_owned(),
                language.go_on().to_owned(),
                language.unknown_address().to_owned(),
                language.continue_with("X"),
            ]
        });
        for (at, one) in words.iter().enumerate() {
            for other in &words[at + 1..] {
                assert!(one.iter().zip(other).all(|(a, b)| a != b), "{one:?} {other:?}");
            }
        }
    }
}
