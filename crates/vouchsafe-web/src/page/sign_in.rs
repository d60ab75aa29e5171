//! The page itself, and the parts that an application can put into a page of its own.
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderValue, Response};

use super::language::Language;
use super::{button, escaped};

/// The page where people choose how to sign in: a list of links, one for each provider, with its mark. Without scripts.
///
/// Buttons follow the rules of Apple, Facebook, FranceConnect, Google, Kakao, LINE, Microsoft and Naver in words, colours and
/// drawing. All others look alike.
///
/// ```
/// use vouchsafe_web::{Language, SignInPage};
///
/// let page = SignInPage::new(Language::German)
///     .application("Example")
///     .choice("google", "Google", "/login/google")
///     .choice("github", "GitHub", "/login/github");
/// assert!(page.html().contains("<h1>Bei Example anmelden</h1>"));
/// ```
///
/// # Your own look
/// The colours are CSS variables: `--sign-in-ground`, `--sign-in-card`, `--sign-in-ink`, `--sign-in-soft`, `--sign-in-line` and
/// `--sign-in-focus`; with them `--sign-in-radius` and `--sign-in-font`. Set them with [`SignInPage::variable`]; a value such as
/// `light-dark(#fff, #111)` is for both colour schemes. For a page of your own, take [`SignInPage::choices`] and
/// [`SignInPage::style`].
#[derive(Clone, Debug, Default)]
pub struct SignInPage {
    language: Language,
    application: Option<String>,
    notice: Option<String>,
    choices: Vec<Choice>,
    question: Option<Question>,
    variables: String,
}

#[derive(Clone, Debug)]
struct Choice {
    slug: String,
    name: String,
    href: String,
}

/// A form that asks for an e-mail address.
#[derive(Clone, Debug)]
struct Question {
    action: String,
    return_to: Option<String>,
}

impl SignInPage {
    /// A page without choices.
    pub fn new(language: Language) -> Self {
        Self { language, ..Self::default() }
    }

    /// The name of the application, for the heading.
    #[must_use]
    pub fn application(mut self, name: impl Into<String>) -> Self {
        self.application = Some(name.into());
        self
    }

    /// A sentence above the choices, in the language of the page.
    #[must_use]
    pub fn notice(mut self, text: impl Into<String>) -> Self {
        self.notice = Some(text.into());
        self
    }

    /// Adds a choice: the slug of the provider in the catalogue, which gives mark and rules, its name for people, and the link that
    /// starts the login. Another slug gives a neutral mark.
    #[must_use]
    pub fn choice(
        mut self,
        slug: impl Into<String>,
        name: impl Into<String>,
        href: impl Into<String>,
    ) -> Self {
        self.choices.push(Choice { slug: slug.into(), name: name.into(), href: href.into() });
        self
    }

    /// Asks for an e-mail address, which finds the provider of an organisation. The form is posted to this path, with the fields
    /// `email` and `return_to`: an address never gets into a URL of the application.
    #[must_use]
    pub fn ask_for_address(
        mut self,
        action: impl Into<String>,
        return_to: Option<&str>,
        is_unknown: bool,
    ) -> Self {
        self.question = Some(Question { action: action.into(), return_to: return_to.map(str::to_owned) });
        if is_unknown {
            self.notice = Some(self.language.unknown_address().to_owned());
        }
        self
    }

