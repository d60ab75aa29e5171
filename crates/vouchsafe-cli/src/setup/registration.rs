//! The client's registration from the arguments.
use std::path::Path;

use vouchsafe::{ClientAuth, ClientBuilder, ClientCertificate, Credential, Registration, Secret, SigningKey};
use vouchsafe_sandbox::ActedProvider;

use crate::args::ClientArgs;
use crate::failure::Failure;
use crate::setup::file::read_text;
use crate::text;

/// The client's registration. The redirect URI is added later: its port is known only when the listener runs.
///
/// `signing` is the name of the provider if it accepts only client secrets that a key signs.
///
/// At a sandbox that acts the provider, the client is the one that the sandbox knows, unless the arguments name another.
pub(crate) fn registration(
    args: &ClientArgs,
    signing: Option<&str>,
    acted: Option<&ActedProvider>,
) -> Result<Registration, Failure> {
    registration_with(args, || secret(args), signing, acted)
}

/// The same with a client secret that was found elsewhere.
pub(crate) fn registration_with(
    args: &ClientArgs,
    secret: impl FnOnce() -> Result<Option<Secret>, Failure>,
    signing: Option<&str>,
    acted: Option<&ActedProvider>,
) -> Result<Registration, Failure> {
    let given = args.client_id.as_deref().filter(|id| !id.is_empty());
    let acted = acted.filter(|acted| given.is_none_or(|id| id == acted.client_id()));
    let Some(id) = given.or(acted.map(ActedProvider::client_id)) else {
        let message = "The client ID is missing. The provider shows it where you registered your application. Give it with \
                       --client-id, or set VOUCHSAFE_CLIENT_ID";
        return Err(Failure::usage("client_id", message));
    };
    let registration = args.audiences.iter().fold(Registration::new(id), Registration::trusted_audience);
    let registration = match &args.id_token_algs {
        algorithms if algorithms.is_empty() => registration,
        algorithms => registration.id_token_algorithms(algorithms),
    };
    let registration = match &args.client_cert {
        Some(path) => {
            let pem = read_text("--client-cert", path, "client_certificate")?;
            registration.certificate(ClientCertificate::from_pem(pem)?)
        }
        None => registration,
    };
    let registration = match &args.dpop_key {
        Some(pem) => registration.dpop(SigningKey::from_pem(pem.as_str())?),
        None => registration,
    };
    let registration = match &args.client_auth {
        Some(method) => registration.client_auth(client_auth(method)?),
        None => registration,
    };
    if let Some(path) = &args.client_key {
        let key = match signing {
            Some(_) => apple_key(path, args)?,
            None => private_key(path, args)?,
        };
        return Ok(registration.credential(key));
    }
    let own = acted.map(ActedProvider::client_secret).filter(|secret| !secret.is_empty());
    let own = own.filter(|_| args.client_auth.as_deref() != Some("none"));
    let secret = secret()?.or(own.map(Secret::new));
    if let (None, Some(name)) = (&secret, signing) {
        let message = format!(
            "{name} accepts only client secrets that are signed with your key. Give the file of the key with --client-key, \
             its ID with --key-id, and the ID of your developer team with --team-id"
        );
        return Err(Failure::usage("client_key", message));
    }
    Ok(secret.into_iter().fold(registration, Registration::secret))
}

/// Makes the keys that a new login needs.
pub(crate) fn make_keys(args: &mut ClientArgs) -> Result<(), Failure> {
    if args.dpop {
        args.dpop_key = Some(SigningKey::generate_pem("ES256")?.expose().to_owned());
    }
    Ok(())
}

/// How authorization requests go to the provider.
pub(crate) fn requests(args: &ClientArgs, builder: ClientBuilder) -> ClientBuilder {
    let builder = if args.par { builder.pushed_requests() } else { builder };
    let builder = if args.jar { builder.signed_requests() } else { builder };
    if args.jarm { builder.signed_responses() } else { builder }
}

/// The private key by which the client authenticates.
fn private_key(path: &Path, args: &ClientArgs) -> Result<Credential, Failure> {
    if args.team_id.is_some() {
        let message = "--team-id is for a provider that requires client secrets which are signed with a key, such as apple, and this one does \
                       not: leave it out";
        return Err(Failure::usage("client_key", message));
    }
    let text = Secret::new(read_text("--client-key", path, "client_key")?);
    let is_jwk = text.expose().trim_start().starts_with('{');
    let key = if is_jwk { SigningKey::from_jwk(text) } else { SigningKey::from_pem(text) }?;
    let key = args.key_id.iter().fold(key, SigningKey::key_id);
    Ok(match &args.client_attestation {
        Some(attestation) => Credential::attestation_file(attestation, key),
        None => Credential::private_key(key),
    })
}

fn apple_key(path: &Path, args: &ClientArgs) -> Result<Credential, Failure> {
    let id = |option: &str, id: &Option<String>| {
        id.clone().filter(|id| !id.is_empty()).ok_or_else(|| {
            let message = format!(
                "{option} is missing. A signed client secret contains the ID of the key and the ID of your developer team. \
                 The provider shows both where you download the key: give them with --key-id and --team-id"
            );
            Failure::usage("client_key", message)
        })
    };
    let (key_id, team_id) = (id("--key-id", &args.key_id)?, id("--team-id", &args.team_id)?);
    let pem = Secret::new(read_text("--client-key", path, "client_key")?);
    Ok(Credential::apple_key(team_id, key_id, pem))
}

/// The client secret in a file or in the variable.
pub(crate) fn secret(args: &ClientArgs) -> Result<Option<Secret>, Failure> {
    let Some(path) = &args.client_secret_file else {
        let not_text =
            |_| Failure::usage("client_secret", "VOUCHSAFE_CLIENT_SECRET is not UTF-8 text: set it again");
        // Scripts often set a variable to nothing to leave it out.
        let variable = std::env::var_os("VOUCHSAFE_CLIENT_SECRET").filter(|secret| !secret.is_empty());
        return variable.map(|secret| secret.into_string().map(Secret::new)).transpose().map_err(not_text);
    };
    let text = Secret::new(read_text("--client-secret-file", path, "client_secret")?);
    let line = text.expose();
    let line = line.strip_suffix("\r\n").or(line.strip_suffix('\n')).unwrap_or(line);
    if line.is_empty() {
        let message = format!("--client-secret-file {} is empty: write the secret into it", path.display());
        return Err(Failure::usage("client_secret", message));
    }
    Ok(Some(Secret::new(line)))
}

fn client_auth(method: &str) -> Result<ClientAuth, Failure> {
    ClientAuth::from_name(method).ok_or_else(|| {
        let methods: Vec<_> = ClientAuth::ALL.iter().map(|method| method.as_str()).collect();
        let message =
            format!("--client-auth {} is not a method of client authentication", text::short(method, 60));
        Failure::usage("invalid_argument", message).advise(&format!("Choose one of {}.", methods.join(", ")))
    })
}
