//! The example of a whole web application stays short.

#[test]
fn a_whole_web_application_has_at_most_sixty_lines() {
    let example = include_str!("../../examples/webapp.rs");
    assert!(example.lines().count() <= 60, "{} lines", example.lines().count());
    assert_eq!(example.matches(".provider_named(").count(), 2, "two providers");
    for part in ["Sandbox::start()", "/sign-in", "/logout", "async fn members(user: User)", "axum::serve"] {
        assert!(example.contains(part), "it lacks {part}");
    }
}
