use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// A JSON document: a profile, claims, metadata, or one member of them.
///
/// ```
/// let profile: vouchsafe::Json = r#"{"id": 7, "plan": {"name": "free"}}"#.parse()?;
/// assert_eq!(profile.get("id").and_then(|id| id.as_i64()), Some(7));
/// assert_eq!(profile.str_at("/plan/name"), Some("free"));
/// # Ok::<(), vouchsafe::InvalidJson>(())
/// ```
#[derive(Clone, PartialEq)]
#[repr(transparent)]
pub struct Json(Value);

impl Json {
    /// The member of that name, if this is an object that has it.
    pub fn get(&self, name: &str) -> Option<Json> {
        self.0.get(name).cloned().map(Self)
    }

    /// What a JSON Pointer (RFC 6901) points at.
    pub fn pointer(&self, pointer: &str) -> Option<Json> {
        self.0.pointer(pointer).cloned().map(Self)
    }

    /// The text that a JSON Pointer points at, if it is one.
    pub fn str_at(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str()
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_str()
    }

    /// The whole number, if this is one.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.as_i64()
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        self.0.as_bool()
    }

    /// The entries, if this is an array; none otherwise.
    pub fn entries(&self) -> impl Iterator<Item = Json> {
        self.0.as_array().into_iter().flatten().cloned().map(Self)
    }

    /// The names of the members, if this is an object; none otherwise.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.as_object().into_iter().flat_map(|o| o.keys()).map(String::as_str)
    }

    /// The document as a type of your own.
    ///
    /// # Errors
    /// The document does not have the shape of that type.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, InvalidJson> {
        T::deserialize(&self.0).map_err(|e| InvalidJson(e.to_string()))
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0
    }

    /// This object without those members.
    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        if let Value::Object(members) = &mut self.0 {
            members.retain(|name, _| !names.contains(&name.as_str()));
        }
        self
    }

    pub(crate) fn text(text: String) -> Self {
        Self(Value::String(text))
    }

    /// An object with that one member.
    pub(crate) fn object(name: &str, value: Json) -> Self {
        Self(Value::Object([(name.to_owned(), value.0)].into_iter().collect()))
    }

    /// This object, with the members of another that it lacks.
    pub(crate) fn with_more_from(mut self, other: Json) -> Self {
        if let (Value::Object(mine), Value::Object(more)) = (&mut self.0, other.0) {
            for (name, value) in more {
                mine.entry(name).or_insert(value);
            }
            mine.sort_keys();
        }
        self
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Json {
    type Err = InvalidJson;

    fn from_str(text: &str) -> Result<Self, InvalidJson> {
        parse(text.as_bytes())
    }
}

/// Numbers are written as numbers in every format, also where serde_json keeps them as text (`arbitrary_precision`).
impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written(&self.0).serialize(serializer)
    }
}

struct Written<'a>(&'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => serializer.serialize_u64(number),
                (_, Some(number), _) => serializer.serialize_i64(number),
                (.., Some(number)) => serializer.serialize_f64(number),
                _ => number.serialize(serializer),
            },
            Value::Array(entries) => serializer.collect_seq(entries.iter().map(Self)),
            Value::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, Self(value))))
            }
            plain => plain.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Strict::deserialize(deserializer).map(|s| Self(s.0))
    }
}

/// Text that is not JSON, or JSON of another shape.
#[derive(Clone, Debug)]
pub struct InvalidJson(String);

impl fmt::Display for InvalidJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidJson {}

/// Reads one JSON document. The message of an error says where it is wrong, and never what stands there.
pub(crate) fn parse(text: &[u8]) -> Result<Json, InvalidJson> {
    read::<Json>(text)
}

/// Text, if it is valid UTF-8. serde_json checks what it hands out, not what it skips.
pub(crate) fn utf8(text: Vec<u8>) -> Result<String, InvalidJson> {
    String::from_utf8(text).map_err(|e| not_utf8(e.utf8_error()))
}

/// Reads one JSON document into a type that borrows from it.
pub(crate) fn read<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T, InvalidJson> {
    read_text(std::str::from_utf8(text).map_err(not_utf8)?)
}

/// The same, for text.
pub(crate) fn read_text<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, InvalidJson> {
    serde_json::from_str(text).map_err(|e| {
        let what = match e.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Data if e.to_string().starts_with(DUPLICATE) => DUPLICATE,
            serde_json::error::Category::Data if !e.to_string().starts_with(OUT_OF_RANGE) => {
                "it is not an object"
            }
            _ => "it is not JSON",
        };
        InvalidJson(format!("{what} (line {}, column {})", e.line(), e.column()))
    })
}

