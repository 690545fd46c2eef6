//! What a probe asks: the smallest requests that show each shape of a contract.

use bytes::Bytes;

use crate::base::Money;
use crate::dialect::{Ask, Dialect, Message, Role};
use crate::plan::ArrivalId;
use crate::pricing::Price;
use crate::scenario::Kind;
use crate::shot::{Headers, Shot};

/// A key that no server knows.
pub(super) const WRONG_KEY: &str = "sk-tollgate-probe-wrong-key";
/// A model that no server has.
const NO_MODEL: &str = "tollgate-probe-no-such-model";
const DIALECT: Dialect = Dialect::OpenaiChat;

/// One request of a probe.
#[derive(Clone, Debug)]
pub(super) struct Probing {
    /// The name of its transcript.
    pub(super) name: &'static str,
    /// Whether it is sent with the right key.
    pub(super) keyed: bool,
    /// Whether a whole answer is wanted; else a refusal is.
    pub(super) wants_answer: bool,
    pub(super) shot: Shot,
}

/// The requests for a gateway that keeps the contract `kind`.
pub(super) fn asks(kind: Kind, model: &str) -> Vec<Probing> {
    let probing = |name, model: &str, stream, tokens| Probing {
        name,
        keyed: true,
        wants_answer: true,
        shot: shot(model, stream, tokens, false),
    };
    let accounted = |name, stream| Probing {
        shot: shot(model, stream, 5, true),
        ..probing(name, model, stream, 5)
    };
    let refused = |probing| Probing {
        wants_answer: false,
        ..probing
    };
    let mut asks = vec![
        probing("whole", model, false, 5),
        probing("stream", model, true, 5),
    ];
    if kind == Kind::Respan {
        asks.push(accounted("breakdown-whole", false));
        asks.push(accounted("breakdown-stream", true));
    }
    asks.push(Probing {
        keyed: false,
        ..refused(probing("bad-key", model, false, 1))
    });
    asks.push(refused(probing("unknown-model", NO_MODEL, false, 1)));
    asks
}

fn shot(model: &str, stream: bool, tokens: u32, breakdown: bool) -> Shot {
    let ask = Ask {
        model: model.to_owned(),
        messages: vec![Message {
            role: Role::User,
            content: "Say hi.".to_owned(),
        }],
        stream,
        max_tokens: Some(tokens),
        ..Ask::default()
    };
    let mut body = DIALECT.encode_ask(&ask);
    if breakdown && body.pop() == Some(b'}') {
        body.extend_from_slice(br#","request_breakdown":true}"#);
    }
    Shot {
        id: ArrivalId::default(),
        dialect: DIALECT,
        path: DIALECT.path().into(),
        body: Bytes::from(body),
        stream,
        headers: Headers::default(),
    }
}

/// The most that all requests together can cost; also those that are to be refused, since a gateway
/// may answer them. `None` where that is unknown.
pub(super) fn at_most(asks: &[Probing], price: Option<&Price>) -> Option<Money> {
    let each = |probing: &Probing| price?.at_most(probing.shot.body.len() as u64, Some(5), Some(1));
    asks.iter().map(each).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gateway_that_knows_breakdowns_is_asked_for_them() {
        let asked = |kind| -> Vec<bool> {
            let asks = asks(kind, "m");
            let has = |probing: &Probing| {
                let body: serde_json::Value = serde_json::from_slice(&probing.shot.body).unwrap();
                assert!(body["max_tokens"].as_u64().unwrap() <= 5);
                body["request_breakdown"] == true
            };
            asks.iter().map(has).collect()
        };
        assert_eq!(asked(Kind::Openai), [false; 4]);
        assert_eq!(
            asked(Kind::Respan),
            [false, false, true, true, false, false]
        );
    }

    #[test]
    fn the_most_that_a_probe_costs_is_that_of_all_its_requests_or_unknown() {
        let asks = asks(Kind::Openai, "m");
        assert_eq!(at_most(&asks, None), None);
        let price = Price {
            per_request: Some("0.01".parse().unwrap()),
            ..Price::default()
        };
        assert_eq!(
            at_most(&asks, Some(&price)),
            Some(Money::from_nanos(40_000_000))
        );
    }
}
