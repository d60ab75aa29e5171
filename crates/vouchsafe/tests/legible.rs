//! The library and the sandbox know the same characters as unfit to be shown, each by a list of its own.
#[allow(dead_code, unreachable_pub)]
#[path = "../../vouchsafe-sandbox/src/pages/visible.rs"]
mod visible;

#[test]
fn the_library_and_the_sandbox_know_the_same_characters_as_unfit() {
    for c in (0..=0x10_ffff).filter_map(char::from_u32) {
        let text = format!("a{c}b");
        let (shown, page) = (vouchsafe::legible(&text), visible::visible(&text));
        let kept = matches!(c, ' ' | '\t' | '\n' | '\u{fffd}');
        assert!(kept || (shown == "a b") == (page == "a\u{fffd}b"), "{c:?}: {shown:?} here, {page:?} there");
    }
}
