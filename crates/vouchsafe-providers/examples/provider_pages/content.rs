//! What a page says, before it is Markdown or HTML.
use vouchsafe_providers::{
    ClientAuth, Definition, Kind, Pkce, ProfileSource, RedirectFacts, RegistrationFacts, registration,
    variable_prefix,
};

/// A page.
pub(crate) struct Page {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// One sentence.
    pub(crate) lead: String,
    /// What people may look for, besides name and slug: error messages above all.
    pub(crate) find: Vec<String>,
    pub(crate) sections: Vec<Section>,
    pub(crate) is_thin: bool,
}

pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) blocks: Vec<Block>,
}

pub(crate) enum Block {
    Text(Vec<Span>),
    Steps(Vec<Vec<Span>>),
    List(Vec<Vec<Span>>),
    Table(&'static [&'static str], Vec<Vec<Vec<Span>>>),
    Code(&'static str, String),
}

#[derive(Clone)]
pub(crate) enum Span {
    Text(String),
    Code(String),
    Link(String),
}

fn text(text: impl Into<String>) -> Vec<Span> {
    vec![Span::Text(text.into())]
}

fn code(text: impl Into<String>) -> Vec<Span> {
    vec![Span::Code(text.into())]
}

fn mixed<const N: usize>(spans: [Vec<Span>; N]) -> Vec<Span> {
    spans.concat()
}

fn link(url: &str) -> Vec<Span> {
    if url.starts_with("https://") { vec![Span::Link(url.to_owned())] } else { text(url) }
}

/// With a full stop.
fn sentence(words: &str) -> String {
    let mut chars = words.trim().chars();
    let first = chars.next().into_iter().flat_map(|first| {
        // An identifier keeps its case: `sub` is not `Sub`.
        let is_word = words
            .split(' ')
            .next()
            .is_some_and(|word| word.chars().all(|c| c.is_ascii_lowercase()) && WORDS.contains(&word));
        if is_word { first.to_uppercase().collect::<Vec<_>>() } else { vec![first] }
    });
    let words: String = first.chain(chars).collect();
    let words = words.replace(" - ", " – ");
    if words.ends_with(['.', '!', '?', ':']) { words } else { words + "." }
}

/// An instruction, which begins with a verb.
fn instruction(words: &str) -> String {
    let mut chars = words.trim().chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    sentence(&first.chain(chars).collect::<String>())
}

/// A JSON Pointer as people write it: `data.id`.
fn member(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// Words that may begin a fact, and are no names of members or parameters.
const WORDS: [&str; 33] = [
    "a",
    "about",
    "after",
    "all",
    "always",
    "an",
    "any",
    "as",
    "at",
    "by",
    "comes",
    "each",
    "every",
    "for",
    "free",
    "from",
    "in",
    "never",
    "no",
    "none",
    "not",
    "one",
    "only",
    "set",
    "the",
    "there",
    "under",
    "until",
    "unlimited",
    "with",
    "within",
    "without",
    "less",
];

/// The page of a provider.
pub(crate) fn page(d: &Definition) -> Page {
    let facts = registration(&d.slug);
    let empty = RegistrationFacts::default();
    let f = facts.as_deref().unwrap_or(&empty);
    let protocol = match d.kind {
        Kind::Openid => "OpenID Connect: an ID token says who signed in",
        Kind::Oauth2 => "OAuth 2: the profile says who signed in",
    };
    let mut sections = vec![
        section("What to click", clicks(d, f)),
        section("What to enter", entries(d, f)),
        section("Before other people can sign in", hurdles(f)),
        section("Scopes", scopes(d, f)),
        section("Who signed in", identity(d, f)),
        section("Tokens", tokens(d, f)),
        section("Signing out and revoking", ending(d, f)),
        section("What cannot be changed later", lasting(f)),
        section("What people do not expect", surprises(d, f)),
        section("Error messages", errors(f)),
        section("In your program", program(d)),
        section("Without an account", sandbox(d)),
    ];
    let missing = unknown(f);
    sections.push(section("Not known", missing));
    sections.push(section("Sources", sources(d, f)));
    sections.retain(|section| !section.blocks.is_empty());
    let mut find: Vec<String> = f.errors.iter().map(|error| error.text.clone()).collect();
    find.extend(f.redirect.http_localhost.map(|_| "localhost".to_owned()));
    find.extend((d.refresh && d.refreshing != Default::default()).then(|| "refresh".to_owned()));
    find.extend(f.refresh.comes.as_ref().map(|_| "refresh token".to_owned()));
    find.extend(f.device_flow.filter(|has| *has).map(|_| "device flow".to_owned()));
    Page {
        slug: d.slug.clone(),
        name: d.display_name.clone(),
        kind: d.kind,
        lead: format!("{protocol}. The slug in the catalogue is"),
        find,
        sections,
        is_thin: facts.is_none(),
    }
}

fn section(title: &'static str, blocks: Vec<Block>) -> Section {
    Section { title, blocks }
}

fn console<'a>(d: &'a Definition, f: &'a RegistrationFacts) -> Option<&'a str> {
    f.console.as_deref().or(d.console.as_deref())
}

fn clicks(d: &Definition, f: &RegistrationFacts) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(url) = console(d, f) {
        let what = f
            .app
            .as_deref()
            .map_or(String::new(), |app| format!(" {} calls an application: {app}.", d.display_name));
        blocks.push(Block::Text(mixed([
            text("Applications are registered at "),
            link(url),
            text(format!(".{what}")),
        ])));
    } else if let Some(app) = &f.app {
        blocks.push(Block::Text(text(format!("{} calls an application: {app}.", d.display_name))));
    }
    if !f.steps.is_empty() {
        blocks.push(Block::Steps(f.steps.iter().map(|step| text(instruction(step))).collect()));
    }
    blocks
}

