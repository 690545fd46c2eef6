//! Serde reads the tree, and what it can't use comes back with the place that it stands at.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::fault::{self, Fault};
use super::node::{Kind, Mapping, Node, Scalar};
use super::spanned;

impl Node {
    fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }
}

/// A method for a type of whole number, whose bounds are part of what is expected.
macro_rules! deserialize_whole {
    ($($method:ident $visit:ident $type:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let Some(number) = self.scalar().and_then(Scalar::whole) else {
                return Err(Fault::mismatch(self, &visitor));
            };
            let Ok(fitting) = <$type>::try_from(number) else {
                let expected = if number < 0 {
                    format!("a whole number of at least {}", <$type>::MIN)
                } else {
                    format!("a whole number of at most {}", <$type>::MAX)
                };
                return Err(Fault::mismatch(self, &expected.as_str()));
            };
            visitor.$visit(fitting).map_err(|fault: Fault| fault.settle(self))
        }
    )*};
}

/// A method for values that are a scalar which a function can read.
macro_rules! deserialize_scalar {
    ($($method:ident $visit:ident $read:expr,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.scalar().and_then($read) {
                Some(value) => visitor.$visit(value).map_err(|fault: Fault| fault.settle(self)),
                None => Err(Fault::mismatch(self, &visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let value = match &self.kind {
            Kind::Faulty => Err(Fault::mismatch(self, &visitor)),
            Kind::Sequence(sequence) => visitor.visit_seq(Items::new(&sequence.items)),
            Kind::Mapping(mapping) => visitor.visit_map(Entries::new(mapping)),
            Kind::Scalar(scalar) if scalar.is_null() => visitor.visit_unit(),
            Kind::Scalar(scalar) => {
                if let Some(truth) = scalar.truth() {
                    visitor.visit_bool(truth)
                } else if let Some(whole) = scalar.whole() {
                    match (u64::try_from(whole), i64::try_from(whole)) {
                        (Ok(whole), _) => visitor.visit_u64(whole),
                        (_, Ok(whole)) => visitor.visit_i64(whole),
                        _ => visitor.visit_i128(whole),
                    }
                } else if let Some(number) = scalar.number() {
                    visitor.visit_f64(number)
                } else {
                    visitor.visit_borrowed_str(&scalar.text)
                }
            }
        };
        value.map_err(|fault: Fault| fault.settle(self))
    }

    deserialize_whole! {
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u128 visit_u128 u128,
    }

    deserialize_scalar! {
        deserialize_bool visit_bool Scalar::truth,
        deserialize_i128 visit_i128 Scalar::whole,
        deserialize_f32 visit_f64 Scalar::number,
        deserialize_f64 visit_f64 Scalar::number,
        deserialize_char visit_borrowed_str Scalar::value,
        deserialize_str visit_borrowed_str Scalar::value,
        deserialize_string visit_borrowed_str Scalar::value,
        deserialize_bytes visit_borrowed_bytes |scalar| scalar.value().map(str::as_bytes),
        deserialize_byte_buf visit_borrowed_bytes |scalar| scalar.value().map(str::as_bytes),
        deserialize_identifier visit_borrowed_str |scalar| Some(scalar.text.as_str()),
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
        .map_err(|fault: Fault| fault.settle(self))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if !self.is_null() {
            return Err(Fault::mismatch(self, &visitor));
        }
        visitor
            .visit_unit()
            .map_err(|fault: Fault| fault.settle(self))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == spanned::NAME {
            visitor.visit_seq(SpannedParts {
                node: self,
                given: 0,
            })
        } else {
            visitor.visit_newtype_struct(self)
        }
        .map_err(|fault: Fault| fault.settle(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.kind {
            Kind::Sequence(sequence) => visitor
                .visit_seq(Items::new(&sequence.items))
                .map_err(|fault: Fault| fault.settle(self)),
            _ => Err(Fault::mismatch(self, &visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        match &self.kind {
            Kind::Sequence(sequence) if sequence.items.len() != len => {
                let found = sequence.items.len();
                Err(Fault::said(
                    self,
                    format!("expected a list of {len} elements, found {found}"),
                ))
            }
            _ => self.deserialize_seq(visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.kind {
            Kind::Mapping(mapping) => visitor
                .visit_map(Entries::new(mapping))
                .map_err(|fault: Fault| fault.settle(self)),
            _ => Err(Fault::mismatch(self, &visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let mismatch = || {
            let expected = format!("one of {}", fault::list(variants));
            Err(Fault::mismatch(self, &expected.as_str()))
        };
        let choice = match &self.kind {
            Kind::Scalar(scalar) if !scalar.is_null() => Choice {
                name: self,
                content: None,
            },
            Kind::Mapping(mapping) => match mapping.entries.as_slice() {
                [(name, content)] => Choice {
                    name,
                    content: Some(content),
                },
                [_, (second, _), ..] => return Err(several(self, mapping, second, variants)),
                [] => return mismatch(),
            },
            _ => return mismatch(),
        };
        visitor
            .visit_enum(choice)
            .map_err(|fault: Fault| fault.settle(self))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// The fault of a mapping with several keys where one of them chooses.
fn several(node: &Node, mapping: &Mapping, second: &Node, variants: &[&str]) -> Fault {
    let keys: Vec<&str> = mapping
        .entries
        .iter()
        .filter_map(|(key, _)| key.text())
        .collect();
    let message = format!(
        "expected exactly one key, found {}\nexactly one of {}",
        fault::list(&keys),
        fault::list(variants)
    );
    Fault::said(node, message).shown_at(second.span.clone())
}

struct Items<'de>(std::iter::Enumerate<std::slice::Iter<'de, Node>>);

impl<'de> Items<'de> {
    fn new(items: &'de [Node]) -> Self {
        Self(items.iter().enumerate())
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let Some((index, item)) = self.0.next() else {
            return Ok(None);
        };
        seed.deserialize(item)
            .map(Some)
            .map_err(|fault: Fault| fault.settle(item).below(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'de> {
    entries: std::iter::Enumerate<std::slice::Iter<'de, (Node, Node)>>,
    value: Option<(usize, &'de Node)>,
}

impl<'de> Entries<'de> {
    fn new(mapping: &'de Mapping) -> Self {
        Self {
            entries: mapping.entries.iter().enumerate(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let Some((index, (key, value))) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some((index, value));
        seed.deserialize(key)
            .map(Some)
            .map_err(|fault: Fault| fault.settle(key).below(index))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let Some((index, value)) = self.value.take() else {
            return Err(Fault::custom("a value was asked for before its key"));
        };
        seed.deserialize(value)
            .map_err(|fault: Fault| fault.settle(value).below(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A variant by its name alone, or with its content below it.
struct Choice<'de> {
    name: &'de Node,
    content: Option<&'de Node>,
}

impl<'de> Choice<'de> {
    fn content(self) -> Result<&'de Node, Fault> {
        self.content.ok_or_else(|| {
            let name = self.name.text().unwrap_or_default();
            Fault::said(
                self.name,
                format!("`{name}` needs a value\nwrite `{name}: ...`"),
            )
        })
    }
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let variant = seed
            .deserialize(self.name)
            .map_err(|fault: Fault| fault.settle(self.name))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            Some(content) if !content.is_null() => {
                let name = self.name.text().unwrap_or_default();
                let message = format!("`{name}` takes no value\nwrite just `{name}`");
                Err(Fault::said(content, message).below(0))
            }
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        let content = self.content()?;
        seed.deserialize(content)
            .map_err(|fault: Fault| fault.settle(content).below(0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.content()?
            .deserialize_tuple(len, visitor)
            .map_err(|fault| fault.below(0))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.content()?
            .deserialize_map(visitor)
            .map_err(|fault| fault.below(0))
    }
}

/// What a `Spanned` is given: the start, the end and the value.
struct SpannedParts<'de> {
    node: &'de Node,
    given: usize,
}

impl<'de> SeqAccess<'de> for SpannedParts<'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        self.given += 1;
        let offset = |offset: usize| IntoDeserializer::<Fault>::into_deserializer(offset);
        match self.given {
            1 => seed.deserialize(offset(self.node.span.start)).map(Some),
            2 => seed.deserialize(offset(self.node.span.end)).map(Some),
            3 => seed.deserialize(self.node).map(Some),
            _ => Ok(None),
        }
    }
}