fn not_utf8(error: std::str::Utf8Error) -> InvalidJson {
    InvalidJson(format!("invalid UTF-8 at byte {}", error.valid_up_to()))
}

const DUPLICATE: &str = "a member stands there twice";
/// serde_json's own words.
const OUT_OF_RANGE: &str = "number out of range";

/// The error for a member that stands in an object twice: which one counts is anybody's guess, so neither does.
pub(crate) fn duplicate<E: de::Error>() -> E {
    E::custom(DUPLICATE)
}

/// Remembers the names of an object's members, to find one that comes twice.
#[derive(Default)]
pub(crate) struct Names<'a> {
    /// The first few, which are all that most objects have.
    few: [&'a str; 16],
    len: usize,
    /// What is beyond, and what had to be unescaped.
    many: Option<HashSet<Cow<'a, str>>>,
}

impl<'a> Names<'a> {
    /// Whether the name is new.
    #[inline]
    pub(crate) fn insert(&mut self, name: Cow<'a, str>) -> bool {
        if self.few[..self.len].iter().any(|known| *known == name)
            || self.many.as_ref().is_some_and(|many| many.contains(&name))
        {
            return false;
        }
        match (name, self.few.get_mut(self.len)) {
            (Cow::Borrowed(name), Some(slot)) => {
                *slot = name;
                self.len += 1;
            }
            (name, _) => {
                self.many.get_or_insert_default().insert(name);
            }
        }
        true
    }
}

/// A text that borrows where it can.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A member's value, as far as a check needs it; arrays and objects are skipped, but no less strictly than they would be
/// read: what is accepted here can be read as a whole later.
#[derive(Debug)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool,
    Number(f64),
    Text(Cow<'a, str>),
    Other,
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Bool)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Scalar<'de>, A::Error> {
        Skipped.visit_seq(seq).map(|Skipped| Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scalar<'de>, A::Error> {
        match Members::of(map)? {
            Members::Number(number) => Ok(Scalar::Number(number)),
            Members::Object(object) => object.skip().map(|()| Scalar::Other),
        }
    }
}

/// A value that is not read, and must be sound all the same: what one reader skips another may not.
pub(crate) struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self, A::Error> {
        match Members::of(map)? {
            Members::Number(_) => Ok(self),
            Members::Object(object) => object.skip().map(|()| self),
        }
    }
}