fn entries(d: &Definition, f: &RegistrationFacts) -> Vec<Block> {
    let uri = format!("https://app.example.com/callback/{}", d.slug);
    let mut blocks = vec![Block::Text(mixed([
        text("As redirect URI, enter the address of your own callback, to the letter: "),
        code(uri),
        text(" in the examples below."),
    ]))];
    let names = [("client ID", &f.client_id), ("client secret", &f.client_secret)];
    let names = names
        .into_iter()
        .filter_map(|(ours, theirs)| Some(format!("the {ours} is called {}", theirs.as_ref()?)));
    let names = names.collect::<Vec<_>>().join(", ");
    if !names.is_empty() {
        blocks.push(Block::Text(text(format!("There, {names}."))));
    }
    let forms = forms(&f.redirect);
    if !forms.is_empty() {
        blocks.push(Block::Table(&["redirect URI", "accepted"], forms));
    }
    let more = [
        f.redirect.comparison.as_deref().map(|how| match how {
            "prefix" => "The redirect URI of a request may go on after the registered one.".to_owned(),
            "host" => "Only the host is compared.".to_owned(),
            _ => "The redirect URI of a request must be the registered one, to the letter.".to_owned(),
        }),
        f.redirect.max.map(|max| format!("At most {max} can be registered.")),
        f.redirect.fragment_or_query.as_deref().map(sentence),
        f.secret
            .shown_once
            .filter(|once| *once)
            .map(|_| "The secret is shown once: copy it at once.".to_owned()),
        f.secret.expires.as_deref().map(|when| format!("The secret expires: {}", sentence(when))),
        f.secret.rotation.as_deref().map(|how| format!("To replace the secret: {}", sentence(how))),
        f.public_client.map(|may| {
            let may = if may { "can" } else { "cannot" };
            format!("An application without a secret, such as a command line, {may} use this login.")
        }),
    ];
    let more: Vec<_> = more.into_iter().flatten().map(text).collect();
    if !more.is_empty() {
        blocks.push(Block::List(more));
    }
    let params: Vec<_> = d
        .params
        .iter()
        .map(|(name, param)| {
            let example = param.default.as_ref().or(param.example.as_ref());
            let about = if param.description.is_empty() { param.rule.describe() } else { &param.description };
            vec![
                code(name.clone()),
                text(about),
                example.map_or_else(|| text("–"), |example| code(example.clone())),
            ]
        })
        .collect();
    if !params.is_empty() {
        blocks.push(Block::Text(text("The definition has parameters to fill in:")));
        blocks.push(Block::Table(&["parameter", "what it is", "for example"], params));
    }
    blocks
}

fn forms(redirect: &RedirectFacts) -> Vec<Vec<Vec<Span>>> {
    let row = |(form, accepted): (&str, bool)| {
        let form = if form.contains(' ') { text(form) } else { code(form) };
        vec![form, text(if accepted { "yes" } else { "no" })]
    };
    redirect.forms().into_iter().map(row).collect()
}

