//! What the gateway says when it is itself that refuses, in its own shapes. A provider's errors are
//! passed on as they are.

use std::time::Duration;

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use crate::lab::whole;

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) detail: String,
    /// Which fields of the body are wrong, and why.
    pub(super) fields: Vec<(String, String)>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            fields: Vec::new(),
            retry_after: None,
        }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(super) fn unknown_key() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "this key is not known here")
    }

    /// No provider gave an answer.
    pub(super) fn no_answer(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FAILED_DEPENDENCY, detail)
    }

    /// Fields that can't be understood: each with its name and what is wrong with it.
    pub(super) fn of_fields(fields: Vec<(String, String)>) -> Self {
        Self {
            fields,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid request body")
        }
    }

    /// Too much within a minute, of which `left` is still to pass.
    pub(super) fn rate_limit(left: Duration) -> Self {
        let seconds = left.as_secs_f64().ceil();
        Self {
            retry_after: Some(left),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("Rate limit exceeded. Try again in {seconds} seconds."),
            )
        }
    }

    pub(super) fn wrong_method(allowed: &Method) -> Response {
        let detail = format!("Only {allowed} is allowed here");
        let mut response = Self::new(StatusCode::METHOD_NOT_ALLOWED, detail).into_response();
        if let Ok(allowed) = HeaderValue::from_str(allowed.as_str()) {
            response.headers_mut().insert(header::ALLOW, allowed);
        }
        response
    }

    pub(super) fn into_response(self) -> Response {
        let mut body = json!({ "detail": self.detail });
        if !self.fields.is_empty() {
            let error = |(field, problem): &(String, String)| json!({ "loc": ["body", field], "msg": problem });
            body["errors"] = self.fields.iter().map(error).collect::<Value>();
        }
        if let Some(left) = self.retry_after {
            body["retry_after"] = (left.as_secs_f64().ceil() as u64).into();
        }
        let mut response = whole::json(self.status, body.to_string());
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}
