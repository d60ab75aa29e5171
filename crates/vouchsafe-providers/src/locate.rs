//! Finds the line and the field of a mistake in the text of a definition.
use std::ops::Range;

/// The message of the TOML parser in one paragraph, with line and field.
pub(crate) fn unreadable(error: &toml::de::Error, text: &str) -> String {
    let why = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    let Some(span) = error.span() else { return why };
    let line = 1 + text[..span.start].matches('\n').count();
    match field_at(&why, span, text) {
        Some(field) => format!("line {line}, field {field}: {why}"),
        None => format!("line {line}: {why}"),
    }
}

/// The field that a span is in, with its tables.
fn field_at(why: &str, span: Range<usize>, text: &str) -> Option<String> {
    let begin = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let quoted = |begin: &str| why.strip_prefix(begin)?.split_once('`').map(|(name, _)| name.to_owned());
    if let Some(name) = quoted("missing field `") {
        // The span is the table that lacks it.
        let rest = text[begin..].lines().next().unwrap_or_default();
        let table = header(rest).map(str::to_owned).or_else(|| key_before(span.start, text));
        return Some(table.map_or(name.clone(), |table| format!("{table}.{name}")));
    }
    if let Some(name) = quoted("unknown field `") {
        let before = &text[begin..span.start];
        let outer =
            if before.contains('=') { key_before(span.start, text) } else { table_before(begin, text) };
        return Some(outer.map_or(name.clone(), |outer| format!("{outer}.{name}")));
    }
    key_before(span.start, text)
}

/// The key whose value is at a place: on its line, or on the last line before that has one.
fn key_before(at: usize, text: &str) -> Option<String> {
    let mut end = at;
    loop {
        let begin = text[..end].rfind('\n').map_or(0, |at| at + 1);
        let line = text[begin..end].trim_start();
        if header(line).is_some() {
            return None;
        }
        let keys: Vec<&str> = line
            .split('=')
            .rev()
            .skip(1)
            .map(|before| {
                before.trim_end().rsplit([' ', '{', ',']).next().unwrap_or_default().trim_matches('"')
            })
            .filter(|key| !key.is_empty())
            .collect();
        // A line that begins with a quote is an element of a list, unless the quotes are those of a key.
        let is_element = line.strip_prefix('"').is_some_and(|rest| {
            rest.split_once('"').is_none_or(|(_, rest)| !rest.trim_start().starts_with('='))
        });
        if let (Some(outer), false) = (keys.last(), is_element || line.starts_with(['#', ']'])) {
            let inner = keys[0];
            let path = if keys.len() > 1 { format!("{outer}.{inner}") } else { (*outer).to_owned() };
            return Some(table_before(begin, text).map_or(path.clone(), |table| format!("{table}.{path}")));
        }
        end = begin.checked_sub(1)?;
    }
}

fn table_before(at: usize, text: &str) -> Option<String> {
    text[..at].lines().rev().find_map(header).map(str::to_owned)
}

fn header(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.split_once(']').map(|(name, _)| name.trim())
}

/// The line of a field, or of the nearest table around it.
pub(crate) fn line_of(field: &str, text: &str) -> Option<usize> {
    let mut table = String::new();
    let mut nearest = None;
    for (number, line) in text.lines().enumerate() {
        let path = if let Some(name) = header(line) {
            table = name.to_owned();
            name.to_owned()
        } else if let Some((key, _)) = line.split_once('=') {
            let key = key.trim().trim_matches('"');
            if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
        } else {
            continue;
        };
        let around = field == path || field.strip_prefix(&path).is_some_and(|rest| rest.starts_with('.'));
        if around && nearest.is_none_or(|(length, _)| path.len() >= length) {
            nearest = Some((path.len(), number + 1));
        }
    }
    nearest.map(|(_, line)| line)
}
