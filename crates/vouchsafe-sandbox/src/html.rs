use std::fmt;

/// Markup in which every text from elsewhere is escaped: raw markup can only come from the source code.
#[derive(Default)]
pub(crate) struct Html(String);

impl Html {
    pub(crate) fn new(markup: &'static str) -> Self {
        Self(markup.to_owned())
    }

    pub(crate) fn markup(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Text, also fit for an attribute in double quotes.
    pub(crate) fn text(mut self, text: impl AsRef<str>) -> Self {
        let mut before = ' ';
        for c in text.as_ref().chars() {
            let stays = matches!(c, '\t' | '\n') || !is_unseen(c) || (c == '\u{fe0f}' && is_symbol(before));
            before = c;
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c if stays => self.0.push(c),
                _ => self.0.push('\u{fffd}'),
            }
        }
        self
    }

    pub(crate) fn html(mut self, html: Html) -> Self {
        self.0.push_str(&html.0);
        self
    }

    pub(crate) fn each<T>(
        self,
        items: impl IntoIterator<Item = T>,
        one: impl FnMut(Self, T) -> Self,
    ) -> Self {
        items.into_iter().fold(self, one)
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Control characters are no HTML; others are not seen, or turn the direction of writing, and make text look like other
/// text.
fn is_unseen(c: char) -> bool {
    let ranges: &[(u32, u32)] = &[
        (0, 0x1f),
        (0x7f, 0x9f),
        (0xad, 0xad),
        (0x34f, 0x34f),
        (0x61c, 0x61c),
        (0x115f, 0x1160),
        (0x17b4, 0x17b5),
        (0x180b, 0x180f),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x206f),
        (0x3164, 0x3164),
        (0xfe00, 0xfe0f),
        (0xfeff, 0xfeff),
        (0xffa0, 0xffa0),
        (0xfff0, 0xfffb),
        (0x1_bca0, 0x1_bca3),
        (0x1_d173, 0x1_d17a),
        (0xe_0000, 0xe_0fff),
    ];
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(c)))
}

/// Signs and emoji: a selector behind one of them says how it looks.
fn is_symbol(c: char) -> bool {
    matches!(u32::from(c), 0x2190..=0x2bff | 0x1_f000..=0x1_faff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_element_or_attribute() {
        let html = Html::new("<p title=\"").text("\"><script>'&\u{202e}\0").markup("\">");
        assert_eq!(html.to_string(), "<p title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\u{fffd}\u{fffd}\">");
        assert_eq!(Html::default().text("❤\u{fe0f} a\u{fe0f}\n").to_string(), "❤\u{fe0f} a\u{fffd}\n");
    }
}
