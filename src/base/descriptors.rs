//! Errors for want of a file descriptor: a limit of this machine, and nobody else's doing.

use std::io;

/// Too many open files, on the machine and in the process: the same numbers on every Unix.
const CODES: [i32; 2] = [23, 24];

/// Whether an error says that no file descriptor is left.
pub fn no_descriptor_left(error: &io::Error) -> bool {
    cfg!(unix)
        && error
            .raw_os_error()
            .is_some_and(|code| CODES.contains(&code))
}