fn hurdles(f: &RegistrationFacts) -> Vec<Block> {
    let line = |(lead, words): (String, String)| {
        text(if words.is_empty() { sentence(&lead) } else { format!("{lead}: {}", sentence(&words)) })
    };
    let lines: Vec<_> = f.access.hurdles().into_iter().map(line).collect();
    if lines.is_empty() { Vec::new() } else { vec![Block::List(lines)] }
}

fn scopes(d: &Definition, f: &RegistrationFacts) -> Vec<Block> {
    let mut blocks = Vec::new();
    if d.scopes.is_empty() {
        blocks.push(Block::Text(text("vouchsafe requests no scope unless you name one.")));
    } else {
        let asked = mixed([
            text("vouchsafe requests "),
            code(d.scopes.join(&d.scope_separator)),
            text(" unless you name others."),
        ]);
        blocks.push(Block::Text(asked));
    }
    let rows: Vec<_> = f
        .scopes
        .iter()
        .map(|scope| {
            let review = scope.review.map_or("–", |review| if review { "yes" } else { "no" });
            vec![code(scope.name.clone()), text(scope.opens.clone()), text(review)]
        })
        .collect();
    if !rows.is_empty() {
        blocks.push(Block::Table(&["scope", "what it opens", "reviewed"], rows));
    }
    blocks
}

fn identity(d: &Definition, f: &RegistrationFacts) -> Vec<Block> {
    let identity = &d.identity;
    let told = identity.emails.as_ref().is_some_and(|list| list.verified.is_some())
        || !identity.email_verified.is_empty();
    let gives = !identity.email.is_empty() || identity.emails.is_some();
    let worth = match (gives, told) {
        (false, _) => "vouchsafe gets no e-mail from this provider.",
        _ if identity.email_authority.is_some() => {
            "The provider is an authority for some addresses alone: vouchsafe says that these are verified, and of others that it does not know."
        }
        _ if identity.email_always_verified => {
            "The provider documents that it gives out verified addresses alone, and vouchsafe hands the e-mail out as verified."
        }
        (true, true) => {
            "The provider says of each address whether it is verified, and vouchsafe hands on what it says."
        }
        (true, false) => {
            "The provider does not say whether an address is verified: vouchsafe says that it does not know. Do not link accounts by it."
        }
    };
    let mut lines = Vec::new();
    if !identity.subject.is_empty() {
        lines.push(mixed([
            text("vouchsafe knows a user by "),
            code(identity.subject.iter().map(|pointer| member(pointer)).collect::<Vec<_>>().join(", ")),
            text("."),
        ]));
    } else if d.kind == Kind::Openid {
        lines.push(mixed([text("vouchsafe knows a user by "), code("sub"), text(" at the issuer.")]));
    }
    if let Some(subject) = &f.subject {
        lines.push(mixed([text("The provider says: "), text(sentence(subject))]));
    }
    lines.push(text(worth));
    if let Some(email) = &f.email {
        lines.push(text(sentence(email)));
    }
    if d.userinfo.source == ProfileSource::Token {
        lines.push(text("The profile comes with the token response."));
    }
    vec![Block::List(lines)]
}

