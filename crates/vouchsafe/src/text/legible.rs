//! Text from outside, made safe to show to people.

/// Makes text from outside safe to show to people. Every control character, every invisible character and every character that
/// changes the writing direction becomes a space, because they can make one text look like another.
///
/// Users write names and e-mails of profiles themselves, and providers write the text of errors. Use this function where you
/// show such text in a terminal, in a log or to an administrator. It does not escape HTML: the templates of a page do that.
///
/// The characters that join an emoji stay (`U+FE0F` and `U+200D`, only between symbols), because their effect is visible.
/// Joiners between letters, which some languages use, become spaces: the shape of the letters changes, but no letter is lost.
///
/// ```
/// assert_eq!(vouchsafe::legible("ali\u{200b}ce\u{202e}\u{1b}[31m"), "ali ce  [31m");
/// assert_eq!(vouchsafe::legible("Zoë ❤️"), "Zoë ❤️");
/// ```
pub fn legible(text: &str) -> String {
    let mut legible = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        // Most text is of ASCII, and pages are long.
        if matches!(c, ' '..='~') {
            legible.push(c);
            before = c;
            continue;
        }
        let next = chars.peek().copied();
        let stays = !is_unfit(c)
            || match c {
                AS_EMOJI => is_symbol(before) || (is_key(before) && next == Some(KEYCAP)),
                JOINER => (is_symbol(before) || before == AS_EMOJI) && next.is_some_and(is_symbol),
                _ => false,
            };
        before = if stays { c } else { ' ' };
        legible.push(before);
    }
    legible
}

/// Control characters, Unicode's Default_Ignorable_Code_Point, and characters that change the writing direction.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Arrows, signs and emoji: the blocks of which emoji consist.
fn is_symbol(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{2bff}'
        | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

/// The characters of keycap emoji, as in 1️⃣.
fn is_key(c: char) -> bool {
    matches!(c, '0'..='9' | '#' | '*')
}

/// Shows the character before it as an emoji.
const AS_EMOJI: char = '\u{fe0f}';
const JOINER: char = '\u{200d}';
const KEYCAP: char = '\u{20e3}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_becomes_a_space() {
        for c in "\0\t\n\u{7f}\u{85}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180b}\u{180e}\u{180f}\u{200b}\u{200c}\
                  \u{200d}\u{200e}\u{2028}\u{202e}\u{2060}\u{2066}\u{206f}\u{3164}\u{fe00}\u{fe0f}\u{feff}\u{ffa0}\
                  \u{fff0}\u{fff9}\u{fffb}\u{1bca0}\u{1d173}\u{e0000}\u{e0001}\u{e0041}\u{e0100}\u{e0fff}"
            .chars()
        {
            assert_eq!(legible(&format!("a{c}b")), "a b", "{c:?}");
        }
        let seen = "Zoë Ångström, 山田太郎, محمد, привет\u{a0}\u{fffd}\u{fffc}\u{10ffff}";
        assert_eq!(legible(seen), seen);
    }

    #[test]
    fn emoji_stay_together_and_nothing_hides_between_them() {
        for emoji in [
            "👨\u{200d}👩\u{200d}👧",
            "🏳\u{fe0f}\u{200d}🌈",
            "❤\u{fe0f}",
            "❤\u{fe0f}\u{200d}🔥",
            "👍🏽",
            "1\u{fe0f}\u{20e3}",
            "👩🏽\u{200d}🚀",
        ] {
            assert_eq!(legible(emoji), emoji);
        }
        for (text, shown) in [
            ("a\u{fe0f}", "a "),
            ("1\u{fe0f}2", "1 2"),
            ("❤\u{fe0f}\u{fe0f}", "❤\u{fe0f} "),
            ("❤\u{200d}a", "❤ a"),
            ("❤\u{200d}", "❤ "),
            ("a\u{200d}❤", "a ❤"),
            ("❤\u{200d}\u{200d}❤", "❤  ❤"),
            ("🏴\u{e0067}\u{e007f}", "🏴  "),
        ] {
            assert_eq!(legible(text), shown, "{text:?}");
        }
    }
}
