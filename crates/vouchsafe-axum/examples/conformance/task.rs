//! The line of JSON that says which flow to play, with which provider and which registration.
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Position, Url};
use vouchsafe::Http;

use crate::failure::Failure;

/// One task.
#[derive(Debug, Deserialize)]
pub(crate) struct Task {
    #[serde(default)]
    pub(crate) module: String,
    #[serde(default)]
    pub(crate) plan: String,
    pub(crate) flow: String,
    pub(crate) issuer: String,
    #[serde(default)]
    pub(crate) alias: String,
    #[serde(default)]
    variant: Map<String, Value>,
    /// The registration, or for a dynamic client what to register.
    #[serde(default)]
    pub(crate) client: Map<String, Value>,
    pub(crate) redirect_uri: String,
    pub(crate) listen: String,
    pub(crate) public_url: String,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    #[serde(default)]
    pub(crate) parameters: Map<String, Value>,
    #[serde(default)]
    exposed: Map<String, Value>,
    /// Files by their names, a list of files, or their folder.
    #[serde(default)]
    keys: Value,
    #[serde(default)]
    ca_file: Option<PathBuf>,
    #[serde(default)]
    timeout: Option<f64>,
}

impl Task {
    /// Reads the task from standard input.
    pub(crate) fn read() -> Result<Self, Failure> {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        read.map_err(|error| Failure::task(format!("the task could not be read: {error}")))?;
        let wrong = |error| Failure::task(format!("the task is not as expected: {error}"));
        let mut members: Map<String, Value> = serde_json::from_str(&line).map_err(wrong)?;
        // A member that is null is one that is missing.
        members.retain(|_, value| !value.is_null());
        serde_json::from_value(Value::Object(members)).map_err(wrong)
    }

    /// A variant of the plan or of the module; empty if it is the default.
    pub(crate) fn variant(&self, name: &str) -> &str {
        self.variant.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the name of the module ends so.
    pub(crate) fn is_module(&self, end: &str) -> bool {
        self.module.ends_with(end)
    }

    pub(crate) fn is_fapi(&self) -> bool {
        self.plan.starts_with("fapi2-") || self.module.starts_with("fapi2-")
    }

    /// A text of the registration.
    pub(crate) fn registered(&self, name: &str) -> Option<&str> {
        self.client.get(name).and_then(Value::as_str)
    }

    /// A value that the module exposes.
    pub(crate) fn exposed(&self, name: &str) -> Result<&str, Failure> {
        let value = self.exposed.get(name).and_then(Value::as_str);
        value.ok_or_else(|| Failure::task(format!("the task does not expose {name}")))
    }

    /// The text of a file with keys.
    pub(crate) fn key_file(&self, name: &str) -> Result<String, Failure> {
        let is_named = |path: &Path| path.file_name().is_some_and(|file| file == name);
        let path = match &self.keys {
            Value::String(folder) => Some(Path::new(folder).join(name)),
            Value::Array(files) => {
                files.iter().filter_map(Value::as_str).map(PathBuf::from).find(|f| is_named(f))
            }
            Value::Object(files) => {
                let known = files.get(name).and_then(Value::as_str).map(PathBuf::from);
                known.or_else(|| {
                    files.values().filter_map(Value::as_str).map(PathBuf::from).find(|f| is_named(f))
                })
            }
            _ => None,
        };
        let path = path.ok_or_else(|| Failure::task(format!("the task names no file {name} in its keys")))?;
        text_of(&path)
    }

    /// A URL of this program.
    pub(crate) fn own_url(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.trim_end_matches('/'))
    }

    pub(crate) fn issuer_url(&self) -> Result<Url, Failure> {
        Url::parse(&self.issuer).map_err(|error| Failure::task(format!("the issuer is not a URL: {error}")))
    }

    /// The identifier that WebFinger is asked about.
    pub(crate) fn identifier(&self) -> Result<String, Failure> {
        let issuer = self.issuer_url()?;
        let host = &issuer[Position::BeforeHost..Position::AfterPort];
        let Self { alias, module, .. } = self;
        Ok(match self.is_module("-acct") {
            true => format!("acct:{alias}.{module}@{host}"),
            false => format!("{}://{host}/{alias}/{module}", issuer.scheme()),
        })
    }

    pub(crate) fn http(&self) -> Result<Http, Failure> {
        let mut builder = Http::builder();
        if let Some(file) = &self.ca_file {
            builder = builder.certificate_authority(text_of(file)?);
        }
        if let Some(seconds) = self.timeout {
            let limit = Duration::try_from_secs_f64(seconds);
            builder = builder.timeout(limit.map_err(|error| Failure::task(format!("timeout: {error}")))?);
        }
        let (http, issuer) = (builder.build()?, self.issuer_url()?);
        // A provider on this machine, to try the program out.
        Ok(match issuer.host_str() {
            Some(host) if issuer.scheme() == "http" => http.danger_allow_http(host),
            _ => http,
        })
    }
}

fn text_of(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::task(format!("{} could not be read: {error}", path.display())))
}
