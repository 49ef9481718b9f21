//! What a row says besides its counters: one immutable version of a route's description, shared by the rows of every
//! column in which it held.

use crate::column::{Counters, RowView};
use crate::label::Label;
use crate::sub_bucket::Parts;

/// One version of a route's (or a virtual bucket's) description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteMeta {
    pub route_id: u64,
    pub group_id: u64,
    pub leader_term: u64,
    pub start: Box<[u8]>,
    /// Empty: unbounded.
    pub end: Box<[u8]>,
    /// `None` on a single route.
    pub members: Option<Members>,
    /// Routes that this one came from.
    pub parents: Box<[u64]>,
    pub division: Option<Division>,
}

/// The members of a virtual bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Members {
    pub listed: Box<[u64]>,
    pub total: u64,
}

/// How the route is sub-divided. The start that the parts were cut from may be older than the route's range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Division {
    pub parts: Parts,
    pub prefix: Box<[u8]>,
}

impl RouteMeta {
    /// The number of sub-buckets.
    pub fn parts(&self) -> u32 {
        self.division.as_ref().map_or(1, |division| division.parts.count())
    }

    /// The row of one slot and part. `bounds` is room for the part's bounds.
    pub fn view<'a>(&'a self, label: Label, part: u32, counters: Counters, bounds: &'a mut PartBounds) -> RowView<'a> {
        let (start, end) = match &self.division {
            Some(division) => bounds.of(self, division, part),
            None => (&*self.start, &*self.end),
        };
        RowView {
            route_id: self.route_id,
            label,
            start,
            end,
            aggregate: self.members.is_some(),
            member_routes: self.members.as_ref().map_or(&[], |members| &members.listed),
            member_routes_total: self.members.as_ref().map_or(1, |members| members.total),
            group_id: self.group_id,
            leader_term: self.leader_term,
            sub_bucket: part,
            sub_bucket_count: self.parts(),
            parents: &self.parents,
            counters,
        }
    }

    /// Bytes of memory behind this version.
    pub fn bytes(&self) -> usize {
        let members = self.members.as_ref().map_or(0, |members| heap_bytes(members.listed.len() * 8));
        let division = self.division.as_ref().map_or(0, |division| heap_bytes(division.prefix.len()));
        // The counts of the shared pointer stand before the value.
        heap_bytes(size_of::<Self>() + 16)
            + heap_bytes(self.start.len())
            + heap_bytes(self.end.len())
            + heap_bytes(self.parents.len() * 8)
            + members
            + division
    }
}

/// What an allocation of `bytes` takes from the allocator: a header of 8 bytes, in steps of 16, at least 32.
pub(crate) const fn heap_bytes(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=24 => 32,
        _ => (bytes + 8 + 15) & !15,
    }
}

/// Room for the bounds of one part.
#[derive(Default)]
pub(crate) struct PartBounds {
    start: Vec<u8>,
    end: Vec<u8>,
}

impl PartBounds {
    /// The bounds of a part. The inner bounds come from the layout, the outer ones are the route's own: a route that
    /// came back with another range keeps its layout, and inner bounds outside of the new range are moved to its edge,
    /// so that the parts tile the range whatever it is.
    pub fn of<'a>(&'a mut self, meta: &'a RouteMeta, division: &Division, part: u32) -> (&'a [u8], &'a [u8]) {
        let Self { start, end } = self;
        let start = inner_bound(start, &meta.start, &meta.end, division, part).unwrap_or(&meta.start);
        let end = inner_bound(end, &meta.start, &meta.end, division, part + 1).unwrap_or(&meta.end);
        (start, end)
    }
}

/// The inner bound that opens `part`, moved into the range; `None` for the range's own bounds.
fn inner_bound<'a>(
    bound: &'a mut Vec<u8>,
    start: &'a [u8],
    end: &'a [u8],
    division: &Division,
    part: u32,
) -> Option<&'a [u8]> {
    if part == 0 || part == division.parts.count() {
        return None;
    }
    division.parts.lower_bound(&division.prefix, part, bound);
    Some(match &bound[..] {
        bound if bound < start => start,
        bound if !end.is_empty() && bound > end => end,
        bound => bound,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(start: &[u8], end: &[u8], cut_from: (&[u8], &[u8]), k: u32) -> RouteMeta {
        let parts = Parts::new(cut_from.0, cut_from.1, k);
        let prefix = cut_from.0[..parts.prefix_len as usize].into();
        RouteMeta {
            route_id: 1,
            group_id: 2,
            leader_term: 3,
            start: start.into(),
            end: end.into(),
            members: None,
            parents: [].into(),
            division: Some(Division { parts, prefix }),
        }
    }

    #[test]
    fn parts_tile_the_range_even_when_it_is_not_the_one_they_were_cut_from() {
        for (start, end) in [("a", "z"), ("m", "z"), ("a", "c"), ("0", ""), ("zz", "zzz")] {
            let meta = meta(start.as_bytes(), end.as_bytes(), (b"a", b"z"), 7);
            let mut before = start.as_bytes().to_vec();
            for part in 0..7 {
                let mut bounds = PartBounds::default();
                let view = meta.view(Label::Redis, part, Counters::default(), &mut bounds);
                assert_eq!(view.start, before);
                assert!(view.end.is_empty() && part == 6 || view.start <= view.end);
                before = view.end.to_vec();
            }
            assert_eq!(before, end.as_bytes());
        }
    }
}
