//! `vouchsafe sandbox`: runs a provider on this machine until it is stopped.
use std::collections::BTreeMap;
use std::io::ErrorKind;

use serde_json::{Value, json};
use vouchsafe_sandbox::{
    ActedProvider, ClientConfig, DpopNonces, Fault, Place, Refusal, Sandbox, SandboxBuilder, User,
};

use crate::args::{SandboxArgs, StrongArgs};
use crate::failure::Failure;
use crate::setup;
use crate::system::Interrupt;
use crate::terminal::{CAUTION, Event, LINK, Output, SOFT, STRONG, paint};

pub(crate) async fn run(
    args: &SandboxArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    if args.list_faults {
        list_faults(output);
        return Ok(());
    }
    let mut definitions = Vec::new();
    for named in &args.providers {
        match named.as_str() {
            "all" => definitions.extend(vouchsafe_providers::all()),
            named => definitions.push(setup::definition(named)?),
        }
    }
    let mut builder = strengthened(Sandbox::builder(), &args.strong)?;
    if args.session_management {
        builder = builder.session_management();
    }
    let started = builder.port(args.place.port).start().await;
    let sandbox = started.map_err(|error| match error.kind() {
        // The only input that the sandbox can find invalid.
        ErrorKind::InvalidInput => {
            Failure::usage("public_key", format!("--public-key does not hold a public key: {error}"))
        }
        _ => Failure::port("127.0.0.1", args.place.port, &error, "--port"),
    })?;
    args.faults.iter().for_each(|fault| sandbox.fault(*fault));
    let issuer = sandbox.issuer();
    output.event(&Event::Listening(facts(&sandbox, &args.faults)));
    output.say(format!("The sandbox is running at {}", paint(issuer, LINK)));
    for definition in &definitions {
        let acted = sandbox.act(definition);
        output.event(&Event::Acted(acted_facts(&acted)));
        if !output.is_quiet() {
            introduce_acted(&acted, issuer, output);
        }
    }
    if !output.is_quiet() {
        introduce(&sandbox, &args.faults, !definitions.is_empty(), output);
    }
    interrupt.wait().await;
    sandbox.shutdown().await;
    Ok(())
}

/// The demands on strong clients, and the client with a key.
fn strengthened(mut builder: SandboxBuilder, args: &StrongArgs) -> Result<SandboxBuilder, Failure> {
    if let Some(path) = &args.public_key {
        let text = setup::read_text("--public-key", path, "public_key")?;
        let client = ClientConfig::public(KEY_CLIENT_ID);
        let client = match serde_json::from_str(&text) {
            Ok(jwks) => client.jwks(jwks),
            Err(_) => client.public_key_pem(&text),
        };
        builder = builder.client(client);
    }
    if args.require_par {
        builder = builder.require_pushed_authorization_requests();
    }
    if args.fapi2 {
        builder = builder.fapi2();
    }
    Ok(match args.dpop_nonce.as_deref() {
        Some("required") => builder.dpop_nonces(DpopNonces::Required),
        Some(_) => builder.dpop_nonces(DpopNonces::Changing),
        None => builder,
    })
}

const KEY_CLIENT_ID: &str = "sandbox-key-client";

/// Everything that an application's settings need to sign in at an acted provider.
fn acted_facts(acted: &ActedProvider) -> Value {
    let definition = acted.definition();
    let user = |user: User| json!({"username": user.username(), "subject": acted.subject_of(&user)});
    let mut facts = json!({
        "provider": definition.slug,
        "name": definition.display_name,
        "kind": definition.kind,
        "urls": acted.urls(),
        "client_id": acted.client_id(),
        "scopes": definition.scopes,
        "params": acted.params(),
        "users": USERS.map(|make| user(make())),
    });
    let client_secret = Some(acted.client_secret()).filter(|secret| !secret.is_empty()).map(Value::from);
    let client_key = acted
        .client_key()
        .map(|key| json!({"key_id": key.key_id(), "team_id": key.team_id(), "pem": key.pem()}));
    let more = [
        ("issuer", acted.issuer().map(Value::from)),
        ("client_secret", client_secret),
        ("client_key", client_key),
        ("client_auth", definition.client_auth.map(|method| method.as_str().into())),
    ];
    for (name, value) in more {
        value.into_iter().for_each(|value| facts[name] = value);
    }
    facts
}

