//! Text without characters that mislead a reader.

/// Replaces characters that are invisible or change the direction of writing: they make text look like other text.
pub(super) fn visible(text: &str) -> String {
    let mut before = ' ';
    let shown = |c: char| {
        let stays = matches!(c, '\t' | '\n') || !is_invisible(c) || (c == '\u{fe0f}' && is_symbol(before));
        before = c;
        if stays { c } else { '\u{fffd}' }
    };
    text.chars().map(shown).collect()
}

fn is_invisible(c: char) -> bool {
    let c = u32::from(c);
    // Most characters are of ASCII, and a page has many.
    !matches!(c, 0x20..=0x7e) && INVISIBLE.chunks(2).any(|range| (range[0]..=range[1]).contains(&c))
}

/// The first and the last character of each range.
const INVISIBLE: [u32; 38] = [
    0, 0x1f, 0x7f, 0x9f, 0xad, 0xad, 0x34f, 0x34f, 0x61c, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b,
    0x180f, 0x200b, 0x200f, 0x2028, 0x202e, 0x2060, 0x206f, 0x3164, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xfeff,
    0xffa0, 0xffa0, 0xfff0, 0xfffb, 0x1_bca0, 0x1_bca3, 0x1_d173, 0x1_d17a, 0xe_0000, 0xe_0fff,
];

/// Signs and emoji: a variation selector after one of them only chooses its look.
fn is_symbol(c: char) -> bool {
    matches!(u32::from(c), 0x2190..=0x2bff | 0x1_f000..=0x1_faff)
}
