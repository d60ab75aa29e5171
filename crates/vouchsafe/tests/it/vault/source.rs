//! One source of valid tokens, in one process.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::task::yield_now;
use vouchsafe::vault::GivenToken;
use vouchsafe::{Client, Error, TokenSource, Tokens};

use super::provider::{Expire, Instead, OnTokio, Rotating};

pub(super) async fn source(provider: &Rotating, expire: Expire) -> TokenSource {
    let client = provider.client();
    let tokens = provider.tokens(&client, expire);
    TokenSource::new(&client, tokens).await.unwrap()
}

async fn token(source: &TokenSource) -> Result<String, Error> {
    source.token().await.map(|token| token.expose().to_owned())
}

/// Gives all other tasks their turn.
async fn others() {
    for _ in 0..200 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_valid_token_is_given_without_a_request() {
    let provider = Rotating::new();
    let source = source(&provider, Expire::In(3600)).await;
    for _ in 0..10 {
        assert_eq!(token(&source).await.unwrap(), "access-1");
    }
    assert_eq!(provider.requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_tasks_that_find_it_expired_cause_one_request() {
    let provider = Rotating::new();
    let source = source(&provider, Expire::Since(5)).await;
    let asking: Vec<_> = (0..10_000)
        .map(|_| {
            tokio::spawn({
                let source = source.clone();
                async move { token(&source).await }
            })
        })
        .collect();
    for task in asking {
        assert_eq!(task.await.unwrap().unwrap(), "access-2");
    }
    assert_eq!(provider.requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tasks_share_a_failure_and_its_one_request() {
    let provider = Rotating::new();
    let source = source(&provider, Expire::Since(5)).await;
    provider.instead((0..1000).map(|_| Instead::Refuse(401, json!({"error": "invalid_client"}))));
    let asking: Vec<_> = (0..1000)
        .map(|_| {
            tokio::spawn({
                let source = source.clone();
                async move { token(&source).await }
            })
        })
        .collect();
    for task in asking {
        let error = task.await.unwrap().unwrap_err();
        assert_eq!(error.code(), "invalid_client");
        assert!(!error.needs_login());
    }
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn the_refresh_ends_although_every_caller_has_gone() {
    let provider = Rotating::new();
    let source = source(&provider, Expire::Since(5)).await;
    provider.close();
    for _ in 0..3 {
        let caller = tokio::spawn({
            let source = source.clone();
            async move { token(&source).await }
        });
        others().await;
        caller.abort();
    }
    assert_eq!(provider.requests(), 1);
    provider.open();
    assert_eq!(token(&source).await.unwrap(), "access-2");
    assert_eq!(provider.requests(), 1, "what the callers began was not begun again");
}

/// Tokens that are valid, and in the last tenth of their life.
pub(super) fn near_its_end(provider: &Rotating, client: &Client) -> Tokens {
    let mut stored = serde_json::to_value(provider.tokens(client, Expire::In(20))).unwrap();
    stored["received_at"] = json!(stored["received_at"].as_f64().unwrap() - 10_000.0);
    serde_json::from_value(stored).unwrap()
}

async fn source_near_its_end(provider: &Rotating) -> TokenSource {
    let client = provider.client();
    TokenSource::new(&client, near_its_end(provider, &client)).await.unwrap()
}

#[tokio::test]
async fn near_its_end_the_token_is_given_at_once_and_refreshed_behind_it() {
    let provider = Rotating::new();
    let source = source_near_its_end(&provider).await;
    // The first call looks into the store.
    provider.instead([Instead::Unreachable]);
    assert_eq!(token(&source).await.unwrap(), "access-1");
    source.reject(&source.token().await.unwrap());
    provider.lifetime(1);
    assert_eq!(token(&source).await.unwrap(), "access-2");
    assert_eq!(provider.requests(), 2);
}

#[tokio::test]
async fn an_early_refresh_that_fails_leaves_the_valid_token_in_use() {
    let provider = Rotating::new();
    let source = source_near_its_end(&provider).await;
    provider.instead([Instead::Refuse(500, json!({}))]);
    for _ in 0..20 {
        assert_eq!(token(&source).await.unwrap(), "access-1");
        others().await;
    }
    assert_eq!(provider.requests(), 1, "it is not tried again at once");
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once_for_all() {
    let provider = Rotating::new();
    let source = source(&provider, Expire::In(3600)).await;
    let first = source.token().await.unwrap();
    let same = source.token().await.unwrap();
    source.reject(&first);
    assert_eq!(token(&source).await.unwrap(), "access-2");
    // Another request failed with the old token as well, and says so later.
    source.reject(&same);
    assert_eq!(token(&source).await.unwrap(), "access-2");
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn a_thread_gives_no_token_again_that_was_rejected_elsewhere_or_is_another_source_s() {
    let providers = [Rotating::new(), Rotating::new()];
    let mut sources = Vec::new();
    for (provider, expire) in providers.iter().zip([Expire::In(3600), Expire::Since(5)]) {
        sources.push(source(provider, expire).await);
    }
    for _ in 0..3 {
        assert_eq!(token(&sources[0]).await.unwrap(), "access-1");
        assert_eq!(token(&sources[1]).await.unwrap(), "access-2");
    }

    assert_eq!(token(&sources[0]).await.unwrap(), "access-1");
    let elsewhere = sources[0].clone();
    let rejecting = std::thread::spawn(move || {
        let first = futures_util::FutureExt::now_or_never(elsewhere.token()).unwrap().unwrap();
        elsewhere.reject(&first);
    });
    rejecting.join().unwrap();
    assert_eq!(token(&sources[0]).await.unwrap(), "access-2");
    assert_eq!(providers.map(|provider| provider.requests()), [1, 1]);
}

#[tokio::test]
async fn the_three_ends_of_a_refresh_are_told_apart() {
    let provider = Rotating::new();
    let ended = source(&provider, Expire::Since(5)).await;
    provider.end_grant();
    let error = token(&ended).await.unwrap_err();
    assert!(error.needs_login() && !error.is_retryable(), "{error}");

    let provider = Rotating::new();
    let busy = source(&provider, Expire::Since(5)).await;
    provider.instead((0..9).map(|_| Instead::Busy(503, 120)));
    let error = token(&busy).await.unwrap_err();
    assert!(error.is_retryable() && !error.needs_login(), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
    token(&busy).await.unwrap_err();
    assert_eq!(provider.requests(), 1, "a provider that asks to wait is left alone");

    let provider = Rotating::new();
    let wrong = source(&provider, Expire::Since(5)).await;
    provider.instead([Instead::Refuse(401, json!({"error": "invalid_client"}))]);
    let error = token(&wrong).await.unwrap_err();
    assert!(!error.is_retryable() && !error.needs_login(), "{error}");
}

#[tokio::test]
async fn a_busy_provider_is_asked_twice_more_at_most() {
    let provider = Rotating::new();
    let source = source(&provider, Expire::Since(5)).await;
    provider.instead((0..2).map(|_| Instead::Busy(429, 1)));
    assert_eq!(token(&source).await.unwrap(), "access-2");
    assert_eq!(provider.requests(), 3);

    let provider = Rotating::new();
    let source = self::source(&provider, Expire::Since(5)).await;
    provider.instead((0..9).map(|_| Instead::Busy(503, 1)));
    assert_eq!(token(&source).await.unwrap_err().status(), Some(503));
    assert_eq!(provider.requests(), 3);
}

#[tokio::test]
async fn a_function_of_the_application_is_called_once_for_all() {
    let calls = Arc::new(AtomicU32::new(0));
    let source = TokenSource::from_fn(Arc::new(OnTokio), {
        let calls = calls.clone();
        move || {
            let n = calls.fetch_add(1, Relaxed) + 1;
            async move {
                yield_now().await;
                Ok(GivenToken::new(format!("given-{n}"))
                    .expires_at(SystemTime::now() + Duration::from_secs(3600)))
            }
        }
    });
    let all = futures_util::future::join_all((0..100).map(|_| token(&source))).await;
    assert!(all.into_iter().all(|token| token.unwrap() == "given-1"));
    source.reject(&source.token().await.unwrap());
    assert_eq!(token(&source).await.unwrap(), "given-2");
    assert_eq!(calls.load(Relaxed), 2);
}

#[tokio::test]
async fn a_function_that_panics_is_an_error() {
    let source = TokenSource::from_fn(Arc::new(OnTokio), || async { panic!("a test") });
    assert_eq!(token(&source).await.unwrap_err().code(), "panicked");
}

#[tokio::test]
async fn the_application_has_tokens_of_its_own() {
    let provider = Rotating::new();
    let source =
        TokenSource::application(&provider.client(), ["reports"], [("audience", "https://api.example")]);
    assert_eq!(token(&source).await.unwrap(), "own-1");
    assert_eq!(token(&source).await.unwrap(), "own-1");
    source.reject(&source.token().await.unwrap());
    assert_eq!(token(&source).await.unwrap(), "own-2");
}
