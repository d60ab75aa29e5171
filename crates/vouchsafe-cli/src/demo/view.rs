//! A flow as it is shown and saved, and opened again: texts without secrets.
use serde::{Deserialize, Serialize};

use super::checks::{self, Check, Outcome};
use super::record::{MAX_STEPS, Message, Party, Refusal, Step};

/// A flow in the form of a trace file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Walk {
    /// Always [`FORMAT`].
    pub(super) format: String,
    pub(super) version: u32,
    /// The version of vouchsafe that has written it.
    pub(super) made_by: String,
    /// The provider's name for people.
    pub(super) provider: String,
    /// How the flow ended, as a sentence.
    pub(super) outcome: String,
    pub(super) steps: Vec<Shown>,
}

/// One step.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Shown {
    pub(super) from: Party,
    pub(super) to: Party,
    pub(super) title: String,
    pub(super) why: String,
    pub(super) request: Option<Message>,
    pub(super) response: Option<Message>,
    pub(super) took_ms: Option<u64>,
    pub(super) refusal: Option<Refusal>,
    pub(super) checks: Vec<Check>,
}

impl From<&Step> for Shown {
    fn from(step: &Step) -> Self {
        Self {
            from: step.from,
            to: step.to,
            title: step.told.0.to_owned(),
            why: step.told.1.to_owned(),
            request: step.request.clone(),
            response: step.response.clone(),
            took_ms: step.took.map(|took| took.as_millis().try_into().unwrap_or(u64::MAX)),
            refusal: step.refusal.clone(),
            checks: checks::of(step),
        }
    }
}

impl Walk {
    pub(super) fn new(provider: &str, steps: &[Step]) -> Self {
        let steps: Vec<_> = steps.iter().map(Shown::from).collect();
        let outcome = match (refused(&steps), steps.last()) {
            (Some((step, refusal, _)), _) => {
                format!("Refused by {} at the step “{}”: {}.", refusal.by, step.title, refusal.reason)
            }
            (None, Some(last)) => format!("The last step was “{}”.", last.title),
            (None, None) => "Nothing happened.".to_owned(),
        };
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            made_by: format!("vouchsafe {}", env!("CARGO_PKG_VERSION")),
            provider: provider.to_owned(),
            outcome,
            steps,
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads a file that anybody may have written. The error is a sentence for people.
    pub(super) fn read(file: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        if file.len() > MAX_FILE {
            return Err(format!(
                "The file has more than {} KiB, which is the limit for a trace.",
                MAX_FILE / 1024
            ));
        }
        let head: Head = serde_json::from_slice(file).map_err(|_| NO_TRACE.to_owned())?;
        if head.format != FORMAT {
            return Err(NO_TRACE.to_owned());
        }
        if head.version != VERSION {
            return Err(format!(
                "The trace has version {}, and this demo reads version {VERSION}. Open it with the version of vouchsafe that has \
                 written it.",
                head.version
            ));
        }
        let walk: Self = serde_json::from_slice(file).map_err(|error| {
            format!("The trace is damaged at line {}, column {}.", error.line(), error.column())
        })?;
        if walk.steps.len() > MAX_STEPS {
            return Err(format!("The trace has more than {MAX_STEPS} steps, which is the limit."));
        }
        Ok(walk)
    }
}

/// The step that was refused, why, and the check that refused it.
pub(super) fn refused(steps: &[Shown]) -> Option<(&Shown, &Refusal, Option<&Check>)> {
    let step = steps.iter().rfind(|step| step.refusal.is_some())?;
    let check = step.checks.iter().find(|check| check.outcome == Outcome::Refused);
    Some((step, step.refusal.as_ref()?, check))
}

pub(super) const FORMAT: &str = "vouchsafe-trace";
const VERSION: u32 = 1;
/// The longest trace file, in bytes. A usual one has some ten thousand.
pub(super) const MAX_FILE: usize = 2 * 1024 * 1024;
const NO_TRACE: &str =
    "The file is not a trace of this demo: a trace is a JSON file whose format is vouchsafe-trace.";

#[cfg(test)]
mod tests {
    use super::*;

    fn file(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
        let step = Step::new(Party::App, Party::Provider, ("Token request", "why"));
        let mut file = serde_json::to_value(Walk::new("Acme", &[step])).unwrap();
        change(&mut file);
        file.to_string().into_bytes()
    }

    #[test]
    fn a_trace_that_was_saved_can_be_opened_again() {
        let walk = Walk::read(&file(|_| ())).unwrap();
        assert_eq!((&*walk.provider, &*walk.steps[0].title), ("Acme", "Token request"));
        // A later version of the same format may add members.
        assert!(Walk::read(&file(|file| file["more"] = 1.into())).is_ok());
    }

    #[test]
    fn a_file_that_is_no_trace_is_refused_with_the_reason() {
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        let large = vec![b' '; MAX_FILE + 1];
        let many = file(|file| {
            let step = file["steps"][0].clone();
            file["steps"] = vec![step; MAX_STEPS + 1].into();
        });
        for (file, words) in [
            (b"".to_vec(), "not a trace"),
            (b"<html>".to_vec(), "not a trace"),
            (b"{\"format\": \"har\", \"version\": 1}".to_vec(), "not a trace"),
            (b"{\"format\": \"vouchsafe-trace\", \"version\": 1}".to_vec(), "damaged at line 1"),
            (vec![0xff, 0xfe], "not a trace"),
            (deep, "not a trace"),
            (large, "more than 2048 KiB"),
            (many, "more than 60 steps"),
            (file(|file| file["version"] = 2.into()), "has version 2, and this demo reads version 1"),
            (file(|file| file["steps"][0]["from"] = "attacker".into()), "damaged"),
            (file(|file| file["steps"] = "x".into()), "damaged"),
        ] {
            let error = Walk::read(&file).unwrap_err();
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
