//! The small parts of the JSON document, and what its visitors share.

use crate::label::Series;
use crate::matrix::row_id::quoted;
use crate::matrix::{ErrorKind, Fanout, FanoutNode};
use base64::prelude::{Engine as _, BASE64_STANDARD};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use std::fmt;

/// Implements [`DeserializeSeed`] for a visitor, by asking for whatever comes.
macro_rules! any_seed {
    ($($visitor:ident $(<$($life:lifetime),*>)? -> $value:ty;)*) => {$(
        impl<'de> DeserializeSeed<'de> for $visitor $(<$($life),*>)? {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    )*};
}
pub(super) use any_seed;

any_seed! {
    Key -> Vec<u8>;
    Skip -> ();
    FanoutIn<'_> -> Option<Fanout>;
    Nodes<'_, '_> -> ();
    Node -> FanoutNode;
}

/// The next key of an object: which of `names` it is, or `None` for one that is unknown. A name comes once.
pub(super) struct Field<'a> {
    pub names: &'static [&'static str],
    /// A bit for each name that was met.
    pub seen: &'a mut u32,
}

impl<'de> DeserializeSeed<'de> for Field<'_> {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Field<'_> {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        let Some(i) = self.names.iter().position(|&name| name == key) else { return Ok(None) };
        if *self.seen >> i & 1 != 0 {
            return Err(E::custom(format_args!("the field {key} comes twice")));
        }
        *self.seen |= 1 << i;
        Ok(Some(self.names[i]))
    }
}

/// A bound of a range: base64, `null` when empty.
pub(super) struct Key;

impl Visitor<'_> for Key {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key in base64, or null")
    }

    fn visit_unit<E>(self) -> Result<Vec<u8>, E> {
        Ok(Vec::new())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
        BASE64_STANDARD.decode(text).map_err(|error| E::custom(format_args!("a key is not base64: {error}")))
    }
}

/// Any value, of which nothing is kept. Unlike serde's own, it doesn't go deeper than serde_json lets it.
pub(super) struct Skip;

impl<'de> Visitor<'de> for Skip {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Skip)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(Skip)?.is_some() {
            map.next_value_seed(Skip)?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct SeriesName(pub Series);

impl TryFrom<String> for SeriesName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Series::from_name(name.as_bytes()).map(SeriesName).ok_or_else(|| format!("{} is no series", quoted(&name)))
    }
}

/// Unix nanoseconds.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Time(pub i64);

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |error: &dyn fmt::Display| format!("generated_at is {}: {error}", quoted(&text));
        let time: jiff::Timestamp = text.parse().map_err(|error| wrong(&error))?;
        time.as_nanosecond().try_into().map(Time).map_err(|error| wrong(&error))
    }
}

/// The nodes that were asked. How many responded is what they say.
pub(super) struct FanoutIn<'a> {
    /// How many nodes there may be.
    pub most: usize,
    /// Becomes `TooLarge` if there are more.
    pub kind: &'a mut ErrorKind,
}

impl<'de> Visitor<'de> for FanoutIn<'_> {
    type Value = Option<Fanout>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the nodes that were asked as an object")
    }

    fn visit_unit<E>(self) -> Result<Option<Fanout>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Option<Fanout>, A::Error> {
        let mut fanout = Fanout::default();
        let mut seen = 0;
        while let Some(field) = map.next_key_seed(Field { names: &["nodes", "expected"], seen: &mut seen })? {
            match field {
                Some("nodes") => map.next_value_seed(Nodes { to: &mut fanout.nodes, limit: &mut self })?,
                Some("expected") => fanout.expected = map.next_value::<Option<u64>>()?.unwrap_or_default(),
                _ => map.next_value_seed(Skip)?,
            }
        }
        Ok(Some(fanout))
    }
}

struct Nodes<'a, 'k> {
    to: &'a mut Vec<FanoutNode>,
    limit: &'a mut FanoutIn<'k>,
}

impl<'de> Visitor<'de> for Nodes<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of nodes")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(node) = seq.next_element_seed(Node)? {
            if self.to.len() == self.limit.most {
                *self.limit.kind = ErrorKind::TooLarge;
                return Err(A::Error::custom(format_args!("more than {} nodes", self.limit.most)));
            }
            self.to.push(node);
        }
        Ok(())
    }
}

struct Node;

impl<'de> Visitor<'de> for Node {
    type Value = FanoutNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FanoutNode, A::Error> {
        let (mut node, mut ok, mut error) = (String::new(), false, None);
        let mut seen = 0;
        while let Some(field) = map.next_key_seed(Field { names: &["node", "ok", "error"], seen: &mut seen })? {
            match field {
                Some("node") => node = map.next_value::<Option<String>>()?.unwrap_or_default(),
                Some("ok") => ok = map.next_value::<Option<bool>>()?.unwrap_or_default(),
                Some("error") => error = map.next_value::<Option<String>>()?,
                _ => map.next_value_seed(Skip)?,
            }
        }
        Ok(FanoutNode { node, error: (!ok).then(|| error.unwrap_or_default()) })
    }
}
