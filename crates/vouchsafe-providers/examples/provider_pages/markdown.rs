//! A page as Markdown.
use std::fmt::Write as _;

use super::content::{Block, Page, Span};

pub(crate) fn page(page: &Page) -> String {
    let mut out =
        format!("# Sign in with {}\n\n{} `{}`.\n", escaped(&page.name), escaped(&page.lead), page.slug);
    for section in &page.sections {
        let _ = write!(out, "\n## {}\n", section.title);
        for block in &section.blocks {
            out.push('\n');
            match block {
                Block::Text(spans) => {
                    let _ = writeln!(out, "{}", line(spans));
                }
                Block::Steps(steps) => {
                    for (at, step) in steps.iter().enumerate() {
                        let _ = writeln!(out, "{}. {}", at + 1, line(step));
                    }
                }
                Block::List(items) => {
                    for item in items {
                        let _ = writeln!(out, "- {}", line(item));
                    }
                }
                Block::Table(header, rows) => {
                    let _ = writeln!(out, "| {} |\n|{}", header.join(" | "), " --- |".repeat(header.len()));
                    for row in rows {
                        let cells: Vec<_> = row.iter().map(|cell| line(cell).replace('|', "\\|")).collect();
                        let _ = writeln!(out, "| {} |", cells.join(" | "));
                    }
                }
                Block::Code(language, code) => {
                    let _ = writeln!(out, "```{language}\n{code}\n```");
                }
            }
        }
    }
    out.push_str("\n---\n\n[All providers](README.md). This page is made from the catalogue: see `CONTRIBUTING.md` to mend it.\n");
    out
}

fn line(spans: &[Span]) -> String {
    spans
        .iter()
        .map(|span| match span {
            Span::Text(text) => escaped(text),
            Span::Code(text) if text.contains('`') => format!("`` {text} ``"),
            Span::Code(text) => format!("`{text}`"),
            Span::Link(url) => format!("<{url}>"),
        })
        .collect()
}

/// The text, where a character could begin something.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_inner = before.is_alphanumeric() && chars.peek().is_some_and(|next| next.is_alphanumeric());
        if matches!(c, '*' | '`' | '<' | '[' | '\\') || (c == '_' && !is_inner) {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}