    /// Sets a variable of the style, such as `("--sign-in-radius", "0")`. A name that does not begin with `--sign-in-`, and a value
    /// with a character that could end the declaration, are ignored.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        let is_name = name.strip_prefix("--sign-in-").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        });
        if is_name && !value.is_empty() && !value.contains(['{', '}', ';', '<', '>', '\\', '@', '/']) {
            let _ = write!(self.variables, "{name}:{value};");
        }
        self
    }

    /// The style sheet of the page and of its choices.
    pub fn style(&self) -> String {
        match &*self.variables {
            "" => STYLE.to_owned(),
            variables => format!("{STYLE}:root{{{variables}}}"),
        }
    }

    /// The choices as a list, for a page of your own. It needs [`SignInPage::style`].
    pub fn choices(&self) -> String {
        let mut html = String::from("<ul class=\"sign-in-choices\" role=\"list\">");
        for Choice { slug, name, href } in &self.choices {
            let class = button::class(slug).map_or(String::new(), |class| format!(" {class}"));
            let lang = button::language_of(slug, self.language);
            let lang = lang.map_or(String::new(), |lang| format!(" lang=\"{}\"", lang.tag()));
            // The words say which provider it is: the mark says it no second time.
            let picture =
                button::picture(slug).replacen("<svg ", "<svg aria-hidden=\"true\" focusable=\"false\" ", 1);
            let picture = picture.replace(" role=\"img\"", "");
            let words = escaped(&button::words(slug, name, self.language));
            let href = escaped(href);
            let _ = write!(
                html,
                "<li><a class=\"sign-in-choice{class}\" href=\"{href}\"{lang}>{picture}<span>{words}</span></a></li>"
            );
        }
        html + "</ul>"
    }

    /// The whole page.
    pub fn html(&self) -> String {
        let heading = escaped(&self.language.heading(self.application.as_deref()));
        let is_empty = self.choices.is_empty() && self.question.is_none();
        let advice = if is_empty { self.language.nothing() } else { self.language.advice() };
        let notice = self.notice.as_deref().map(escaped);
        let notice = notice
            .map_or(String::new(), |text| format!("<p class=\"sign-in-notice\" role=\"status\">{text}</p>"));
        let choices = if self.choices.is_empty() { String::new() } else { self.choices() };
        format!(
            include_str!("sign_in.html"),
            lang = self.language.tag(),
            style = self.style(),
            heading = heading,
            advice = advice,
            notice = notice,
            choices = choices + &self.question()
        )
    }

    /// The form that asks for an address.
    fn question(&self) -> String {
        let Some(Question { action, return_to }) = &self.question else { return String::new() };
        let hidden = return_to.as_deref().map_or(String::new(), |path| {
            format!("<input type=\"hidden\" name=\"return_to\" value=\"{}\">", escaped(path))
        });
        format!(
            "<form class=\"sign-in-question\" method=\"post\" action=\"{}\"><label for=\"sign-in-address\">{}</label>\
             <input id=\"sign-in-address\" type=\"email\" name=\"email\" autocomplete=\"email\" required>{hidden}\
             <button>{}</button></form>",
            escaped(action),
            self.language.address(),
            self.language.go_on()
        )
    }

    /// The page as a response, with a content security policy that allows its style sheet and nothing else.
    pub fn response(&self) -> Response<String> {
        let hash = STANDARD.encode(digest(&SHA256, self.style().as_bytes()));
        // A browser applies `form-action` to each redirect after a form, and this one leads to a provider.
        let forms = if self.question.is_some() { "" } else { "form-action 'none'; " };
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; {forms}frame-ancestors 'none'"
        );
        let mut response = Response::new(self.html());
        response.headers_mut().extend([
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            // The address may hold the path to return to.
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        ]);
        if let Ok(policy) = HeaderValue::try_from(policy) {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

const STYLE: &str = include_str!("sign_in.css");

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> SignInPage {
        SignInPage::new(Language::English).choice("google", "Google", "/login/google?return_to=/a&b").choice(
            "acme",
            "<Acme> \"&\"",
            "/login/acme",
        )
    }

    #[test]
    fn a_question_for_an_address_keeps_the_path_to_return_to() {
        let page = SignInPage::new(Language::German).ask_for_address("/sign-in", Some("/a?b=\"c\""), true);
        let html = page.html();
        assert!(html.contains("name=\"return_to\" value=\"/a?b=&quot;c&quot;\""), "{html}");
        assert!(
            html.contains("Keine Organisation") && html.contains("<label for=\"sign-in-address\">E-Mail"),
            "{html}"
        );
        let policy = page.response().headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(!policy.contains("form-action"), "{policy}");
    }

    #[test]
    fn text_from_outside_stays_text() {
        let html = page().application("</title>{choices}{style}").notice("<b>").html();
        assert!(
            html.contains("Continue with &lt;Acme&gt; &quot;&amp;&quot;") && html.contains("&lt;b&gt;"),
            "{html}"
        );
        assert!(html.contains("href=\"/login/google?return_to=/a&amp;b\""), "{html}");
        assert_eq!(html.matches("<style>").count(), 1);
        assert_eq!(html.matches("sign-in-choices\" role").count(), 1, "{html}");
    }

    #[test]
    fn the_policy_allows_the_style_sheet_also_with_variables_of_the_application() {
        for page in [
            page(),
            page().variable("--sign-in-radius", "0").variable("--sign-in-card", "light-dark(#fff, #111)"),
        ] {
            let response = page.response();
            let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
            let html = response.body();
            let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
            let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
            assert!(policy.contains(&format!("style-src 'sha256-{hash}';")), "{policy}");
        }
    }

    #[test]
    fn a_variable_cannot_end_its_declaration() {
        for (name, value) in [
            ("--sign-in-ink", "red}body{display:none"),
            ("--sign-in-ink", "</style><script>"),
            ("--sign-in-ink", "red;color:blue"),
            ("--sign-in-ink", "\\7d"),
            ("--sign-in-ink", "url(//evil.example)"),
            ("--sign-in-ink", ""),
            ("color", "red"),
            ("--sign-in-", "red"),
            ("--sign-in-a:b", "red"),
        ] {
            assert_eq!(page().variable(name, value).style(), STYLE, "{name}: {value}");
        }
        assert!(page().variable("--sign-in-ink", "#123").style().ends_with(":root{--sign-in-ink:#123;}"));
    }

    #[test]
    fn a_page_without_choices_says_so() {
        let html = SignInPage::new(Language::French).html();
        assert!(
            html.contains("<html lang=\"fr\">") && html.contains("Aucune connexion") && !html.contains("<ul"),
            "{html}"
        );
    }

    #[test]
    fn words_in_another_language_say_so() {
        let html = SignInPage::new(Language::English).choice("franceconnect", "FranceConnect", "/x").html();
        assert!(html.contains("href=\"/x\" lang=\"fr\">"), "{html}");
    }
}
