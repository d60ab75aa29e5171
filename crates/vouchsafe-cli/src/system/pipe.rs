//! A pipe whose reader has ended, such as `head`.
use std::io::{Error, ErrorKind};

/// Whether writing failed because nobody reads any more.
pub(crate) fn is_closed_pipe(error: &Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe || error.raw_os_error().is_some_and(|code| CLOSED.contains(&code))
}

/// EPIPE.
#[cfg(unix)]
const CLOSED: [i32; 1] = [32];

/// `ERROR_BROKEN_PIPE`, `ERROR_NO_DATA` (the pipe is being closed) and `ERROR_PIPE_NOT_CONNECTED`. The standard library does not know
/// all of them.
#[cfg(windows)]
const CLOSED: [i32; 3] = [109, 232, 233];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_a_closed_pipe_is_known_and_a_full_disk_is_none() {
        #[cfg(unix)]
        let (closed, full) = ([32], 28);
        #[cfg(windows)]
        let (closed, full) = ([109, 232, 233], 112);
        for code in closed {
            assert!(is_closed_pipe(&Error::from_raw_os_error(code)), "{code}");
        }
        assert!(is_closed_pipe(&ErrorKind::BrokenPipe.into()));
        assert!(!is_closed_pipe(&Error::from_raw_os_error(full)));
        assert!(!is_closed_pipe(&ErrorKind::StorageFull.into()));
    }
}
