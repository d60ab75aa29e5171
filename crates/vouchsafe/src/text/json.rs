//! JSON, read strictly: no member twice, nothing behind the document, and the same checks for values that are skipped.
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Number;
pub(crate) use serde_json::{Map, Value};
use zeroize::Zeroize;

use crate::secret::{Secret, opaque};

/// A text is not JSON, or not JSON of the expected shape. The message gives the place, never the text.
#[derive(Debug)]
pub(crate) struct JsonError(String);

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads one JSON document.
pub(crate) fn parse(text: &[u8]) -> Result<Value, JsonError> {
    let mut value = Value::Null;
    read(as_text(text)?, Strict(&mut value))?;
    Ok(value)
}

/// The members with these names of one JSON object, and whether it has others. The others are skipped, but a document
/// that is accepted here can also be read as a whole.
pub(crate) fn pick<'t, const N: usize>(
    text: &'t str,
    names: &[&str; N],
) -> Result<([Option<Scalar<'t>>; N], bool), JsonError> {
    let mut members = [const { None }; N];
    let has_others = pick_into(text, |name| names.iter().position(|known| *known == name), &mut members)?;
    Ok((members, has_others))
}

/// The same for members that have a place each, which is found by the name.
pub(crate) fn pick_into<'t>(
    text: &'t str,
    place: impl Fn(&str) -> Option<usize>,
    members: &mut [Option<Scalar<'t>>],
) -> Result<bool, JsonError> {
    read(text, Pick { place, members })
}

/// Checks that bytes are UTF-8. serde_json does not check the strings that it skips.
pub(crate) fn as_text(bytes: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(bytes).map_err(not_utf8)
}

/// The same for bytes that are owned.
pub(crate) fn into_text(bytes: Vec<u8>) -> Result<String, JsonError> {
    String::from_utf8(bytes).map_err(|e| not_utf8(e.utf8_error()))
}

fn not_utf8(error: std::str::Utf8Error) -> JsonError {
    JsonError(format!("invalid UTF-8 at byte {}", error.valid_up_to()))
}

fn read<'t, S: DeserializeSeed<'t>>(text: &'t str, seed: S) -> Result<S::Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|e| {
        let problem = match e.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Data if e.to_string().starts_with(DUPLICATE) => DUPLICATE,
            serde_json::error::Category::Data if !e.to_string().starts_with(OUT_OF_RANGE) => {
                "it is not an object"
            }
            _ => "it is not JSON",
        };
        JsonError(format!("{problem} (line {}, column {})", e.line(), e.column()))
    })
}

const DUPLICATE: &str = "duplicate member";
/// This is serde_json's own message.
const OUT_OF_RANGE: &str = "number out of range";

/// Adds the members of `more` that `members` lacks.
pub(crate) fn add_missing(members: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        members.entry(name).or_insert(value);
    }
    // One order, also if serde_json keeps the order of insertion (`preserve_order`).
    members.sort_keys();
}

/// An object that is kept as text and parsed when it is read for the first time. Both are wiped when it is dropped.
#[derive(Clone)]
pub(crate) struct LazyObject {
    text: Secret,
    /// Members of the text that do not belong to the object.
    without: &'static [&'static str],
    members: OnceLock<Arc<Value>>,
}

impl LazyObject {
    pub(crate) fn new(text: impl Into<Secret>, without: &'static [&'static str]) -> Self {
        Self { text: text.into(), without, members: OnceLock::new() }
    }

    /// The object. The text was checked before it was kept; if it were not an object, this would have no members.
    pub(crate) fn value(&self) -> &Value {
        self.shared()
    }

    /// The same for an owner that may outlast this one, and then wipes nothing.
    pub(crate) fn shared(&self) -> &Arc<Value> {
        self.members.get_or_init(|| match parse(self.text.expose().as_bytes()) {
            Ok(Value::Object(mut members)) => {
                if !self.without.is_empty() {
                    members.retain(|name, _| !self.without.contains(&name.as_str()));
                }
                Arc::new(Value::Object(members))
            }
            _ => Arc::new(Value::Object(Map::new())),
        })
    }
}

