//! Whether a script can be followed, before anybody tries to.

use super::fault::{Action, Fault};
use super::script::{Model, Script};
use super::shape::Shape;
use crate::base::{Distribution, DistributionError, Magnitude};

/// What makes a script impossible to follow. The second line says what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// No model could answer.
    #[error("the script has no models\ngive at least one, or leave `models` out for the default")]
    NoModels,
    /// A distribution that can't be drawn from.
    #[error("model `{model}`: `{field}`: {source}")]
    Distribution {
        /// The model's name or pattern.
        model: String,
        /// The field of the model.
        field: &'static str,
        /// What is wrong with it.
        source: DistributionError,
    },
    /// A number that must be at least one.
    #[error("{place}: `{field}` is 0\nwrite a number above zero, or leave it out")]
    Zero {
        /// Where: a model, a fault, the stream.
        place: String,
        /// The field.
        field: &'static str,
    },
    /// A model that can never answer.
    #[error("model `{model}` is never reached: `{by}` above it fits every name\nmove it up")]
    Shadowed {
        /// The model's name or pattern.
        model: String,
        /// The pattern above it.
        by: String,
    },
    /// A freeze or a downtime without a window, or with more than a window.
    #[error("fault {number}: `{kind}` needs a `window`, and no other condition\nit holds for all")]
    WindowOnly {
        /// Its name in a script.
        kind: &'static str,
        /// Its place in the list, from 1.
        number: usize,
    },
    /// A status that is no error.
    #[error("fault {number}: status {code} is no error\nwrite a code from 400 to 599")]
    Status {
        /// Its place in the list, from 1.
        number: usize,
        /// The code.
        code: u16,
    },
    /// An event name or a key that would break the line it stands in.
    #[error("`{field}` has a character that can't stand in a line\nuse printable ASCII")]
    Unprintable {
        /// The field.
        field: &'static str,
    },
    /// A gateway that nobody could enter.
    #[error("`gateway.keys` is empty\ngive at least one, or leave it out for the default")]
    NoKeys,
    /// Keys of clients that can't be told apart, or can't be sent.
    #[error("`gateway.keys`: a key is empty or there twice\ngive each client a key of its own")]
    Keys,
    /// A delay that can't be drawn.
    #[error("`gateway.delay`: {0}")]
    Delay(DistributionError),
    /// Another delay that can't be drawn.
    #[error("`gateway.added.{field}`: {source}")]
    Added {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        source: DistributionError,
    },
    /// A load balance group from which nothing can be drawn.
    #[error("`gateway.groups.{group}` has no models, or a weight that is not above zero")]
    Group {
        /// The name of the group.
        group: String,
    },
    /// A log file in a build that can't write it.
    #[error(
        "`gateway.log_file` needs SQLite\nbuild tollgate with --features sqlite, or leave it out"
    )]
    NoSqlite,
    /// A problem of a provider with a script of its own.
    #[error("provider `{name}`: {source}")]
    Provider {
        /// The name of the provider.
        name: String,
        /// What is wrong with its script.
        source: Box<ScriptError>,
    },
    /// A provider that no model's name can lead to.
    #[error("`providers`: `{0}` can't be the prefix of a model\nuse letters, digits, - and _")]
    Prefix(String),
}

impl Script {
    /// Whether the script can be followed; the first problem where it can't.
    pub fn check(&self) -> Result<(), ScriptError> {
        if self.models.is_empty() {
            return Err(ScriptError::NoModels);
        }
        printable("key", self.key.as_deref())?;
        self.stream.check("stream")?;
        for (at, model) in self.models.iter().enumerate() {
            if let Some(above) = self.models[..at].iter().find(|above| above.model == "*") {
                return Err(ScriptError::Shadowed {
                    model: model.model.clone(),
                    by: above.model.clone(),
                });
            }
            model.check()?;
        }
        self.gateway.check()?;
        for (name, behind) in &self.providers {
            let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if name.is_empty() || !name.bytes().all(fine) {
                return Err(ScriptError::Prefix(name.clone()));
            }
            let of = |source| ScriptError::Provider {
                name: name.clone(),
                source: Box::new(source),
            };
            behind.script().check().map_err(of)?;
        }
        (1..)
            .zip(&self.faults)
            .try_for_each(|(number, fault)| check_fault(number, fault))
    }
}

impl Model {
    fn check(&self) -> Result<(), ScriptError> {
        self.check_one("ttft", &self.ttft)?;
        self.check_one("pace", &self.pace)?;
        self.check_one("output_tokens", &self.output_tokens)?;
        if let Some(pages) = &self.pages {
            self.check_one("pages", pages)?;
        }
        let place = format!("model `{}`", self.model);
        above_zero(&place, "slots", Some(self.slots))?;
        self.stream
            .as_ref()
            .map_or(Ok(()), |shape| shape.check(&place))
    }

