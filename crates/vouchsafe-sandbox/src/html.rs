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
        for c in text.as_ref().chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Control characters are no HTML, and bidirectional ones make text look like other text.
                '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => self.0.push('\u{fffd}'),
                '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    self.0.push('\u{fffd}');
                }
                c => self.0.push(c),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_element_or_attribute() {
        let html = Html::new("<p title=\"").text("\"><script>'&\u{202e}\0").markup("\">");
        assert_eq!(html.to_string(), "<p title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\u{fffd}\u{fffd}\">");
    }
}
