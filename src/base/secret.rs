//! A value that can be sent but not seen.

use std::borrow::Cow;
use std::fmt;

/// A credential. It has no `Serialize`, no `PartialEq`, and its `Debug` and `Display` hide it, so
/// it can't reach a file, a log line or an error by accident.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that puts it on the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` with the value hidden in it, such as what a server says of a key that it refuses. A
    /// value of less than 8 bytes is a dummy that guards nothing, and may be a word of the text.
    pub fn hide_in<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.0.len() >= 8 && text.contains(&self.0) {
            text.replace(&self.0, "***").into()
        } else {
            text.into()
        }
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("sk-very-secret");
        assert!(!format!("{secret} {secret:?}").contains("very"));
        assert_eq!(secret.expose(), "sk-very-secret");
    }

    #[test]
    fn a_secret_is_hidden_in_what_others_say() {
        let hidden = |secret: &str, text| Secret::new(secret).hide_in(text).into_owned();
        assert_eq!(hidden("sk-very-secret", "no sk-very-secret!"), "no ***!");
        assert_eq!(hidden("sk-very-secret", "no key"), "no key");
        assert_eq!(hidden("key", "no key"), "no key");
        assert_eq!(hidden("", "no key"), "no key");
    }
}