opaque!(LazyObject);

impl From<Value> for LazyObject {
    fn from(value: Value) -> Self {
        Self { text: Secret::new(""), without: &[], members: OnceLock::from(Arc::new(value)) }
    }
}

impl Drop for LazyObject {
    fn drop(&mut self) {
        if let Some(value) = self.members.get_mut().and_then(Arc::get_mut) {
            wipe(value);
        }
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(entries) => entries.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text that borrows if it has no escapes.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The value of a member, as far as a check needs it.
#[derive(Debug, Default)]
pub(crate) enum Scalar<'a> {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    /// An array of texts.
    Texts(Vec<Cow<'a, str>>),
    /// Another array, or an object.
    Other,
}

impl From<Scalar<'_>> for Value {
    fn from(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Null | Scalar::Other => Self::Null,
            Scalar::Bool(value) => value.into(),
            Scalar::Number(number) => number.into(),
            Scalar::Text(text) => text.into(),
            Scalar::Texts(texts) => texts.into_iter().collect(),
        }
    }
}

/// What is kept of a value that is read: the whole of it, or as much as a [`Scalar`] holds.
trait Kept<'a>: Default + From<Scalar<'a>> {
    fn array(entries: Vec<Self>) -> Self;

    /// An object, whose members are sorted.
    fn object(members: Vec<(Cow<'a, str>, Self)>) -> Self;
}

impl<'a> Kept<'a> for Value {
    fn array(entries: Vec<Self>) -> Self {
        entries.into()
    }

    fn object(members: Vec<(Cow<'a, str>, Self)>) -> Self {
        members.into_iter().collect()
    }
}

impl<'a> Kept<'a> for Scalar<'a> {
    fn array(entries: Vec<Self>) -> Self {
        let text = |entry| if let Self::Text(text) = entry { Some(text) } else { None };
        entries.into_iter().map(text).collect::<Option<_>>().map_or(Self::Other, Self::Texts)
    }

    fn object(_: Vec<(Cow<'a, str>, Self)>) -> Self {
        Self::Other
    }
}

/// Reads a value into its place. It is checked strictly however little is kept, because another parser may read the rest.
struct Strict<'p, T>(&'p mut T);

impl<'de, T: Kept<'de>> Strict<'_, T> {
    fn put<E>(self, value: T) -> Result<(), E> {
        *self.0 = value;
        Ok(())
    }
}

impl<'de, T: Kept<'de>> DeserializeSeed<'de> for Strict<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Kept<'de>> Visitor<'de> for Strict<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put(Scalar::Null.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(Scalar::Bool(value).into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.put(Scalar::Number(value.into()).into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.put(Scalar::Number(value.into()).into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.put(Number::from_f64(value).map_or(Scalar::Null, Scalar::Number).into())
    }

    // Only a `Value` and some other formats have numbers of more than 64 bits.
    fn visit_i128<E: de::Error>(self, value: i128) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        self.put(Scalar::Text(Cow::Borrowed(value)).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.put(Scalar::Text(Cow::Owned(value.to_owned())).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let (mut entries, mut entry) = (Vec::new(), T::default());
        while seq.next_element_seed(Strict(&mut entry))?.is_some() {
            entries.push(std::mem::take(&mut entry));
        }
        self.put(T::array(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut next = match map.next_key()? {
            Some(Name::OfNumber) => {
                let Text(digits) = map.next_value()?;
                // Integers of 64 bits are never presented like this. A number out of range is an error.
                let number = digits.parse().ok().filter(|number: &f64| number.is_finite());
                return self.visit_f64(number.ok_or_else(|| de::Error::custom(OUT_OF_RANGE))?);
            }
            Some(Name::Of(name)) => Some(name),
            None => None,
        };
        let mut members = Vec::new();
        while let Some(name) = next {
            let mut value = T::default();
            map.next_value_seed(Strict(&mut value))?;
            members.push((name, value));
            next = map.next_key()?.map(|Text(name)| name);
        }
        sort(&mut members)?;
        self.put(T::object(members))
    }
}

/// Sorts members by name: for one order in all documents, also where serde_json keeps the order of the text
/// (`preserve_order`). No two have the same name.
fn sort<T, E: de::Error>(members: &mut [(Cow<'_, str>, T)]) -> Result<(), E> {
    members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let differ = members.windows(2).all(|two| two[0].0 != two[1].0);
    if differ { Ok(()) } else { Err(E::custom(DUPLICATE)) }
}

/// Reads the members that have a place. Its value says whether there are others.
struct Pick<'p, 'de, P> {
    place: P,
    members: &'p mut [Option<Scalar<'de>>],
}

impl<'de, P: Fn(&str) -> Option<usize>> DeserializeSeed<'de> for Pick<'_, 'de, P> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, P: Fn(&str) -> Option<usize>> Visitor<'de> for Pick<'_, 'de, P> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut others = Names::default();
        while let Some(Text(name)) = map.next_key()? {
            let mut other = Scalar::Null;
            let place = match (self.place)(&name).and_then(|at| self.members.get_mut(at)) {
                Some(Some(_)) => return Err(de::Error::custom(DUPLICATE)),
                Some(member) => member.insert(Scalar::Null),
                None if others.insert(name) => &mut other,
                None => return Err(de::Error::custom(DUPLICATE)),
            };
            map.next_value_seed(Strict(place))?;
        }
        Ok(!others.is_empty())
    }
}

/// Names of members, each of them once. Nearly always there are few, and without escapes.
#[derive(Default)]
struct Names<'de> {
    few: [&'de str; 8],
    count: usize,
    more: BTreeSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    /// Adds a name, if it is new.
    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        if self.few.iter().take(self.count).any(|known| *known == &*name) || self.more.contains(&name) {
            return false;
        }
        match (name, self.few.get_mut(self.count)) {
            (Cow::Borrowed(name), Some(place)) => {
                *place = name;
                self.count += 1;
                true
            }
            (name, _) => self.more.insert(name),
        }
    }

    fn is_empty(&self) -> bool {
        self.count == 0 && self.more.is_empty()
    }
}

