//! A token answer's members as they came, read in one go.
use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::text::json::{self, Members, Names, Scalar, Skipped, Text};

/// The members of an answer as they came.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) access_token: Option<Scalar<'a>>,
    pub(super) token_type: Option<Scalar<'a>>,
    pub(super) expires_in: Option<Scalar<'a>>,
    pub(super) expires_at: Option<Scalar<'a>>,
    pub(super) refresh_token: Option<Scalar<'a>>,
    pub(super) id_token: Option<Scalar<'a>>,
    pub(super) scope: Option<Scope<'a>>,
    pub(super) has_error: bool,
    pub(super) has_more: bool,
}

/// Scopes as text, or as a list of texts.
pub(super) enum Scope<'a> {
    One(Scalar<'a>),
    Many(Vec<String>),
}

impl<'de> Deserialize<'de> for Scope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScopeVisitor)
    }
}

struct ScopeVisitor;

impl<'de> Visitor<'de> for ScopeVisitor {
    type Value = Scope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scopes")
    }

    fn visit_unit<E>(self) -> Result<Scope<'de>, E> {
        Ok(Scope::One(Scalar::Null))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scope<'de>, E> {
        Ok(Scope::One(Scalar::Bool))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Scope<'de>, E> {
        Ok(Scope::One(Scalar::Other))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Scope<'de>, E> {
        Ok(Scope::One(Scalar::Other))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scope<'de>, E> {
        Ok(Scope::One(Scalar::Other))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Scope<'de>, E> {
        Ok(Scope::One(Scalar::Text(Cow::Borrowed(value))))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scope<'de>, E> {
        Ok(Scope::One(Scalar::Text(Cow::Owned(value.to_owned()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scope<'de>, A::Error> {
        let (mut many, mut other) = (Vec::new(), false);
        while let Some(entry) = seq.next_element::<Scalar<'de>>()? {
            match entry {
                Scalar::Text(one) => many.push(one.into_owned()),
                _ => other = true,
            }
        }
        Ok(if other { Scope::One(Scalar::Other) } else { Scope::Many(many) })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scope<'de>, A::Error> {
        match Members::of(map)? {
            Members::Number(_) => Ok(Scope::One(Scalar::Other)),
            Members::Object(object) => object.skip().map(|()| Scope::One(Scalar::Other)),
        }
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        let mut others = Names::default();
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            let field = match &*name {
                "access_token" => &mut fields.access_token,
                "token_type" => &mut fields.token_type,
                "expires_in" => &mut fields.expires_in,
                "expires_at" => &mut fields.expires_at,
                "refresh_token" => &mut fields.refresh_token,
                "id_token" => &mut fields.id_token,
                "scope" => {
                    if fields.scope.replace(map.next_value()?).is_some() {
                        return Err(json::duplicate());
                    }
                    continue;
                }
                _ => {
                    // `"error": null` is how a few providers say that there is none.
                    let value: Option<Skipped> = map.next_value()?;
                    fields.has_error |= name == "error" && value.is_some();
                    fields.has_more = true;
                    if !others.insert(name) {
                        return Err(json::duplicate());
                    }
                    continue;
                }
            };
            if field.replace(map.next_value()?).is_some() {
                return Err(json::duplicate());
            }
        }
        Ok(fields)
    }
}
