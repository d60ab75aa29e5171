//! A page as HTML, and the index with its search box.
use std::fmt::Write as _;

use vouchsafe_providers::{NEUTRAL_MARK, mark};

use super::content::{Block, Page, Span};
use super::index::{KINDS, sorted};

pub(crate) fn page(page: &Page) -> String {
    let mut body = String::new();
    let picture = mark(&page.slug).unwrap_or(NEUTRAL_MARK).replacen("<svg ", "<svg aria-hidden=\"true\" ", 1);
    let picture = picture.replace(" role=\"img\"", "");
    let _ = write!(
        body,
        "<p class=\"up\"><a href=\"index.html\">All providers</a></p>\n<h1><span class=\"mark\">{picture}</span> Sign in with {}</h1>\n<p class=\"lead\">{} <code>{}</code>.</p>\n",
        escaped(&page.name),
        escaped(&page.lead),
        page.slug
    );
    body.push_str("<nav aria-label=\"On this page\"><ul class=\"parts\">");
    for section in &page.sections {
        let _ = write!(body, "<li><a href=\"#{}\">{}</a></li>", id(section.title), section.title);
    }
    body.push_str("</ul></nav>\n");
    for section in &page.sections {
        let _ = writeln!(
            body,
            "<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>",
            id(section.title),
            section.title
        );
        for block in &section.blocks {
            write_block(&mut body, block, section.title);
        }
        body.push_str("</section>\n");
    }
    let _ = writeln!(body, "<p class=\"foot\"><a href=\"{}.md\">This page as Markdown</a></p>", page.slug);
    document(&format!("Sign in with {}", page.name), "", &body)
}

fn write_block(body: &mut String, block: &Block, title: &str) {
    let items =
        |items: &[Vec<Span>]| items.iter().map(|item| format!("<li>{}</li>", line(item))).collect::<String>();
    let _ = match block {
        Block::Text(spans) => writeln!(body, "<p>{}</p>", line(spans)),
        Block::Steps(steps) => writeln!(body, "<ol>{}</ol>", items(steps)),
        Block::List(list) => writeln!(body, "<ul>{}</ul>", items(list)),
        Block::Code(_, code) => {
            writeln!(
                body,
                "<pre tabindex=\"0\" role=\"group\" aria-label=\"{title}: code\"><code>{}</code></pre>",
                escaped(code)
            )
        }
        Block::Table(header, rows) => {
            let head: String = header.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
            let rows: String = rows
                .iter()
                .map(|row| {
                    let cells = row.iter().map(|cell| format!("<td>{}</td>", line(cell))).collect::<String>();
                    format!("<tr>{cells}</tr>\n")
                })
                .collect();
            writeln!(
                body,
                "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"{title}: table of {0}\"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>",
                header[0]
            )
        }
    };
}

pub(crate) fn index(pages: &[Page]) -> String {
    let mut body = format!(
        "<h1>What do I enter there?</h1>\n<p class=\"lead\">One page for each of the {} providers: what to click, which redirect URI, what the e-mail is worth, \
         whether a refresh token comes, and the error messages.</p>\n<div id=\"search\"></div>\n",
        pages.len()
    );
    for (kind, title, about) in KINDS {
        let id = id(title);
        let _ = write!(
            body,
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n<p>{about}</p>\n<ul class=\"all\">\n"
        );
        for page in sorted(pages, kind) {
            let find = format!("{} {} {}", page.name, page.slug, page.find.join(" ")).to_lowercase();
            let _ = writeln!(
                body,
                "<li data-find=\"{}\"><a href=\"{}.html\">{}</a></li>",
                escaped(&find),
                page.slug,
                escaped(&page.name)
            );
        }
        body.push_str("</ul>\n</section>\n");
    }
    body.push_str("<p class=\"foot\"><a href=\"README.md\">This page as Markdown</a> · <a href=\"llms.txt\">llms.txt</a></p>\n");
    document("What do I enter there?", "<script src=\"search.js\" defer></script>\n", &body)
}

fn document(title: &str, script: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{} – vouchsafe</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"stylesheet\" href=\"style.css\">\n{script}</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n\
         <main id=\"main\">\n{body}</main>\n</body>\n</html>\n",
        escaped(title)
    )
}

fn id(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

fn line(spans: &[Span]) -> String {
    spans
        .iter()
        .map(|span| match span {
            Span::Text(text) => escaped(text),
            Span::Code(text) => format!("<code>{}</code>", escaped(text)),
            Span::Link(url) => format!("<a href=\"{0}\">{0}</a>", escaped(url)),
        })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
