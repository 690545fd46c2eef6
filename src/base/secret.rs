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

    /// Values below this length are dummies that guard nothing, and may be words of any text.
    pub const SHORTEST: usize = 8;

    /// `text` with the value hidden in it, such as what a server says of a key that it refuses, and with
    /// the beginning of the value where the text was cut (`…`) within it.
    pub fn hide_in<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.0.len() < Self::SHORTEST {
            return text.into();
        }
        let mut hidden = Cow::Borrowed(text);
        if text.contains(&self.0) {
            hidden = text.replace(&self.0, "***").into();
        }
        match hidden
            .strip_suffix('…')
            .and_then(|cut| self.begins_at_end(cut))
        {
            Some(at) => format!("{}***…", &hidden[..at]).into(),
            None => hidden,
        }
    }

    /// Where the end of a text is a beginning of the value that tells something of it.
    fn begins_at_end(&self, text: &str) -> Option<usize> {
        const TELLING: usize = 4;
        let longest = self.0.len().min(text.len());
        let fits =
            |length: &usize| self.0.is_char_boundary(*length) && text.ends_with(&self.0[..*length]);
        let length = (TELLING..=longest).rev().find(fits)?;
        Some(text.len() - length)
    }

    /// `text` with all of `secrets` hidden in it: the longest first, as one may begin with another.
    pub fn hide_all<'t>(secrets: &[Self], text: &'t str) -> Cow<'t, str> {
        // Nearly no text holds one.
        if secrets
            .iter()
            .all(|secret| matches!(secret.hide_in(text), Cow::Borrowed(_)))
        {
            return text.into();
        }
        let mut longest_first: Vec<&Self> = secrets.iter().collect();
        longest_first.sort_by_key(|secret| std::cmp::Reverse(secret.0.len()));
        let hide = |text: Cow<'t, str>, secret: &Self| match secret.hide_in(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(hidden) => hidden.into(),
        };
        longest_first.into_iter().fold(text.into(), hide)
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

    #[test]
    fn a_secret_that_a_text_is_cut_within_is_hidden_as_far_as_it_goes() {
        let hidden = |text| Secret::new("sk-very-secret").hide_in(text).into_owned();
        assert_eq!(hidden("no sk-very-sec…"), "no ***…");
        assert_eq!(hidden("no sk-…"), "no sk-…", "three letters tell nothing");
        assert_eq!(hidden("sk-very-secret, no sk-very-…"), "***, no ***…");
        assert_eq!(hidden("no sk-very-sec"), "no sk-very-sec");
    }

    #[test]
    fn of_secrets_that_begin_alike_the_longest_is_hidden_first() {
        let secrets = ["planted-key", "planted-key-2"].map(Secret::new);
        let hidden = Secret::hide_all(&secrets, "planted-key-2 and planted-key");
        assert_eq!(hidden, "*** and ***");
        assert!(matches!(
            Secret::hide_all(&secrets, "none"),
            Cow::Borrowed(_)
        ));
    }
}
