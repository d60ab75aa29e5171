//! The issuer: with its marks, with their values, and as tokens have it.

use std::collections::BTreeMap;

use vouchsafe_providers::Definition;

use super::Part;
use super::template::{Template, fill};

/// The issuer of a moved definition, with its marks.
pub(super) fn issuer(definition: &Definition) -> Option<String> {
    let of_document = || Some(definition.discovery.as_deref()?.strip_suffix(WELL_KNOWN)?.to_owned());
    definition.issuer.clone().or_else(of_document)
}

impl Part {
    /// The URL of the metadata document.
    pub(super) fn document(&self) -> String {
        let by_issuer = || format!("{}{WELL_KNOWN}", self.issuer.trim_end_matches('/'));
        self.definition.discovery.clone().unwrap_or_else(by_issuer)
    }

    /// The claim `iss` of ID tokens.
    pub(crate) fn token_issuer(&self, marks: &BTreeMap<String, String>) -> String {
        let template = self.definition.issuer_template.as_ref().unwrap_or(&self.issuer);
        let claim = |name: &str| match name {
            "tid" => self.tenant(marks).unwrap_or_else(|| TENANT.to_owned()),
            name => {
                let known = marks.get(name).or_else(|| self.params.get(name)).cloned();
                known.unwrap_or_else(|| format!("sandbox-{name}"))
            }
        };
        fill(template, &|name| Some(claim(name))).unwrap_or_default()
    }

    /// The issuer with the values of the request's own URL.
    pub(crate) fn filled_issuer(&self, marks: &BTreeMap<String, String>) -> Option<String> {
        self.fill(&self.issuer, marks)
    }

    /// The claims that the template of the issuer is checked with.
    pub(crate) fn issuer_claims(&self, issuer: &str) -> BTreeMap<String, String> {
        let template = self.definition.issuer_template.as_ref();
        template.map(|template| marks_of(template, issuer)).unwrap_or_default()
    }

    /// The issuer in the metadata. Where `iss` depends on the token, the document has a mark in its place, as at
    /// Microsoft.
    pub(crate) fn announced_issuer(&self, marks: &BTreeMap<String, String>) -> String {
        let Some(template) = &self.definition.issuer_template else {
            return self.filled_issuer(marks).unwrap_or_else(|| self.issuer.clone());
        };
        // Words such as `common` stand for all tenants; an identifier or a domain stands for one.
        let is_domain = self.asked_tenant(marks).is_some_and(|asked| asked.contains('.'));
        if is_domain || self.tenant(marks).is_some() {
            return self.token_issuer(marks);
        }
        let mark = |name: &str| match name {
            "tid" => "{tenantid}".to_owned(),
            name => marks.get(name).cloned().unwrap_or_else(|| format!("{{{name}}}")),
        };
        fill(template, &|name| Some(mark(name))).unwrap_or_default()
    }

    /// The tenant that the issuer names by its identifier.
    fn tenant(&self, marks: &BTreeMap<String, String>) -> Option<String> {
        let is_part = |b: u8| b.is_ascii_hexdigit() || b == b'-';
        self.asked_tenant(marks).filter(|asked| asked.len() == 36 && asked.bytes().all(is_part))
    }

    fn asked_tenant(&self, marks: &BTreeMap<String, String>) -> Option<String> {
        let issuer = self.filled_issuer(marks)?;
        marks_of(self.definition.issuer_template.as_ref()?, &issuer).remove("tid")
    }
}

const WELL_KNOWN: &str = "/.well-known/openid-configuration";
/// A provider with a template for its issuer has many tenants. The sandbox's users are in this one.
const TENANT: &str = "a5f1c9d2-0000-4000-8000-76f0e5a2d001";

/// The value of each mark of the template in an issuer that was made of it.
fn marks_of(template: &str, issuer: &str) -> BTreeMap<String, String> {
    Template::new(template, "").and_then(|template| template.capture(issuer)).unwrap_or_default()
}