    fn check_one<T: Magnitude>(
        &self,
        field: &'static str,
        distribution: &Distribution<T>,
    ) -> Result<(), ScriptError> {
        distribution
            .check()
            .map_err(|source| ScriptError::Distribution {
                model: self.model.clone(),
                field,
                source,
            })
    }
}

impl Shape {
    fn check(&self, place: &str) -> Result<(), ScriptError> {
        printable("event_name", self.event_name.as_deref())?;
        above_zero(place, "tokens_per_chunk", Some(self.tokens_per_chunk))?;
        above_zero(place, "coalesce", Some(self.coalesce))?;
        above_zero(place, "split", self.split)?;
        above_zero(place, "comments.every", self.comments.every)
    }
}

fn check_fault(number: usize, fault: &Fault) -> Result<(), ScriptError> {
    let place = format!("fault {number}");
    above_zero(&place, "when.every", fault.when.every)?;
    if fault
        .when
        .window
        .is_some_and(|window| window.length.0.is_zero())
    {
        return Err(ScriptError::Zero {
            place,
            field: "when.window.for",
        });
    }
    match &fault.action {
        action if action.holds_for_all() && !fault.when.is_window_only() => {
            let kind = action.kind();
            Err(ScriptError::WindowOnly { kind, number })
        }
        Action::Status(status) if !(400..600).contains(&status.code) => Err(ScriptError::Status {
            number,
            code: status.code,
        }),
        _ => Ok(()),
    }
}

pub(super) fn above_zero(
    place: &str,
    field: &'static str,
    value: Option<u32>,
) -> Result<(), ScriptError> {
    if value == Some(0) {
        return Err(ScriptError::Zero {
            place: place.to_owned(),
            field,
        });
    }
    Ok(())
}

pub(super) fn printable(field: &'static str, text: Option<&str>) -> Result<(), ScriptError> {
    let fine = |text: &str| text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if text.is_none_or(fine) {
        Ok(())
    } else {
        Err(ScriptError::Unprintable { field })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Script {
        serde_json::from_str(json).unwrap()
    }

    fn fault(json: &str) -> Result<(), ScriptError> {
        read(&format!(r#"{{"faults":[{json}]}}"#)).check()
    }

    #[test]
    fn a_script_that_cannot_be_followed_says_where() {
        let of = |json: &str| read(json).check().unwrap_err().to_string();
        assert!(of(r#"{"models":[]}"#).contains("no models"));
        let ttft = r#"{"models":[{"model":"a","ttft":{"empirical":[]}}]}"#;
        assert!(of(ttft).starts_with("model `a`: `ttft`: the list of values is empty"));
        assert!(
            of(r#"{"models":[{"model":"a","slots":0}]}"#).starts_with("model `a`: `slots` is 0")
        );
        assert!(of(r#"{"models":[{},{"model":"a"}]}"#).contains("`a` is never reached"));
        assert!(of(r#"{"stream":{"split":0}}"#).starts_with("stream: `split` is 0"));
        assert!(of(r#"{"stream":{"event_name":"a\nb"}}"#).contains("`event_name`"));
        for kind in ["freeze", "down"] {
            let always = format!(r#"{{"when":{{"share":"1%"}},"do":"{kind}"}}"#);
            assert_eq!(
                fault(&always),
                Err(ScriptError::WindowOnly { kind, number: 1 })
            );
        }
        let fine = r#"{"do":{"status":{"code":200}}}"#;
        assert_eq!(
            fault(fine),
            Err(ScriptError::Status {
                number: 1,
                code: 200
            })
        );
        assert!(fault(r#"{"when":{"every":0},"do":"refuse"}"#).is_err());
        assert!(of(r#"{"gateway":{"keys":[]}}"#).contains("`gateway.keys` is empty"));
        let twice = r#"{"gateway":{"keys":[{"key":"a"},{"key":"a"}]}}"#;
        assert!(of(twice).contains("there twice"));
        let group = r#"{"gateway":{"groups":{"g":[{"model":"openai/a","weight":0}]}}}"#;
        assert!(of(group).contains("`gateway.groups.g`"));
        assert!(of(r#"{"gateway":{"delay":{"empirical":[]}}}"#).starts_with("`gateway.delay`"));
        assert!(
            of(r#"{"gateway":{"added":{"chunk":{"empirical":[]}}}}"#)
                .starts_with("`gateway.added.chunk`: the list")
        );
        let none = r#"{"gateway":{"stream":{"coalesce":{"until":{"chunks":0}}}}}"#;
        assert!(of(none).starts_with("gateway.stream: `coalesce.until.chunks` is 0"));
        assert!(of(r#"{"gateway":{"stream":{"lose":0}}}"#).contains("`lose` is 0"));
        let behind = r#"{"providers":{"openai":{"models":[]}}}"#;
        assert!(of(behind).starts_with("provider `openai`: the script has no models"));
        assert!(of(r#"{"providers":{"a/b":{}}}"#).contains("`a/b`"));
    }
}
