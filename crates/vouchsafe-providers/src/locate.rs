//! Finds the line and the field of a mistake in the text of a definition.
use std::ops::Range;

use toml::de::DeTable;

use crate::mistake::DefinitionError;

/// The error of the TOML parser, with line and field.
pub(crate) fn unreadable(error: &toml::de::Error, text: &str) -> DefinitionError {
    let why = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    let Some(place) = error.span() else { return DefinitionError { line: None, field: None, why } };
    let (root, _) = DeTable::parse_recoverable(text);
    // Of a field that is missing, the place is the table that lacks it: nothing at all for the outermost.
    let missing = why.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let known = path_at(&place, root.get_ref()).filter(|_| missing.is_none() || place.end > 0);
    let path: Vec<_> = known.as_deref().into_iter().chain(missing).collect();
    let field = (!path.is_empty()).then(|| path.join("."));
    DefinitionError { line: Some(line_at(place.start, text)), field, why }
}

/// The path of the innermost field that is at a place.
fn path_at(place: &Range<usize>, table: &DeTable<'_>) -> Option<String> {
    table.iter().find_map(|(name, value)| {
        let holds = |span: Range<usize>| span.start <= place.start && place.end <= span.end;
        if holds(name.span()) {
            return Some(name.get_ref().to_string());
        }
        // The span of a table with a header of its own is that header.
        let inner = value.get_ref().as_table().and_then(|table| path_at(place, table));
        let outer = name.get_ref();
        inner.map(|inner| format!("{outer}.{inner}")).or(holds(value.span()).then(|| outer.to_string()))
    })
}

/// The same mistake with the line of its field, or of the nearest table around it.
pub(crate) fn located(mistake: DefinitionError, text: &str) -> DefinitionError {
    let (root, _) = DeTable::parse_recoverable(text);
    let place = mistake.field.as_ref().and_then(|field| place_of(field, root.get_ref()));
    DefinitionError { line: place.map(|place| line_at(place, text)), ..mistake }
}

fn place_of(field: &str, table: &DeTable<'_>) -> Option<usize> {
    let around = table.iter().filter_map(|(name, value)| {
        let rest = field.strip_prefix(&**name.get_ref())?;
        (rest.is_empty() || rest.starts_with('.')).then_some((name, value, rest.trim_start_matches('.')))
    });
    // The names of parameters may hold dots.
    let (name, value, rest) = around.min_by_key(|(_, _, rest)| rest.len())?;
    let inner = value.get_ref().as_table().and_then(|table| place_of(rest, table));
    Some(inner.unwrap_or(name.span().start))
}

fn line_at(place: usize, text: &str) -> usize {
    1 + text.get(..place).unwrap_or_default().matches('\n').count()
}
