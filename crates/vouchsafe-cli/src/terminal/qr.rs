//! A QR code made of characters.
use std::io::{self, IsTerminal};

use anstyle::{AnsiColor, Color, Style};
use qrcode::{Color as Module, EcLevel, QrCode};
use terminal_size::{Height, Width, terminal_size_of};

use crate::system::is_dumb;
use crate::terminal::style::paint;

/// The lines of a QR code for that text, if standard output is a terminal with room for it.
pub(crate) fn qr_code(text: &str) -> Option<Vec<String>> {
    let (Width(width), Height(height)) =
        terminal_size_of(io::stdout()).filter(|_| io::stdout().is_terminal() && !is_dumb())?;
    let lines = drawn(text)?;
    let columns = lines[0].chars().count();
    let fits = columns + 2 * INDENT.len() < usize::from(width) && lines.len() + 2 < usize::from(height);
    // Black on white, whatever the colours of the terminal are: a scanner needs the light border.
    fits.then(|| lines.iter().map(|line| format!("{INDENT}{}", paint(line, INK))).collect())
}

/// The code with its border of four light modules (ISO/IEC 18004 section 9.1), two rows a line.
fn drawn(text: &str) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (side, modules) = (code.width(), code.to_colors());
    let is_dark = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(BORDER).filter(|at| *at < side);
        let (x, y) = (inside(x), inside(y));
        x.zip(y).is_some_and(|(x, y)| modules[y * side + x] == Module::Dark)
    };
    let whole = side + 2 * BORDER;
    let line = |y| {
        let half = |x| match (is_dark(x, y), is_dark(x, y + 1)) {
            (false, false) => ' ',
            (true, false) => '▀',
            (false, true) => '▄',
            (true, true) => '█',
        };
        (0..whole).map(half).collect()
    };
    Some((0..whole).step_by(2).map(line).collect())
}

const INDENT: &str = "  ";
const BORDER: usize = 4;
const INK: Style = AnsiColor::Black.on_default().bg_color(Some(Color::Ansi(AnsiColor::BrightWhite)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_border_and_its_finder_patterns() {
        let lines = drawn("https://id.example/device?user_code=WDJB-MJHT").unwrap();
        let side = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == side));
        assert_eq!(lines.len(), side.div_ceil(2));
        // The border is light, and the first corner begins with seven dark modules.
        assert!(lines[..2].iter().all(|line| line.trim().is_empty()));
        assert!(lines[2].starts_with("    █▀▀▀▀▀█ "), "{}", lines[2]);
        assert!(lines[2].ends_with(" █▀▀▀▀▀█    "), "{}", lines[2]);
        assert_eq!(drawn(&"x".repeat(10_000)), None);
    }
}