fn tokens(d: &Definition, f: &RegistrationFacts) -> Vec<Block> {
    let needs = &d.refreshing;
    let mut lines = Vec::new();
    if let Some(life) = &f.access_token {
        lines.push(text(format!("An access token lasts: {}", sentence(life))));
    }
    match (d.refresh, &f.refresh.comes) {
        (false, _) => lines.push(text("There is no refresh token.")),
        (true, Some(comes)) => lines.push(text(format!("A refresh token comes: {}", sentence(comes)))),
        (true, None) => {}
    }
    let params = needs.needs_params.iter().map(|(name, value)| format!("{name}={value}"));
    let asked: Vec<_> =
        params.chain(needs.needs_scope.first().map(|scope| format!("the scope {scope}"))).collect();
    if !asked.is_empty() {
        lines.push(text(format!("To get one, add to the request: {}.", asked.join(", "))));
    }
    if d.refresh {
        let rotates = f.refresh.rotates.or(needs.keeps_token.then_some(false));
        lines.extend(rotates.map(|rotates| {
            text(if rotates {
                "Each refresh brings a new refresh token, and the old one is spent."
            } else {
                "A refresh keeps the refresh token."
            })
        }));
        lines.extend(
            f.refresh
                .lifetime
                .as_deref()
                .map(|life| text(format!("The refresh token lasts: {}", sentence(life)))),
        );
        lines.extend(
            f.refresh
                .limit
                .as_deref()
                .map(|limit| text(format!("How many there can be: {}", sentence(limit)))),
        );
    }
    let pkce = match d.pkce {
        Pkce::Required => "PKCE is required, and vouchsafe sends it.",
        Pkce::Supported => "vouchsafe sends PKCE (S256).",
        Pkce::Hex => "vouchsafe sends PKCE as this provider wants it: in hexadecimal.",
        Pkce::Unsupported => "The provider refuses PKCE: vouchsafe sends none.",
    };
    lines.push(text(pkce));
    let authentication = match d.client_auth {
        Some(ClientAuth::ClientSecretBasic) => {
            Some("The secret travels in the header (client_secret_basic).")
        }
        Some(ClientAuth::ClientSecretPost) => Some("The secret travels in the body (client_secret_post)."),
        Some(ClientAuth::None) if d.userinfo.sends_secret() => {
            Some("The client sends its secret with requests for the profile, and not to the token endpoint.")
        }
        Some(ClientAuth::None) => Some("The client sends no secret."),
        _ => None,
    };
    lines.extend(authentication.map(text));
    lines.extend(f.device_flow.map(|has| {
        text(if has { "The provider has a device flow." } else { "The provider has no device flow." })
    }));
    vec![Block::List(lines)]
}

fn ending(d: &Definition, f: &RegistrationFacts) -> Vec<Block> {
    let mut lines = Vec::new();
    lines.extend(
        f.logout.as_deref().map(|logout| text(format!("Sign-out at the provider: {}", sentence(logout)))),
    );
    lines.extend(f.revoke.as_deref().map(|revoke| text(format!("Revocation: {}", sentence(revoke)))));
    if d.revocation_endpoint.is_some() {
        let only = d
            .revocation
            .only
            .as_deref()
            .map_or(String::new(), |only| format!(" It revokes only the {}.", only.replace('_', " ")));
        lines.push(mixed([code("Client::revoke"), text(format!(" works here.{only}"))]));
    } else if d.kind == Kind::Openid {
        lines.push(mixed([
            code("Client::revoke"),
            text(" works if the metadata of the provider names the endpoint."),
        ]));
    }
    if lines.is_empty() {
        lines
    } else {
        return vec![Block::List(lines)];
    };
    Vec::new()
}

/// The choices that are made once. They stand where they are made, too.
fn lasting(f: &RegistrationFacts) -> Vec<Block> {
    const WORDS: [&str; 5] = [
        "changed later",
        "changed after",
        "it cannot be changed",
        "method cannot be changed",
        "cannot become",
    ];
    let is_lasting = |words: &&String| WORDS.iter().any(|end| words.contains(end));
    let of_registration = f.steps.iter().chain(&f.quirks).chain(&f.secret.rotation);
    let lines: Vec<_> = of_registration.filter(is_lasting).map(|words| text(instruction(words))).collect();
    if lines.is_empty() { Vec::new() } else { vec![Block::List(lines)] }
}

fn surprises(d: &Definition, f: &RegistrationFacts) -> Vec<Block> {
    let mut lines: Vec<String> = f.quirks.iter().map(|quirk| sentence(quirk)).collect();
    lines.extend(
        d.notes
            .iter()
            .map(|note| sentence(note))
            .filter(|note| !f.quirks.iter().any(|quirk| sentence(quirk) == *note)),
    );
    if lines.is_empty() { Vec::new() } else { vec![Block::List(lines.into_iter().map(text).collect())] }
}

fn errors(f: &RegistrationFacts) -> Vec<Block> {
    let rows: Vec<_> = f
        .errors
        .iter()
        .map(|error| {
            vec![code(error.text.clone()), text(sentence(&error.means)), text(instruction(&error.remedy))]
        })
        .collect();
    if rows.is_empty() { Vec::new() } else { vec![Block::Table(&["message", "cause", "what to do"], rows)] }
}

