//! A value that remembers the bytes it was read from, for problems that are found later.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// The name under which a value asks the deserializer of documents for its span.
pub(super) const NAME: &str = "$tollgate::Spanned";

/// A value and its byte range in the source, which the holder of the value knows. Equality,
/// serialization and schema are those of the value. From any other deserializer than that of
/// documents (and from serde's untagged, internally tagged and flattened types, which read through
/// a buffer) the range is empty.
#[derive(Clone, Default)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    /// A value with its place.
    pub fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }

    /// The value, its place forgotten.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

/// A value that was not read, such as a default, has an empty span.
impl<T> From<T> for Spanned<T> {
    fn from(value: T) -> Self {
        Self { value, span: 0..0 }
    }
}

impl<T: Serialize> Serialize for Spanned<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, SpannedVisitor(PhantomData))
    }
}

struct SpannedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SpannedVisitor<T> {
    type Value = Spanned<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its span")
    }

    /// The answer of the deserializer of documents: start, end and value.
    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut offset = || {
            parts
                .next_element::<usize>()?
                .ok_or_else(|| A::Error::custom("a span without its end"))
        };
        let span = offset()?..offset()?;
        let value = parts
            .next_element()?
            .ok_or_else(|| A::Error::custom("a span of no value"))?;
        Ok(Spanned { value, span })
    }

    /// The answer of any other deserializer.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        T::deserialize(value).map(Spanned::from)
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_a_spanned_value_is_that_of_the_value() {
        assert_eq!(
            schemars::schema_for!(Spanned<Vec<u8>>),
            schemars::schema_for!(Vec<u8>)
        );
    }

    #[test]
    fn equality_and_debug_are_those_of_the_value() {
        assert_eq!(Spanned::new(5, 0..1), Spanned::new(5, 7..8));
        assert_eq!(format!("{:?}", Spanned::new("x", 0..1)), "\"x\"");
        assert_eq!(Spanned::new("x", 0..1).len(), 1);
    }
}