/// A whole document in which no object has a member twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    // A number of more than 64 bits comes so from a `Value` alone, and from some other formats.
    fn visit_i128<E>(self, value: i128) -> Result<Strict, E> {
        Ok(Strict((value as f64).into()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Strict, E> {
        Ok(Strict((value as f64).into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
        let mut entries = Vec::new();
        while let Some(Strict(entry)) = seq.next_element()? {
            entries.push(entry);
        }
        Ok(Strict(entries.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Strict, A::Error> {
        let mut object = match Members::of(map)? {
            Members::Number(number) => return Ok(Strict(number.into())),
            Members::Object(object) => object,
        };
        let mut members = serde_json::Map::new();
        while let Some(name) = object.next()? {
            let Strict(value) = object.map.next_value()?;
            if members.insert(name.into_owned(), value).is_some() {
                return Err(duplicate());
            }
        }
        // In one order, also where serde_json keeps that of the document (`preserve_order`).
        members.sort_keys();
        Ok(Strict(members.into()))
    }
}

/// What serde_json shows as a map: an object. Or a number, if another crate of the program has switched on its feature
/// `arbitrary_precision`; then that is what it would have been without.
pub(crate) enum Members<'de, A> {
    Number(f64),
    Object(Object<'de, A>),
}

impl<'de, A: MapAccess<'de>> Members<'de, A> {
    pub(crate) fn of(mut map: A) -> Result<Self, A::Error> {
        let first = match map.next_key()? {
            Some(Name::OfNumber) => {
                let Text(digits) = map.next_value()?;
                // Whole numbers of 64 bits are never shown so; what is beyond the largest number is none.
                let number = digits.parse().ok().filter(|number: &f64| number.is_finite());
                return number.map(Self::Number).ok_or_else(|| de::Error::custom(OUT_OF_RANGE));
            }
            Some(Name::Of(name)) => Some(name),
            None => None,
        };
        Ok(Self::Object(Object { map, first }))
    }
}

/// An object whose first name has been read.
pub(crate) struct Object<'de, A> {
    map: A,
    first: Option<Cow<'de, str>>,
}

impl<'de, A: MapAccess<'de>> Object<'de, A> {
    fn next(&mut self) -> Result<Option<Cow<'de, str>>, A::Error> {
        match self.first.take() {
            Some(name) => Ok(Some(name)),
            None => Ok(self.map.next_key()?.map(|Text(name)| name)),
        }
    }

    /// Reads it to its end, for what is wrong with it.
    pub(crate) fn skip(mut self) -> Result<(), A::Error> {
        let mut names = Names::default();
        while let Some(name) = self.next()? {
            let Skipped = self.map.next_value()?;
            if !names.insert(name) {
                return Err(duplicate());
            }
        }
        Ok(())
    }
}

/// A member's name, or the one by which serde_json tells that what follows is a number. It is text that may stand in a
/// document as well: there, it is a name like any other.
enum Name<'de> {
    Of(Cow<'de, str>),
    OfNumber,
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A name that is read from a document is there, so it comes as `Some`. The other one comes as text whatever is
        // asked for.
        deserializer.deserialize_option(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name<'de>, D::Error> {
        Text::deserialize(deserializer).map(|Text(name)| Name::Of(name))
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(if name == NUMBER { Name::OfNumber } else { Name::Of(Cow::Borrowed(name)) })
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name::Of(Cow::Owned(name.to_owned())))
    }
}

/// serde_json's name for a number.
const NUMBER: &str = "$serde_json::private::Number";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_stands_twice_is_refused() {
        let error = parse(br#"{"a": {"b": 1, "b": 2}}"#).unwrap_err().to_string();
        assert!(error.starts_with("a member stands there twice"), "{error}");
        assert!(parse(br#"{"a": {"b": 1}, "b": 2}"#).is_ok());
        assert!(read::<Scalar<'_>>(br#"[{"b": 1, "b": 2}]"#).is_err());
        assert!(read::<Scalar<'_>>(br#"[{"b": 1}, {"b": 2}]"#).is_ok());
    }

    #[test]
    fn what_nobody_reads_must_be_sound_too() {
        for text in [
            r#"{"a": {"b": 1, "b": 2}}"#.to_owned(),
            r#"[{"a": 1, "\u0061": 2}]"#.to_owned(),
            r#""\ud800""#.to_owned(),
            "1e999".to_owned(),
            format!("{}{}", "[".repeat(5000), "]".repeat(5000)),
        ] {
            assert!(read::<Skipped>(text.as_bytes()).is_err(), "{text:.40}");
            assert!(read::<Scalar<'_>>(text.as_bytes()).is_err(), "{text:.40}");
        }
        assert!(read::<Skipped>(br#"{"a": [1, -1, 1.5, null, true, "\n", {}], "b": {"a": 1}}"#).is_ok());
    }

    #[test]
    fn what_follows_the_document_is_refused() {
        assert!(parse(b"{} {}").is_err());
        assert!(parse(b"{}\n").is_ok());
    }

    #[test]
    fn invalid_utf8_is_refused_even_where_nobody_looks() {
        assert!(read::<Scalar<'_>>(b"[\"\xff\"]").is_err());
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(parse(deep.as_bytes()).is_err());
        assert!(read::<Scalar<'_>>(deep.as_bytes()).is_err());
    }

    #[test]
    fn an_error_does_not_quote_the_document() {
        let error = parse(br#"{"access_token": "hush" oops}"#).unwrap_err().to_string();
        assert!(!error.contains("hush") && error.contains("line 1"), "{error}");
    }

    /// As serde_json reads numbers as they are, whatever features it has: the same test holds with all of them.
    #[test]
    fn a_number_is_a_number_whatever_serde_json_makes_of_it() {
        let entries = |text: &str| parse(text.as_bytes()).unwrap().into_value();
        let numbers = entries("[7, -7, 1.5, 1e3, 18446744073709551615, 18446744073709551616, -0, 1e-400]");
        let as_f64 = |at: usize| numbers[at].as_f64();
        assert_eq!((numbers[0].as_u64(), numbers[1].as_i64()), (Some(7), Some(-7)));
        assert_eq!((as_f64(2), as_f64(3), numbers[3].as_i64()), (Some(1.5), Some(1000.0), None));
        assert_eq!((numbers[4].as_u64(), numbers[5].as_u64()), (Some(u64::MAX), None));
        assert_eq!((as_f64(5), as_f64(7)), (Some(2_f64.powi(64)), Some(0.0)));
        assert_eq!((as_f64(6).map(f64::is_sign_negative), numbers[6].as_i64()), (Some(true), None));
        let shown = "[7,-7,1.5,1000.0,18446744073709551615,1.8446744073709552e+19,-0.0,0.0]";
        assert_eq!(numbers.to_string(), shown);
        assert_eq!(serde_json::to_string(&Json::from(numbers.clone())).unwrap(), shown);
        let again: Json = serde_json::from_value(numbers.clone()).unwrap();
        assert_eq!(*again.value(), numbers);

        for (text, number) in
            [("1.5", 1.5), ("-0", 0.0), ("12345678901234567890123", 12_345_678_901_234_567_890_123.0)]
        {
            let Scalar::Number(read) = read::<Scalar<'_>>(text.as_bytes()).unwrap() else { panic!("{text}") };
            assert_eq!(read, number, "{text}");
        }
        for text in ["1e400", "-1e400", "[1e400]", r#"{"a": 1e400}"#] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("it is not JSON"), "{error}");
            assert!(read::<Scalar<'_>>(text.as_bytes()).is_err(), "{text}");
            assert!(read::<Skipped>(text.as_bytes()).is_err(), "{text}");
        }
    }

    /// As serde_json shows numbers with `arbitrary_precision`, whether or not it has that feature here.
    #[test]
    fn a_number_that_is_shown_as_a_map_is_a_number() {
        use serde::de::value::{BorrowedStrDeserializer, Error, MapDeserializer};
        fn shown<'de, T: Deserialize<'de>>(digits: &'de str) -> Result<T, Error> {
            let name = BorrowedStrDeserializer::<Error>::new(NUMBER);
            T::deserialize(MapDeserializer::new([(name, digits)].into_iter()))
        }
        for (digits, number) in
            [("1.5", 1.5), ("-0", -0.0), ("1e+3", 1000.0), ("18446744073709551616", 2_f64.powi(64))]
        {
            assert_eq!(shown::<Json>(digits).unwrap().value().as_f64(), Some(number), "{digits}");
            assert!(
                matches!(shown::<Scalar<'_>>(digits), Ok(Scalar::Number(read)) if read == number),
                "{digits}"
            );
            assert!(shown::<Skipped>(digits).is_ok(), "{digits}");
        }
        for digits in ["1e400", "-1e400", "inf", "NaN", "x"] {
            assert!(shown::<Json>(digits).is_err() && shown::<Scalar<'_>>(digits).is_err(), "{digits}");
            assert!(shown::<Skipped>(digits).is_err(), "{digits}");
        }
    }

    #[test]
    fn an_object_does_not_pass_for_a_number_by_the_name_of_its_member() {
        for text in [
            r#"{"$serde_json::private::Number": "7"}"#,
            r#"{"$serde_json::private::\u004eumber": "7"}"#,
            r#"{"$serde_json::private::RawValue": "7"}"#,
            r#"{"$serde_json::private::Number": "7", "a": 1}"#,
            r#"{"a": 1, "$serde_json::private::Number": "7"}"#,
        ] {
            let json = parse(text.as_bytes()).unwrap();
            assert!(json.value().is_object() && json.names().any(|n| n.starts_with("$serde")), "{text}");
            assert!(matches!(read::<Scalar<'_>>(text.as_bytes()), Ok(Scalar::Other)), "{text}");
            assert!(read::<Skipped>(text.as_bytes()).is_ok(), "{text}");
        }
        let twice = r#"{"$serde_json::private::Number": "7", "$serde_json::private::Number": "7"}"#;
        assert!(parse(twice.as_bytes()).is_err() && read::<Skipped>(twice.as_bytes()).is_err());
    }

    #[test]
    fn members_stand_in_one_order() {
        let json = parse(br#"{"b": {"z": 1, "y": 2}, "a": 1}"#)
            .unwrap()
            .with_more_from(Json::object("aa", Value::from(2).into()));
        assert_eq!(json.to_string(), r#"{"a":1,"aa":2,"b":{"y":2,"z":1}}"#);
        assert_eq!(json.names().collect::<Vec<_>>(), ["a", "aa", "b"]);
    }

    #[test]
    fn names_are_remembered_beyond_the_first_few() {
        let mut names = Names::default();
        for i in 0..40 {
            assert!(names.insert(Cow::Owned(format!("n{i}"))));
        }
        assert!(!names.insert(Cow::Borrowed("n3")));
        assert!(!names.insert(Cow::Borrowed("n39")));
    }
}
