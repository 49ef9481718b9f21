//! What can be asked of hot keys, as a value and as the query string of a URL.

use crate::error::Error;
use crate::label::{Label, Series};

/// Keys in a reply, if the question doesn't say.
pub const DEFAULT_TOP: u32 = 20;
/// Keys in a reply at most (and a sketch has fewer).
pub const MAX_TOP: u32 = 1024;

/// A question about the hot keys of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotKeysQuery {
    /// The route.
    pub route_id: u64,
    /// The label; `Legacy` where labels are off.
    pub label: Label,
    /// `Writes` or `Reads`.
    pub series: Series,
    /// Only the keys of this part of the route's range.
    pub sub_bucket: Option<u32>,
    /// Keys at most; `None`: 20. 0 or less is an error; more than 1024, or than a sketch has, gives as many as there are.
    pub top: Option<i64>,
    /// The snapshot's window must reach to this time, Unix ms; 0: any.
    pub from_unix_ms: i64,
    /// The snapshot's window must begin by this time, Unix ms; 0: any.
    pub to_unix_ms: i64,
    /// Of the column with this sequence number, instead of the newest snapshot.
    pub column: Option<u64>,
}

impl HotKeysQuery {
    /// Asks for the newest snapshot of a route's writes.
    pub fn new(route_id: u64) -> Self {
        Self {
            route_id,
            label: Label::Legacy,
            series: Series::Writes,
            sub_bucket: None,
            top: None,
            from_unix_ms: 0,
            to_unix_ms: 0,
            column: None,
        }
    }

    /// Reads the query string of a URL, without its `?`: `route_id=7&label=redis&top=5`.
    ///
    /// `route_id` is required; `label`, `sub_bucket`, `series`, `top`, `from_unix_ms`, `to_unix_ms` and `column` may be
    /// left out or empty; other parameters are ignored. What is wrong is an [`Error::InvalidArgument`] that names the
    /// parameter.
    pub fn parse(query: &[u8]) -> Result<Self, Error> {
        const NAMES: [&str; 8] =
            ["route_id", "label", "sub_bucket", "series", "top", "from_unix_ms", "to_unix_ms", "column"];
        let mut values: [Option<String>; NAMES.len()] = Default::default();
        for (name, value) in form_urlencoded::parse(query) {
            if let Some(i) = NAMES.iter().position(|&known| known == name) {
                if values[i].replace(value.into_owned()).is_some() {
                    return Err(Error::InvalidArgument(format!("{name} is given twice")));
                }
            }
        }
        let [route_id, label, sub_bucket, series, top, from, to, column] = values.map(|value| value.filter(|value| !value.is_empty()));
        let route_id = number(NAMES[0], route_id)?.ok_or_else(|| Error::InvalidArgument("route_id is missing".into()))?;
        let mut parsed = Self::new(route_id);
        if let Some(name) = label {
            let found = Label::from_name(name.as_bytes());
            parsed.label = found.ok_or_else(|| Error::InvalidArgument("label is not a known one".into()))?;
        }
        if let Some(name) = series {
            let found = Series::from_name(name.as_bytes());
            parsed.series = found.ok_or_else(|| Error::InvalidArgument("series is neither reads nor writes".into()))?;
        }
        parsed.sub_bucket = number(NAMES[2], sub_bucket)?;
        parsed.top = number(NAMES[4], top)?;
        parsed.from_unix_ms = number(NAMES[5], from)?.unwrap_or_default();
        parsed.to_unix_ms = number(NAMES[6], to)?.unwrap_or_default();
        parsed.column = number(NAMES[7], column)?;
        parsed.check()?;
        Ok(parsed)
    }