fn introduce_acted(acted: &ActedProvider, sandbox: &str, output: &mut Output) {
    let definition = acted.definition();
    output.say(format!("\n{}", paint(&definition.display_name, STRONG)));
    output.row("issuer", acted.issuer().as_deref());
    for (name, url) in acted.urls() {
        output.row(name, &*url);
    }
    output.row("client ID", acted.client_id());
    output.row("client secret", Some(acted.client_secret()).filter(|secret| !secret.is_empty()));
    output.row("client auth", definition.client_auth.map(|method| method.as_str()));
    output
        .row("scopes", Some(&*definition.scopes.join(&definition.scope_separator)).filter(|s| !s.is_empty()));
    let mut key = String::new();
    if let Some(client_key) = acted.client_key() {
        output.row("key ID", client_key.key_id());
        output.row("team ID", client_key.team_id());
        output.say(client_key.pem().trim_end());
        key =
            format!(" --client-key FILE --key-id {} --team-id {}", client_key.key_id(), client_key.team_id());
    }
    output.command(&format!("  vouchsafe login {} --at {sandbox}{key}", definition.slug));
}

/// Everything that an application's settings and tests need, for a program.
fn facts(sandbox: &Sandbox, faults: &[Fault]) -> Value {
    let user = |user: User| {
        let verified = user.email().map(|_| user.email_verified());
        let mut facts =
            json!({"username": user.username(), "subject": user.subject(), "email_verified": verified});
        if let Some(email) = user.email() {
            facts["email"] = email.into();
        }
        facts
    };
    let users = USERS.map(|make| user(make()));
    json!({
        "url": sandbox.issuer(),
        "issuer": sandbox.issuer(),
        "client_id": sandbox.client_id(),
        "client_secret": sandbox.client_secret(),
        "public_client_id": sandbox.public_client_id(),
        "users": users,
        "faults": faults.iter().map(Fault::name).collect::<Vec<_>>(),
    })
}

fn introduce(sandbox: &Sandbox, faults: &[Fault], acts: bool, output: &mut Output) {
    let (issuer, client_id) = (sandbox.issuer(), sandbox.public_client_id());
    output.say("");
    if !acts {
        output.row("issuer", issuer);
        output.row("client ID", sandbox.client_id());
        output.row("client secret", sandbox.client_secret());
        output.row("public client", client_id);
    }
    output.row("redirect URI", "any on this machine, such as http://127.0.0.1:3000/callback");
    output.row("users", "alice (verified e-mail), bob (unverified e-mail), carol (no e-mail)");
    for fault in faults {
        output.row("fault", &*format!("{}: {}", fault.name(), fault.description()));
    }
    if !acts {
        output.say("");
        output.say("To sign in there, run in another terminal:");
        output.say("");
        output.command(&format!("  vouchsafe login --issuer {issuer} --client-id {client_id}"));
    }
    output.say("");
    output.say("Anybody can sign in as any user. Nothing is kept. Press Ctrl-C to stop the sandbox.");
}

const USERS: [fn() -> User; 3] = [User::alice, User::bob, User::carol];

/// Lists the faults by the place where they occur.
fn list_faults(output: &mut Output) {
    let faults = Fault::all();
    let width = faults.iter().map(|fault| fault.name().len()).max().unwrap_or_default();
    let mut last = None;
    for fault in &faults {
        let (name, refusal) = (fault.name(), fault.refusal());
        let mut facts = BTreeMap::from([
            ("name", &*name),
            ("place", fault.place().title()),
            ("description", fault.description()),
        ]);
        facts.extend(fault.endpoint().map(|endpoint| ("endpoint", endpoint.name())));
        if let Some(Refusal { step, kind, code, .. }) = refusal {
            facts.extend([("step", step.name()), ("kind", kind), ("code", code)]);
        }
        output.event(&Event::Fault(facts));
        let place = (fault.place(), fault.endpoint().filter(|_| fault.place() == Place::Wire));
        if last.replace(place) != Some(place) {
            let at = place.1.map(|endpoint| format!(", {} endpoint", endpoint.name())).unwrap_or_default();
            output.tell(format!("\n{}", paint(&format!("{}{at}", fault.place().title()), SOFT)));
        }
        let outcome = match refusal {
            Some(refusal) => format!("{} {}", refusal.kind, refusal.code),
            None => "the login succeeds".to_owned(),
        };
        let name = paint(&format!("{name:<width$}"), STRONG);
        output.say(format!("  {name}  {}: {}", fault.description(), paint(&outcome, CAUTION)));
    }
}