fn program(d: &Definition) -> Vec<Block> {
    let (slug, name) = (&d.slug, variable_prefix(&d.slug));
    let needed = d.params.iter().filter(|(_, param)| param.default.is_none() && !param.optional);
    let needed: Vec<_> = needed
        .map(|(name, param)| (name, param.example.clone().unwrap_or_else(|| "VALUE".to_owned())))
        .collect();
    let params: String = needed.iter().map(|(name, value)| format!(".param({name:?}, {value:?})")).collect();
    let secret = if d.signed_client_secret {
        "credential(Credential::apple_key(team_id, key_id, pem))".to_owned()
    } else {
        format!("secret(env::var(\"{name}_CLIENT_SECRET\")?)")
    };
    let axum = format!(
        "let me = Registration::new(env::var(\"{name}_CLIENT_ID\")?)\n    .{secret}\n    \
         .redirect_uri(\"https://app.example.com/callback/{slug}\");\n\
         let client = Client::new(Provider::named(\"{slug}\")?{params}, me, &Http::new()?)?;\n\
         let logins = Logins::new(client, KeyRing::generate()?);\n\
         let callback = |user: LoggedIn| async move {{ format!(\"Hello {{}}\", user.identity.subject()) }};\n\
         let app = Router::new().merge(logins.routes(\"/login\", \"/callback/{slug}\", callback));"
    );
    let options: String = needed.iter().map(|(name, value)| format!(" --param {name}={value}")).collect();
    let key = if d.signed_client_secret {
        " --client-key key.p8 --key-id KEY_ID --team-id TEAM_ID"
    } else {
        " --client-secret-file secret.txt"
    };
    let env = if d.signed_client_secret {
        format!("{name}_CLIENT_ID=\n{name}_KEY_ID=\n{name}_TEAM_ID=\n{name}_KEY_FILE=")
    } else {
        format!("{name}_CLIENT_ID=\n{name}_CLIENT_SECRET=")
    };
    vec![
        Block::Text(text("In a web application, with axum:")),
        Block::Code("rust", axum),
        Block::Text(mixed([
            text("The variables, in a file such as "),
            code(".env"),
            text(" that is not committed:"),
        ])),
        Block::Code("sh", env),
        Block::Text(text("At a terminal; setup says step by step what to do, and writes these variables:")),
        Block::Code(
            "sh",
            format!("vouchsafe setup {slug}{options}\nvouchsafe login {slug} --client-id ID{key}{options}"),
        ),
    ]
}

fn sandbox(d: &Definition) -> Vec<Block> {
    let slug = &d.slug;
    vec![
        Block::Text(text(format!(
            "The sandbox acts as {} on your own machine. It prints the URL for --at, and signs in test users:",
            d.display_name
        ))),
        Block::Code("sh", format!("vouchsafe sandbox --provider {slug}\nvouchsafe login {slug} --at URL")),
    ]
}

/// What a page without these facts cannot tell.
fn unknown(f: &RegistrationFacts) -> Vec<Block> {
    let missing = [
        ("what to click", f.steps.is_empty()),
        ("which redirect URIs are accepted", forms(&f.redirect).is_empty()),
        ("what stands between registration and strangers who sign in", hurdles(f).is_empty()),
        ("what people do with the e-mail", f.email.is_none()),
        ("how long an access token lasts", f.access_token.is_none()),
        ("when a refresh token comes", f.refresh.comes.is_none()),
        ("how long a refresh token lasts", f.refresh.comes.is_some() && f.refresh.lifetime.is_none()),
        (
            "whether the secret expires",
            f.secret.expires.is_none() && f.secret.rotation.is_none() && f.secret.shown_once.is_none(),
        ),
        ("what cannot be changed later", lasting(f).is_empty()),
        ("error messages", f.errors.is_empty()),
    ];
    let missing: Vec<_> = missing.into_iter().filter(|(_, is)| *is).map(|(what, _)| what).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    vec![Block::Text(text(format!("No source that was read tells: {}.", missing.join("; "))))]
}

fn sources(d: &Definition, f: &RegistrationFacts) -> Vec<Block> {
    let mut all: Vec<&String> = f.sources.iter().collect();
    all.extend(d.sources.iter().filter(|source| !f.sources.contains(source)));
    let days = match (f.checked.as_str(), d.checked.as_str()) {
        ("", definition) => format!("The definition was checked on {definition}."),
        (facts, definition) => format!("Read on {facts}; the definition was checked on {definition}."),
    };
    vec![Block::Text(text(days)), Block::List(all.into_iter().map(|source| link(source)).collect())]
}