    /// An error, if the question makes no sense.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::InvalidArgument(what));
        if !matches!(self.series, Series::Reads | Series::Writes) {
            return wrong("series is neither reads nor writes".into());
        }
        if let Some(top @ ..=0) = self.top {
            return wrong(format!("top is {top}, and must be above 0"));
        }
        if self.from_unix_ms != 0 && self.to_unix_ms != 0 && self.from_unix_ms > self.to_unix_ms {
            return wrong(format!("from_unix_ms is {}, after to_unix_ms, {}", self.from_unix_ms, self.to_unix_ms));
        }
        Ok(())
    }

    /// How many keys to give of a sketch of `entries`.
    pub(super) fn top(&self, entries: u32) -> usize {
        let wanted = self.top.unwrap_or(DEFAULT_TOP.into()).min(MAX_TOP.into());
        wanted.clamp(0, entries.into()) as usize
    }

    /// Whether the window that ends at `at_ns` overlaps the time that is asked for.
    pub(super) fn overlaps(&self, at_ns: i64, step_ns: i64) -> bool {
        let ms = |ns: i64| ns.div_euclid(1_000_000);
        let (from, to) = (self.from_unix_ms, self.to_unix_ms);
        (from == 0 || from <= ms(at_ns)) && (to == 0 || to >= ms(at_ns.saturating_sub(step_ns)))
    }
}

fn number<T: std::str::FromStr>(name: &str, value: Option<String>) -> Result<Option<T>, Error> {
    let parse = |value: String| value.parse().map_err(|_| Error::InvalidArgument(format!("{name} is not a number that it can be")));
    value.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<HotKeysQuery, String> {
        HotKeysQuery::parse(query.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_query_string_says_what_is_asked() {
        let all = "route_id=18446744073709551615&label=redis&sub_bucket=3&series=reads&top=2000&from_unix_ms=5&to_unix_ms=5&column=9&other=x";
        let expected = HotKeysQuery {
            route_id: u64::MAX,
            label: Label::Redis,
            series: Series::Reads,
            sub_bucket: Some(3),
            top: Some(2000),
            from_unix_ms: 5,
            to_unix_ms: 5,
            column: Some(9),
        };
        assert_eq!(parse(all), Ok(expected));
        assert_eq!(parse("route_id=7"), Ok(HotKeysQuery::new(7)));
        assert_eq!(parse("label=&top=&route_id=7&sub_bucket=0"), Ok(HotKeysQuery { sub_bucket: Some(0), ..HotKeysQuery::new(7) }));
        assert_eq!(parse("route_id=%37&label=s%33"), Ok(HotKeysQuery { label: Label::S3, ..HotKeysQuery::new(7) }));
    }

    #[test]
    fn what_makes_no_sense_is_an_error_that_names_the_parameter() {
        for (query, named) in [
            ("", "route_id"),
            ("route_id=", "route_id"),
            ("route_id=-1", "route_id"),
            ("route_id=1&route_id=2", "route_id"),
            ("route_id=1&label=kafka", "label"),
            ("route_id=1&series=read_bytes", "series"),
            ("route_id=1&series=x", "series"),
            ("route_id=1&sub_bucket=-1", "sub_bucket"),
            ("route_id=1&top=0", "top"),
            ("route_id=1&top=-3", "top"),
            ("route_id=1&top=many", "top"),
            ("route_id=1&from_unix_ms=6&to_unix_ms=5", "from_unix_ms"),
            ("route_id=1&to_unix_ms=soon", "to_unix_ms"),
            ("route_id=1&column=-1", "column"),
        ] {
            let error = parse(query).expect_err(query);
            assert!(error.contains(named), "{query}: {error}");
        }
    }

    #[test]
    fn top_is_capped_by_the_sketch() {
        let top = |top| HotKeysQuery { top, ..HotKeysQuery::new(1) }.top(64);
        assert_eq!([None, Some(1), Some(64), Some(65), Some(i64::MAX)].map(top), [20, 1, 64, 64, 64]);
    }

    #[test]
    fn a_window_overlaps_what_it_touches() {
        let at_ns = 10_000_000_000;
        let overlaps = |from_unix_ms, to_unix_ms| {
            HotKeysQuery { from_unix_ms, to_unix_ms, ..HotKeysQuery::new(1) }.overlaps(at_ns, 1_000_000_000)
        };
        assert!(overlaps(0, 0) && overlaps(10_000, 0) && overlaps(0, 9000) && overlaps(9500, 9600) && overlaps(1, 20_000));
        assert!(!overlaps(10_001, 0) && !overlaps(0, 8999) && !overlaps(1, 8000) && !overlaps(11_000, 12_000));
    }
}
