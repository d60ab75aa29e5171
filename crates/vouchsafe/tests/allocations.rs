//! What costs no allocation: a token that is still valid.
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use vouchsafe::TokenSource;
use vouchsafe::http::{BoxFuture, Runtime};
use vouchsafe::vault::GivenToken;

/// Nothing goes on in the background.
struct Alone;

impl Runtime for Alone {
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        Err(task)
    }
}

#[test]
fn a_valid_token_is_given_without_an_allocation() {
    let source = TokenSource::from_fn(Arc::new(Alone), || async {
        Ok(GivenToken::new("a".repeat(900)).expires_at(SystemTime::now() + Duration::from_secs(3600)))
    });
    let ask = || source.token().now_or_never().expect("it does not wait").expect("it is valid");
    assert_eq!(ask().expose().len(), 900);
    let counted = allocation_counter::measure(|| {
        for _ in 0..1000 {
            assert_eq!(ask().expose().len(), 900);
        }
    });
    assert_eq!(counted.count_total, 0);
    let renewed = allocation_counter::measure(|| {
        source.reject(&ask());
        drop(ask());
    });
    assert!(renewed.count_total > 0, "it counts");
}
