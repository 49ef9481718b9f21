//! Row ids: what a row is called on the wire, unique within a matrix and the same from one refresh to the next.
//!
//! ```text
//! route:<id>[:<label>][#<sub-bucket>]
//! virtual:<id>[@<node>]
//! merged:<anything>
//! ```
//!
//! Each id has one spelling, so ids are equal if and only if their texts are: numbers have no leading zeros and no
//! sign, and a part that is empty is left out together with its mark. A label may hold any character but, in a row
//! without a sub-bucket, `#`: the text after the last `#` of a route is always the sub-bucket.

use super::error::Error;
use std::fmt;

/// A row id, taken apart. [`RowId::parse`] reads one, `Display` writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowId<'a> {
    /// The traffic of a route under one label, or of one of its sub-buckets.
    Route {
        /// The route's id.
        id: u64,
        /// The label's wire form; empty: legacy.
        label: &'a str,
        /// The sub-bucket, where the route has more than one.
        sub_bucket: Option<u32>,
    },
    /// A virtual bucket.
    Virtual {
        /// Its synthetic id.
        id: u64,
        /// The node that it belongs to, where several nodes' have to be told apart; else empty.
        node: &'a str,
    },
    /// Several rows merged to keep a row budget.
    Merged(
        /// What tells it from other merged rows; not empty.
        &'a str,
    ),
}

impl<'a> RowId<'a> {
    /// Takes a row id apart.
    ///
    /// # Errors
    ///
    /// `Malformed` if it is none.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        Self::read(text).ok_or_else(|| Error::malformed(format!("{} is no row id", quoted(text))))
    }

    fn read(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "route" => {
                let (rest, sub_bucket) = match rest.rsplit_once('#') {
                    Some((rest, part)) => (rest, Some(u32::try_from(number(part)?).ok()?)),
                    None => (rest, None),
                };
                let (id, label) = marked(rest, ':')?;
                Some(RowId::Route { id: number(id)?, label, sub_bucket })
            }
            "virtual" => {
                let (id, node) = marked(rest, '@')?;
                Some(RowId::Virtual { id: number(id)?, node })
            }
            "merged" if !rest.is_empty() => Some(RowId::Merged(rest)),
            _ => None,
        }
    }

    /// The row's name for people: `route:1 / redis`. The sub-buckets of one slot share it; their ranges tell them apart.
    pub fn display_name(self) -> String {
        match self {
            RowId::Route { id, label: "", .. } => format!("route:{id}"),
            RowId::Route { id, label, .. } => format!("route:{id} / {label}"),
            RowId::Virtual { .. } | RowId::Merged(_) => self.to_string(),
        }
    }
}

impl fmt::Display for RowId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            RowId::Route { id, label, sub_bucket } => {
                write!(f, "route:{id}")?;
                if !label.is_empty() {
                    write!(f, ":{label}")?;
                }
                sub_bucket.map_or(Ok(()), |part| write!(f, "#{part}"))
            }
            RowId::Virtual { id, node: "" } => write!(f, "virtual:{id}"),
            RowId::Virtual { id, node } => write!(f, "virtual:{id}@{node}"),
            RowId::Merged(rest) => write!(f, "merged:{rest}"),
        }
    }
}

/// What comes before and after a mark. With the mark, something has to come after it.
fn marked(text: &str, mark: char) -> Option<(&str, &str)> {
    match text.split_once(mark) {
        None => Some((text, "")),
        Some((_, "")) => None,
        parts => parts,
    }
}

/// A number in its one spelling.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// Text as part of a message: escaped, and cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((cut, _)) => format!("{:?}...", &text[..cut]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn label() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), "[a-z0-9_/-]{1,8}", "[^#]{1,8}"]
    }

    proptest! {
        #[test]
        fn what_is_built_is_parsed(id in any::<u64>(), label in label(), part in any::<Option<u32>>(), odd in "\\PC{1,9}") {
            let with_mark = format!("{label}#{odd}");
            let ids = [
                RowId::Route { id, label: &label, sub_bucket: part },
                RowId::Route { id, label: &with_mark, sub_bucket: Some(part.unwrap_or(7)) },
                RowId::Virtual { id, node: "" },
                RowId::Virtual { id, node: &odd },
                RowId::Merged(&odd),
            ];
            for id in ids {
                let text = id.to_string();
                prop_assert_eq!(RowId::parse(&text), Ok(id));
            }
        }

        #[test]
        fn what_is_parsed_has_one_spelling(text in "(route|virtual|merged|rout)?:?[0-9]{0,3}[:#@]?[a-z0:#@]{0,5}") {
            if let Ok(id) = RowId::parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn a_route_splits_at_the_first_colon_and_the_last_hash() {
        let parsed = RowId::parse("route:7:a:b#c#12").unwrap();
        assert_eq!(parsed, RowId::Route { id: 7, label: "a:b#c", sub_bucket: Some(12) });
        let parsed = RowId::parse("virtual:18446744073709551615@10.0.0.1:99@x#3").unwrap();
        assert_eq!(parsed, RowId::Virtual { id: u64::MAX, node: "10.0.0.1:99@x#3" });
    }

    #[test]
    fn what_is_no_row_id_is_an_error_that_shows_it() {
        let long = "x".repeat(1000);
        for text in [
            "",
            ":",
            "route",
            "route:",
            "route:x",
            "route:01",
            "route:+1",
            "route:-1",
            "route:1:",
            "route:1#",
            "route:1:a#",
            "route:1#x",
            "route:1#01",
            "route:1#4294967296",
            "route:1:#1",
            "route:18446744073709551616",
            "Route:1",
            " route:1",
            "route:1 ",
            "virtual:",
            "virtual:1#2",
            "virtual:1:a",
            "virtual:1@",
            "virtual:@a",
            "merged:",
            "mixed:1",
            &long,
        ] {
            let error = RowId::parse(text).unwrap_err();
            assert!(error.message.len() < 120, "{error}");
            assert!(error.message.contains(text.get(..20).unwrap_or(text)), "{error}");
        }
    }

    #[test]
    fn rows_have_names_for_people() {
        let name = |text| RowId::parse(text).unwrap().display_name();
        assert_eq!(name("route:1"), "route:1");
        assert_eq!(name("route:1:redis"), "route:1 / redis");
        assert_eq!(name("route:1:redis#5"), "route:1 / redis");
        assert_eq!(name("route:1#5"), "route:1");
        assert_eq!(name("virtual:9"), "virtual:9");
        assert_eq!(name("merged:route:1..route:7"), "merged:route:1..route:7");
    }
}
