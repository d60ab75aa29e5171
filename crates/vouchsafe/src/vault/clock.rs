//! The time of day, read quickly: whether a token is still valid is asked with each request.

/// The time in milliseconds since 1970, as exact as the ticks of the system, which are some milliseconds apart.
#[cfg(target_os = "linux")]
pub(super) fn now() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    // A tenth of the time that `SystemTime::now` takes.
    let time = clock_gettime(ClockId::RealtimeCoarse);
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    part(time.tv_sec) * 1000 + part(time.tv_nsec) / 1_000_000
}

/// The time in milliseconds since 1970.
#[cfg(not(target_os = "linux"))]
pub(super) fn now() -> u64 {
    crate::text::moment::Seconds::of(std::time::SystemTime::now()).milliseconds()
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn the_time_is_that_of_the_system() {
        let exact = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        assert!(super::now().abs_diff(exact) < 1000);
    }
}
