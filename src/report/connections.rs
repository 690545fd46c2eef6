//! The report's lines on how connections were opened and shared.

use crate::results::RunInfo;

/// A line for what is not as it is by default, and one for each phase that had some opened ahead.
pub(super) fn connections(info: &RunInfo) -> String {
    let said = info.connections.in_words();
    let opened = info.phases.iter().filter_map(|phase| {
        let opened = phase.preopened?;
        Some(format!(
            "opened ahead of {}: {} of {} in {:.1} ms",
            phase.name, opened.idle, opened.wanted, opened.took_ms
        ))
    });
    let lines = Some(said).filter(|said| !said.is_empty());
    let lines = lines.into_iter().chain(opened);
    lines.fold(String::new(), |out, line| {
        out + &format!("connections: {line}\n")
    })
}
