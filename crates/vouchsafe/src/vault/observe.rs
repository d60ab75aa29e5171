//! Traces and metrics of a vault, by names that do not change. They name the provider, never a user or a token.
use super::event::Event;

/// Records an event in the crates `tracing` and `metrics`, as far as their features are on.
#[cfg_attr(not(any(feature = "metrics", feature = "tracing")), expect(unused_variables))]
pub(super) fn record(event: &Event) {
    #[cfg(feature = "metrics")]
    count(event);
    #[cfg(feature = "tracing")]
    trace(event);
}

/// The provider of a record: the last part of its key.
#[cfg(any(feature = "metrics", feature = "tracing"))]
fn provider(key: &str) -> &str {
    key.rsplit_once('/').map_or(key, |(_, provider)| provider)
}

#[cfg(feature = "metrics")]
fn count(event: &Event) {
    let refresh = |key: &str, outcome: &str| {
        let labels = [("provider", provider(key).to_owned()), ("outcome", outcome.to_owned())];
        metrics::counter!("vouchsafe_refreshes_total", &labels).increment(1);
    };
    match event {
        Event::Refreshed { key, .. } => refresh(key, "ok"),
        Event::RefreshFailed { key, error, .. } => refresh(key, error.code()),
        Event::Waited { key, time } => {
            metrics::histogram!("vouchsafe_lease_wait_seconds", "provider" => provider(key).to_owned())
                .record(*time);
        }
        Event::SignInAgain { key } => {
            metrics::counter!("vouchsafe_logins_over_total", "provider" => provider(key).to_owned())
                .increment(1);
        }
        Event::Connected { .. } | Event::Disconnected { .. } | Event::Refreshing { .. } => {}
    }
}

#[cfg(feature = "tracing")]
fn trace(event: &Event) {
    match event {
        Event::Connected { key } => {
            tracing::info!(provider = provider(key), "login saved");
        }
        Event::Disconnected { key, revoked } => {
            tracing::info!(provider = provider(key), revoked, "login deleted");
        }
        Event::Refreshed { key, .. } => {
            tracing::info!(provider = provider(key), "tokens refreshed");
        }
        Event::Refreshing { key } => {
            tracing::debug!(provider = provider(key), "refreshing tokens");
        }
        Event::RefreshFailed { key, error, still_valid } => {
            // Some messages name the record, and its key names the user.
            let text = error.to_string().replace(key, provider(key));
            tracing::warn!(
                provider = provider(key),
                still_valid,
                code = error.code(),
                error = text,
                "refresh failed"
            );
        }
        Event::Waited { key, time } => {
            tracing::debug!(
                provider = provider(key),
                seconds = time.as_secs_f64(),
                "waited for another process"
            );
        }
        Event::SignInAgain { key } => {
            tracing::warn!(provider = provider(key), "the user has to sign in again");
        }
    }
}