/// A member of a stored form: read strictly, and written with numbers as numbers in every format, also if serde_json
/// keeps them as text (`arbitrary_precision`).
pub(crate) struct Stored<'a>(pub(crate) Cow<'a, Value>);

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = |value| Stored(Cow::Borrowed(value));
        match &*self.0 {
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => serializer.serialize_u64(number),
                (_, Some(number), _) => serializer.serialize_i64(number),
                (.., Some(number)) => serializer.serialize_f64(number),
                _ => number.serialize(serializer),
            },
            Value::Array(entries) => serializer.collect_seq(entries.iter().map(stored)),
            Value::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, stored(value))))
            }
            plain => plain.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stored<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::Null;
        Strict(&mut value).deserialize(deserializer)?;
        Ok(Self(Cow::Owned(value)))
    }
}

/// The name of a member, or the name with which serde_json announces a number: it presents an object as a map, and a number
/// too if another crate of the program has enabled the feature `arbitrary_precision`. Such a number is read as it would be
/// without that feature. A document may contain that name too: there it is a name like any other.
enum Name<'de> {
    Of(Cow<'de, str>),
    OfNumber,
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde_json answers this request with `Some` for a name from a document, and with plain text for its own name.
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

    fn scalar(text: &[u8]) -> Result<Scalar<'_>, JsonError> {
        let mut value = Scalar::Null;
        read(as_text(text)?, Strict(&mut value))?;
        Ok(value)
    }

    /// Skips a text as the value of a member.
    fn skip(text: &str) -> Result<(), JsonError> {
        let ([], has_others) = pick(&format!(r#"{{"skipped": {text}}}"#), &[])?;
        assert!(has_others);
        Ok(())
    }

    #[test]
    fn a_duplicate_member_is_refused() {
        let error = parse(br#"{"a": {"b": 1, "b": 2}}"#).unwrap_err().to_string();
        assert!(error.starts_with("duplicate member"), "{error}");
        assert!(parse(br#"{"a": {"b": 1}, "b": 2}"#).is_ok());
        assert!(scalar(br#"[{"b": 1, "b": 2}]"#).is_err());
        assert!(scalar(br#"[{"b": 1}, {"b": 2}]"#).is_ok());
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
            assert!(skip(&text).is_err(), "{text:.40}");
            assert!(scalar(text.as_bytes()).is_err(), "{text:.40}");
        }
        assert!(skip(r#"{"a": [1, -1, 1.5, null, true, "\n", {}], "b": {"a": 1}}"#).is_ok());
    }

    #[test]
    fn what_follows_the_document_is_refused() {
        assert!(parse(b"{} {}").is_err());
        assert!(parse(b"{}\n").is_ok());
    }

    #[test]
    fn invalid_utf8_is_refused_even_where_nobody_looks() {
        assert!(scalar(b"[\"\xff\"]").is_err());
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(parse(deep.as_bytes()).is_err());
        assert!(scalar(deep.as_bytes()).is_err());
    }

    #[test]
    fn an_error_does_not_quote_the_document() {
        let error = parse(br#"{"access_token": "hush" oops}"#).unwrap_err().to_string();
        assert!(!error.contains("hush") && error.contains("line 1"), "{error}");
    }

    /// As serde_json reads numbers as they are, whatever features it has: the same test holds with all of them.
    #[test]
    fn a_number_is_a_number_whatever_serde_json_makes_of_it() {
        let entries = |text: &str| parse(text.as_bytes()).unwrap();
        let numbers = entries("[7, -7, 1.5, 1e3, 18446744073709551615, 18446744073709551616, -0, 1e-400]");
        let as_f64 = |at: usize| numbers[at].as_f64();
        assert_eq!((numbers[0].as_u64(), numbers[1].as_i64()), (Some(7), Some(-7)));
        assert_eq!((as_f64(2), as_f64(3), numbers[3].as_i64()), (Some(1.5), Some(1000.0), None));
        assert_eq!((numbers[4].as_u64(), numbers[5].as_u64()), (Some(u64::MAX), None));
        assert_eq!((as_f64(5), as_f64(7)), (Some(2_f64.powi(64)), Some(0.0)));
        assert_eq!((as_f64(6).map(f64::is_sign_negative), numbers[6].as_i64()), (Some(true), None));
        let shown = "[7,-7,1.5,1000.0,18446744073709551615,1.8446744073709552e+19,-0.0,0.0]";
        assert_eq!(numbers.to_string(), shown);
        assert_eq!(serde_json::to_string(&Stored(Cow::Borrowed(&numbers))).unwrap(), shown);
        let again: Stored<'_> = serde_json::from_value(numbers.clone()).unwrap();
        assert_eq!(*again.0, numbers);

        for (text, number) in
            [("1.5", 1.5), ("-0", 0.0), ("12345678901234567890123", 12_345_678_901_234_567_890_123.0)]
        {
            let Scalar::Number(read) = scalar(text.as_bytes()).unwrap() else { panic!("{text}") };
            assert_eq!(read.as_f64(), Some(number), "{text}");
        }
        for text in ["1e400", "-1e400", "[1e400]", r#"{"a": 1e400}"#] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("it is not JSON"), "{error}");
            assert!(scalar(text.as_bytes()).is_err(), "{text}");
            assert!(skip(text).is_err(), "{text}");
        }
    }

    /// As serde_json shows numbers with `arbitrary_precision`, whether or not it has that feature here.
    #[test]
    fn a_number_that_is_shown_as_a_map_is_a_number() {
        use serde::de::value::{BorrowedStrDeserializer, Error, MapDeserializer};
        fn shown<'de, T: Kept<'de> + Into<Value>>(digits: &'de str) -> Result<Value, Error> {
            let (mut value, name) = (T::default(), BorrowedStrDeserializer::<Error>::new(NUMBER));
            Strict(&mut value).deserialize(MapDeserializer::new([(name, digits)].into_iter()))?;
            Ok(value.into())
        }
        let (whole, kept) = (shown::<Value>, shown::<Scalar<'_>>);
        for (digits, number) in
            [("1.5", 1.5), ("-0", -0.0), ("1e+3", 1000.0), ("18446744073709551616", 2_f64.powi(64))]
        {
            assert_eq!(whole(digits).unwrap().as_f64(), Some(number), "{digits}");
            assert_eq!(kept(digits).unwrap().as_f64(), Some(number), "{digits}");
        }
        for digits in ["1e400", "-1e400", "inf", "NaN", "x"] {
            assert!(whole(digits).is_err() && kept(digits).is_err(), "{digits}");
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
            assert!(json.as_object().unwrap().keys().any(|n| n.starts_with("$serde")), "{text}");
            assert!(matches!(scalar(text.as_bytes()), Ok(Scalar::Other)), "{text}");
            assert!(skip(text).is_ok(), "{text}");
        }
        let twice = r#"{"$serde_json::private::Number": "7", "$serde_json::private::Number": "7"}"#;
        assert!(parse(twice.as_bytes()).is_err() && skip(twice).is_err());
    }

    #[test]
    fn members_stand_in_one_order() {
        let Ok(Value::Object(mut json)) = parse(br#"{"b": {"z": 1, "y": 2}, "a": 1}"#) else { panic!() };
        add_missing(
            &mut json,
            [("aa".to_owned(), 2.into()), ("a".to_owned(), 3.into())].into_iter().collect(),
        );
        assert_eq!(json.keys().collect::<Vec<_>>(), ["a", "aa", "b"]);
        assert_eq!(Value::Object(json).to_string(), r#"{"a":1,"aa":2,"b":{"y":2,"z":1}}"#);
    }

    #[test]
    fn members_are_picked_by_their_names() {
        let text = r#"{"a": "x", "\u0062": ["y", "\n"], "c": [1], "d": [], "e": null, "f": 1.5}"#;
        let ([a, b, c, d, e, f, g], others) = pick(text, &["a", "b", "c", "d", "e", "f", "g"]).unwrap();
        assert!(matches!(a, Some(Scalar::Text(Cow::Borrowed("x")))));
        assert!(matches!(b, Some(Scalar::Texts(texts)) if texts == ["y", "\n"]));
        assert!(matches!((c, d), (Some(Scalar::Other), Some(Scalar::Texts(none))) if none.is_empty()));
        assert!(matches!((&e, g), (Some(Scalar::Null), None)));
        assert_eq!(f.map(Value::from), Some(1.5.into()));
        assert!(!others);
        assert!(pick(text, &["a"]).unwrap().1);
        for twice in
            [r#"{"a": 1, "\u0061": 1}"#, r#"{"b": 1, "b": 1}"#, r#"{"b": [{"c": 1, "c": 1}]}"#, "[]", "7"]
        {
            assert!(pick(twice, &["a"]).is_err(), "{twice}");
        }
    }

    #[test]
    fn a_lazy_object_has_no_members_that_do_not_belong_to_it() {
        let object = LazyObject::new(r#"{"a": 1, "b": 2}"#, &["a"]);
        assert_eq!(object.value().to_string(), r#"{"b":2}"#);
        assert_eq!(*LazyObject::from(object.value().clone()).value(), *object.value());
        assert_eq!(LazyObject::new("7", &[]).value().to_string(), "{}");
    }

    #[test]
    fn wiping_leaves_no_text_of_a_document() {
        let mut document = serde_json::json!({"a": "hush", "b": [{"c": "hush"}, 7]});
        wipe(&mut document);
        assert!(!document.to_string().contains("hush"), "{document}");
    }

    #[test]
    fn each_of_many_names_is_remembered() {
        let names = |last: &str| {
            let names = (0..40).map(|i| format!("n{i}")).chain([last.to_owned()]);
            format!("{{{}}}", names.map(|name| format!(r#""{name}": 1"#)).collect::<Vec<_>>().join(","))
        };
        assert!(skip(&names("n40")).is_ok() && pick(&names("n40"), &["n0"]).is_ok());
        for known in ["n3", "n39"] {
            assert!(skip(&names(known)).is_err() && pick(&names(known), &["n0"]).is_err(), "{known}");
        }
    }
}
