//! Where the known gateways tell what.

use super::file::Kind;
use super::readings::{At, Only, Reads, Spot};

/// What gateways of a kind are known to tell, beyond what is read of any: `usage.cost`, the model, and
/// the id of the answer.
pub(super) fn spots(kind: Kind) -> Vec<Spot> {
    use Reads::{Attempts, CacheStatus, Cost, Model, Overhead, Provider, RequestId};
    match kind {
        // The gateway's own accounts: in an answer at the top, in a stream in a chunk of their own.
        Kind::Respan => vec![
            body(Cost, "/request_breakdown/cost"),
            body(Cost, "/choices/0/request_breakdown/cost"),
            seconds("/request_breakdown/routing_time"),
            seconds("/choices/0/request_breakdown/routing_time"),
            body(CacheStatus, "/request_breakdown/cached"),
            body(CacheStatus, "/choices/0/request_breakdown/cached"),
            header(RequestId, "x-respan-log-id"),
        ],
        // On a stream the header with the cost says 0, whatever it costs.
        Kind::Litellm => vec![
            body(Cost, "/usage/cost"),
            Spot {
                only: Some(Only::Whole),
                ..header(Cost, "x-litellm-response-cost")
            },
            header(Overhead, "x-litellm-overhead-duration-ms"),
            header(RequestId, "x-litellm-call-id"),
            one_more("x-litellm-attempted-retries"),
            header(Provider, "x-litellm-model-id"),
        ],
        // With a key of one's own `usage.cost` is the fee, and what the provider charges stands below.
        Kind::Openrouter => vec![
            body(Cost, "/usage/cost_details/upstream_inference_cost"),
            body(Cost, "/usage/cost"),
            header(RequestId, "x-generation-id"),
            body(RequestId, "/id"),
            body(Provider, "/provider"),
        ],
        Kind::Vercel => vec![body(RequestId, "/id")],
        Kind::Portkey => vec![
            header(RequestId, "x-portkey-trace-id"),
            header(CacheStatus, "x-portkey-cache-status"),
            one_more("x-portkey-retry-attempt-count"),
            header(Provider, "x-portkey-last-used-option-index"),
        ],
        Kind::Cloudflare => vec![
            header(RequestId, "cf-aig-log-id"),
            header(CacheStatus, "cf-aig-cache-status"),
            one_more("cf-aig-step"),
        ],
        Kind::Helicone => vec![
            header(RequestId, "helicone-id"),
            header(CacheStatus, "helicone-cache"),
        ],
        Kind::Ferrogw => vec![
            header(Overhead, "x-gateway-overhead-ms"),
            header(RequestId, "x-request-id"),
            header(Attempts, "x-gateway-attempts"),
            header(Provider, "x-gateway-provider"),
            header(Model, "x-gateway-model"),
        ],
        Kind::Openai | Kind::RespanOss => Vec::new(),
    }
}

fn at(what: Reads, at: At) -> Spot {
    Spot {
        what,
        at,
        times: 1.0,
        plus: 0.0,
        only: None,
    }
}

fn header(what: Reads, name: &str) -> Spot {
    at(what, At::Header(name.to_owned()))
}

fn body(what: Reads, pointer: &str) -> Spot {
    let pointer = pointer.parse().expect("each of them is a pointer");
    at(what, At::Pointer(pointer))
}

/// The gateway's own time, where it is told in seconds.
fn seconds(pointer: &str) -> Spot {
    Spot {
        times: 1e3,
        ..body(Reads::Overhead, pointer)
    }
}

/// Attempts, where what is told is how many came after the first.
fn one_more(name: &str) -> Spot {
    Spot {
        plus: 1.0,
        ..header(Reads::Attempts, name)
    }
}
