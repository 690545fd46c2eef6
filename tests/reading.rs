//! One answer, from its bytes and the instants they came to an outcome and marks: no network, no
//! clock.

#[path = "reading/answer.rs"]
mod answer;
#[path = "reading/bodies.rs"]
mod bodies;
#[path = "reading/cuts.rs"]
mod cuts;
#[path = "reading/endings.rs"]
mod endings;
#[path = "reading/errors.rs"]
mod errors;
#[path = "reading/instants.rs"]
mod instants;
#[path = "reading/kept.rs"]
mod kept;
#[path = "reading/probed.rs"]
mod probed;
#[path = "reading/told.rs"]
mod told;
#[path = "reading/tokens.rs"]
mod tokens;
#[path = "reading/transcripts.rs"]
mod transcripts;
#[path = "reading/waiting.rs"]
mod waiting;
