//! Arrival to request bytes; pure: the same arrival gives the same bytes.

use bytes::Bytes;

use crate::dialect::Dialect;
use crate::plan::{ArrivalId, Plan};
use crate::scenario::Place;
use crate::schedule::Arrival;

/// A request that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shot {
    /// The arrival that it answers.
    pub id: ArrivalId,
    /// The wire format of its body and of the answer.
    pub dialect: Dialect,
    /// The path below the target's base URL.
    pub path: &'static str,
    /// The body.
    pub body: Bytes,
    /// Whether the answer is to be streamed.
    pub stream: bool,
}

/// The request of an arrival.
pub fn build(plan: &Plan, arrival: &Arrival) -> Shot {
    let dialect = match &plan.scenario().target.place {
        Place::Gateway { dialect, .. } => *dialect,
        Place::Lab { .. } => Dialect::OpenaiChat,
    };
    let ask = plan.ask(arrival.recipe, arrival.id);
    Shot {
        id: arrival.id,
        dialect,
        path: dialect.path(),
        body: Bytes::from(dialect.encode_ask(&ask)),
        stream: ask.stream,
    }
}
