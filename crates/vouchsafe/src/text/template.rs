//! Templates: texts with marks in braces, `{name}`, that are replaced by values.
use std::borrow::Cow;

/// What a mark stands for.
pub(crate) enum Mark<'v> {
    Value(Cow<'v, str>),
    /// The mark stays as it is: it is text, or it is filled in elsewhere.
    Text,
    /// The mark has no value, so the whole template has none.
    Absent,
}

impl<'v> From<&'v str> for Mark<'v> {
    fn from(value: &'v str) -> Self {
        Self::Value(value.into())
    }
}

/// Fills in each mark once: a mark inside a value is text. `None` if a mark is [`Mark::Absent`].
pub(crate) fn fill<'v, E>(
    template: &str,
    mut value: impl FnMut(&str) -> Result<Mark<'v>, E>,
) -> Result<Option<String>, E> {
    let (mut filled, mut rest) = (String::with_capacity(template.len()), template);
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        rest = after;
        let found = match after.split_once('}') {
            Some((mark, behind)) => (value(mark)?, behind),
            None => (Mark::Text, after),
        };
        match found {
            (Mark::Value(value), behind) => {
                filled.push_str(&value);
                rest = behind;
            }
            (Mark::Text, _) => filled.push('{'),
            (Mark::Absent, _) => return Ok(None),
        }
    }
    filled.push_str(rest);
    Ok(Some(filled))
}

/// The text before the only mark in a template, the mark, and the text after it.
pub(crate) fn only_mark(template: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = template.split_once('{')?;
    let (mark, after) = rest.split_once('}')?;
    (!after.contains('{')).then_some((before, mark, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Option<String> {
        let value = |mark: &str| {
            Ok::<_, ()>(match mark {
                "a" => "{b}".into(),
                "b" => "1".into(),
                "none" => Mark::Absent,
                _ => Mark::Text,
            })
        };
        fill(template, value).unwrap()
    }

    #[test]
    fn each_mark_is_filled_in_once() {
        for (template, expected) in [
            ("", ""),
            ("{a}{b}", "{b}1"),
            ("x{b}y{c}z{b}", "x1y{c}z1"),
            ("{ q { x {b} } }", "{ q { x 1 } }"),
            ("{{b}}", "{1}"),
            ("}{b", "}{b"),
        ] {
            assert_eq!(filled(template).as_deref(), Some(expected), "{template}");
        }
        assert_eq!(filled("{b}{none}{b}"), None);
        assert!(fill("{x}{y}", |mark| if mark == "y" { Err(()) } else { Ok(Mark::Text) }).is_err());
    }

    #[test]
    fn a_template_with_one_mark_has_two_sides() {
        assert_eq!(only_mark("a{b}c"), Some(("a", "b", "c")));
        for other in ["a", "{b", "b}", "}{", "{a}{b}", "{a}{"] {
            assert_eq!(only_mark(other), None, "{other}");
        }
    }
}
