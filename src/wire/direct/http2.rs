//! HTTP/2.

use crate::wire::Failure;

/// What went wrong on a connection that was open.
pub(in crate::wire) fn failure(error: &hyper::Error) -> Failure {
    let mut root: &dyn std::error::Error = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    let kind = root
        .downcast_ref::<std::io::Error>()
        .map(std::io::Error::kind);
    let said = root.to_string();
    let garbled = matches!(
        kind,
        Some(std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput)
    );
    if error.is_parse() || garbled {
        Failure::Malformed(said)
    } else {
        Failure::Lost(said)
    }
}
