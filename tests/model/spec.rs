//! The sampler's specification in its plainest form: lists, maps and loops, one thread, no sharing of anything.
//!
//! It is written from the specification's text, not from the library's source. Where the text is silent, the rule that
//! was decided stands beside the code that follows it.

use crate::subject::{Event, Outcome, Refusal, Stored, LABEL_UNKNOWN};
use keyviz::{Column, ColumnInfo, Counters, Label, Options, Placement, RouteSpec, Row, Stats};
use std::collections::BTreeMap;

/// A single route, or a virtual bucket.
#[derive(Clone, Debug)]
struct Slot {
    id: u64,
    group: u64,
    start: Vec<u8>,
    end: Vec<u8>,
    /// What the sub-buckets were cut from when the slot was created.
    layout: Layout,
    parents: Vec<u64>,
    /// The members of a virtual bucket, in the order of folding.
    members: Option<Vec<Member>>,
    /// When it was removed.
    retired: Option<i64>,
    /// What was counted since the last flush, per label and sub-bucket.
    counts: BTreeMap<(usize, u32), [u64; 4]>,
}

#[derive(Clone, Debug)]
struct Member {
    id: u64,
    listed: bool,
    leaving: Option<i64>,
}

/// How a range is cut into `k` parts.
#[derive(Clone, Debug)]
struct Layout {
    start: Vec<u8>,
    end: Vec<u8>,
    prefix: usize,
    low: u64,
    high: u64,
    k: u32,
}

/// The sampler.
#[derive(Clone)]
pub struct Spec {
    step: i64,
    cap: usize,
    listed: usize,
    k: u32,
    labels: bool,
    history_columns: usize,
    history_off: bool,
    resolutions: Vec<(i64, i64)>,
    slots: Vec<Slot>,
    next_synthetic: u64,
    terms: BTreeMap<u64, u64>,
    at: i64,
    sequence: u64,
    /// The history: the ring, then the coarser resolutions; each oldest first.
    rings: Vec<Vec<Stored>>,
    missed: u64,
    refused: u64,
    /// Every fold, in order.
    pub events: Vec<Event>,
}

impl Slot {
    fn new(route: &RouteSpec<'_>, k: u32, parents: &[u64]) -> Self {
        Self {
            id: route.route_id,
            group: route.group_id,
            start: route.start.to_vec(),
            end: route.end.to_vec(),
            layout: Layout::new(route.start, route.end, k),
            parents: parents.to_vec(),
            members: None,
            retired: None,
            counts: BTreeMap::new(),
        }
    }

    fn is_live_route(&self) -> bool {
        self.members.is_none() && self.retired.is_none()
    }

    fn is_live_bucket(&self) -> bool {
        self.members.is_some() && self.retired.is_none()
    }

    fn covers(&self, key: &[u8]) -> bool {
        *self.start <= *key && (self.end.is_empty() || *key < *self.end)
    }

    /// Grows the range; an unbounded end stays unbounded.
    fn extend(&mut self, start: &[u8], end: &[u8]) {
        if start < &*self.start {
            self.start = start.to_vec();
        }
        if end.is_empty() {
            self.end = Vec::new();
        } else if !self.end.is_empty() && end > &*self.end {
            self.end = end.to_vec();
        }
    }

    /// Whether the id is a member that is not on its way out.
    fn has_member(&self, id: u64) -> bool {
        self.members.iter().flatten().any(|member| member.id == id && member.leaving.is_none())
    }

    /// Bounds of a part. A slot that came back with another range keeps its layout: inner bounds outside of the range
    /// move to its edge, so that the parts tile the range.
    fn part(&self, part: u32) -> (Vec<u8>, Vec<u8>) {
        let inner = |i: u32| {
            let bound = self.layout.lower_bound(i);
            if bound < self.start {
                self.start.clone()
            } else if !self.end.is_empty() && bound > self.end {
                self.end.clone()
            } else {
                bound
            }
        };
        let start = if part == 0 { self.start.clone() } else { inner(part) };
        let end = if part + 1 == self.layout.k { self.end.clone() } else { inner(part + 1) };
        (start, end)
    }

    fn row(&self, label: usize, part: u32, counters: [u64; 4], terms: &BTreeMap<u64, u64>) -> Row {
        let (start, end) = self.part(part);
        let members = self.members.as_deref().unwrap_or_default();
        Row {
            route_id: self.id,
            label: Label::ALL[label],
            start,
            end,
            aggregate: self.members.is_some(),
            member_routes: members.iter().filter(|member| member.listed).map(|member| member.id).collect(),
            member_routes_total: if self.members.is_some() { members.len() as u64 } else { 1 },
            group_id: self.group,
            leader_term: terms.get(&self.group).copied().unwrap_or(0),
            sub_bucket: part,
            sub_bucket_count: self.layout.k,
            parents: self.parents.clone(),
            counters: Counters::from_array(counters),
        }
    }
}

impl Layout {
    fn new(start: &[u8], end: &[u8], wanted: u32) -> Self {
        let unbounded = end.is_empty();
        let mut prefix = 0;
        while !unbounded && prefix < start.len() && prefix < end.len() && start[prefix] == end[prefix] {
            prefix += 1;
        }
        let low = window(start, prefix);
        let high = if unbounded { u64::MAX } else { window(end, prefix) };
        let k = if wanted == 1 || high <= low { 1 } else { u64::from(wanted).min(high - low) as u32 };
        Self { start: start.to_vec(), end: end.to_vec(), prefix, low, high, k }
    }

    fn index(&self, key: &[u8]) -> u32 {
        if self.k == 1 || *key <= *self.start {
            return 0;
        }
        if !self.end.is_empty() && *key >= *self.end {
            return self.k - 1;
        }
        let w = window(key, self.prefix);
        if w <= self.low {
            return 0;
        }
        if w >= self.high {
            return self.k - 1;
        }
        (u128::from(self.k) * u128::from(w - self.low) / u128::from(self.high - self.low)) as u32
    }

    fn lower_bound(&self, i: u32) -> Vec<u8> {
        let (i, k, span) = (u128::from(i), u128::from(self.k), u128::from(self.high - self.low));
        let mut window = (self.low + ((i * span + k - 1) / k) as u64).to_be_bytes().to_vec();
        while window.last() == Some(&0) {
            window.pop();
        }
        [&self.start[..self.prefix], &window].concat()
    }
}

/// The 8 bytes after the first `skip`, big-endian, zero-padded.
fn window(key: &[u8], skip: usize) -> u64 {
    (skip..skip + 8).fold(0, |value, i| value << 8 | u64::from(key.get(i).copied().unwrap_or(0)))
}

impl Spec {
    pub fn new(options: &Options) -> Self {
        let default = |value: u32, default: u32| if value == 0 { default } else { value };
        let resolutions: Vec<(i64, i64)> = options
            .resolutions
            .iter()
            .filter(|coarse| coarse.step_ns > 0)
            .map(|coarse| (coarse.step_ns, coarse.retention_ns))
            .collect();
        Self {
            step: if options.step_ns == 0 { 60_000_000_000 } else { options.step_ns },
            cap: default(options.max_tracked_routes, 10_000) as usize,
            listed: default(options.max_member_routes_per_slot, 256) as usize,
            k: default(options.key_buckets_per_route, 1).min(256),
            labels: options.labels_enabled,
            history_columns: default(options.history_columns, 1440).min(100_000) as usize,
            history_off: options.history_off,
            rings: vec![Vec::new(); resolutions.len() + 1],
            resolutions,
            slots: Vec::new(),
            next_synthetic: u64::MAX,
            terms: BTreeMap::new(),
            at: options.created_ns,
            sequence: 0,
            missed: 0,
            refused: 0,
            events: Vec::new(),
        }
    }

    pub fn grace(&self) -> i64 {
        (2 * self.step).max(5_000_000_000)
    }

    pub fn has_history(&self) -> bool {
        !self.history_off
    }

    // ---- Routes.

    pub fn register(&mut self, routes: &[RouteSpec<'_>]) -> Result<Vec<Placement>, Refusal> {
        for route in routes {
            self.check(route)?;
        }
        Ok(routes.iter().map(|route| self.register_one(route, &[], self.cap, routes)).collect())
    }

    fn check(&self, route: &RouteSpec<'_>) -> Result<(), Refusal> {
        if !route.any_range && !route.end.is_empty() && route.start >= route.end {
            return Err(Refusal::InvalidRange);
        }
        // A synthetic id is never a route's as long as its bucket is drained.
        match self.slots.iter().any(|slot| slot.members.is_some() && slot.id == route.route_id) {
            true => Err(Refusal::RouteExists),
            false => Ok(()),
        }
    }

    /// `call`: all routes of the call, whose ids no new bucket may take.
    fn register_one(
        &mut self,
        route: &RouteSpec<'_>,
        parents: &[u64],
        cap: usize,
        call: &[RouteSpec<'_>],
    ) -> Placement {
        let id = route.route_id;
        if self.live_route(id).is_some() {
            return Placement::Individual;
        }
        if self.bucket_of(id).is_some() {
            return Placement::Coarsened;
        }
        // The cap counts live routes with slots of their own; a retired one that comes back over the cap folds.
        if self.slots.iter().filter(|slot| slot.is_live_route()).count() >= cap {
            self.fold(route, call);
            return Placement::Coarsened;
        }
        match self.slots.iter_mut().find(|slot| slot.id == id) {
            Some(retired) => {
                retired.retired = None;
                retired.reassign(route, parents);
            }
            None => self.slots.push(Slot::new(route, self.k, parents)),
        }
        Placement::Individual
    }

    fn fold(&mut self, route: &RouteSpec<'_>, call: &[RouteSpec<'_>]) {
        let mut buckets: Vec<usize> = (0..self.slots.len()).filter(|&i| self.slots[i].is_live_bucket()).collect();
        buckets.sort_by_key(|&i| self.slots[i].start.clone());
        let covering = buckets.iter().find(|&&i| self.slots[i].covers(route.start));
        let found = covering.or(buckets.first()).copied();
        let tracked = self.slots.iter().filter(|slot| slot.is_live_route()).count() as u64;
        let i = found.unwrap_or_else(|| {
            while self.is_in_use(self.next_synthetic) || call.iter().any(|other| other.route_id == self.next_synthetic) {
                self.next_synthetic -= 1;
            }
            let id = self.next_synthetic;
            self.next_synthetic -= 1;
            let range = RouteSpec { route_id: id, group_id: 0, ..*route };
            self.slots.push(Slot { members: Some(Vec::new()), ..Slot::new(&range, 1, &[]) });
            self.slots.len() - 1
        });
        let bucket = &mut self.slots[i];
        bucket.extend(route.start, route.end);
        let members = bucket.members.get_or_insert_default();
        match members.iter_mut().find(|member| member.id == route.route_id) {
            Some(member) => member.leaving = None,
            None => {
                let listed = members.iter().filter(|member| member.listed).count() < self.listed;
                members.push(Member { id: route.route_id, listed, leaving: None });
            }
        }
        let bucket_id = bucket.id;
        self.events.push(Event { created: found.is_none(), route_id: route.route_id, bucket_id, slots_used: tracked });
    }

    fn is_in_use(&self, id: u64) -> bool {
        self.slots.iter().any(|slot| slot.id == id || slot.has_member(id))
    }

    pub fn remove(&mut self, id: u64, now: i64) -> bool {
        if let Some(i) = self.bucket_of(id) {
            let members = self.slots[i].members.iter_mut().flatten();
            members.filter(|member| member.id == id).for_each(|member| member.leaving = Some(now));
            return true;
        }
        match self.live_route(id) {
            Some(i) => {
                self.slots[i].retired = Some(now);
                true
            }
            None => false,
        }
    }

    /// Split and merge: successors first, then the predecessors go. A successor may keep a predecessor's id.
    pub fn succeed(&mut self, old: &[u64], new: &[RouteSpec<'_>], now: i64) -> Result<Vec<Placement>, Refusal> {
        if old.is_empty() || new.is_empty() {
            return Err(Refusal::InvalidArgument);
        }
        for (i, id) in old.iter().enumerate() {
            if !self.is_registered(*id) {
                return Err(Refusal::UnknownRoute);
            }
            if old[..i].contains(id) {
                return Err(Refusal::InvalidArgument);
            }
        }
        for (i, route) in new.iter().enumerate() {
            self.check(route)?;
            if self.is_registered(route.route_id) && !old.contains(&route.route_id) {
                return Err(Refusal::RouteExists);
            }
            if new[..i].iter().any(|other| other.route_id == route.route_id) {
                return Err(Refusal::InvalidArgument);
            }
        }
        let leaves = |id: &&u64| new.iter().all(|route| route.route_id != **id);
        // The predecessors' places under the cap are their successors'.
        let cap = self.cap + old.iter().filter(leaves).filter(|id| self.live_route(**id).is_some()).count();
        let placed = new
            .iter()
            .map(|route| {
                if let Some(i) = self.live_route(route.route_id) {
                    self.slots[i].reassign(route, old);
                } else if let Some(i) = self.bucket_of(route.route_id) {
                    // It stays where it is, and the bucket's range still holds it.
                    self.slots[i].extend(route.start, route.end);
                }
                self.register_one(route, old, cap, new)
            })
            .collect();
        for id in old.iter().filter(leaves) {
            self.remove(*id, now);
        }
        Ok(placed)
    }

    pub fn set_leader_term(&mut self, group: u64, term: u64) {
        if group != 0 {
            self.terms.insert(group, term);
        }
    }

    fn live_route(&self, id: u64) -> Option<usize> {
        self.slots.iter().position(|slot| slot.is_live_route() && slot.id == id)
    }

    fn bucket_of(&self, id: u64) -> Option<usize> {
        self.slots.iter().position(|slot| slot.is_live_bucket() && slot.has_member(id))
    }

    fn is_registered(&self, id: u64) -> bool {
        self.live_route(id).is_some() || self.bucket_of(id).is_some()
    }

    /// Bounds of a part of a live route or bucket, if there is such a part.
    pub fn part_bounds(&self, id: u64, part: u32) -> Option<(Vec<u8>, Vec<u8>)> {
        let slot = self.slots.iter().find(|slot| slot.id == id && slot.retired.is_none())?;
        (part < slot.layout.k).then(|| slot.part(part))
    }

    // ---- Observe.

    /// `key`: `None` where the caller hasn't it at hand; then it is `key_len` bytes long, and counts in part 0.
    pub fn observe(
        &mut self,
        id: u64,
        key: Option<&[u8]>,
        key_len: u64,
        op: u32,
        value_len: u64,
        label: u32,
    ) -> Outcome {
        if op > 1 || (label >= 6 && label != LABEL_UNKNOWN) {
            self.refused += 1;
            return Outcome::Refused;
        }
        let bucket = self.bucket_of(id);
        // A label that this version does not know has a slot in no route of a labelled sampler; a bucket takes any.
        let found = bucket.or(self.live_route(id).filter(|_| !self.labels || label != LABEL_UNKNOWN));
        let Some(i) = found else {
            self.missed += 1;
            return Outcome::Missed;
        };
        let label = if self.labels && bucket.is_none() { label as usize } else { 0 };
        let slot = &mut self.slots[i];
        let part = key.map_or(0, |key| slot.layout.index(key));
        let counts = slot.counts.entry((label, part)).or_default();
        counts[op as usize] += 1;
        counts[2 + op as usize] += key_len + value_len;
        Outcome::Counted
    }

    // ---- Flush and history.

    /// What a flush at `now` would commit.
    pub fn pending(&self, now: i64) -> Column {
        let mut rows: Vec<Row> = Vec::new();
        for slot in &self.slots {
            for (&(label, part), &counters) in &slot.counts {
                if counters != [0; 4] {
                    rows.push(slot.row(label, part, counters, &self.terms));
                }
            }
        }
        sort(&mut rows);
        let window_start_ns = if self.at < now { self.at } else { now - self.step };
        Column { info: ColumnInfo { sequence: self.sequence, window_start_ns, at_ns: now }, rows }
    }

    pub fn flush(&mut self, now: i64) -> Column {
        let column = self.pending(now);
        self.slots.iter_mut().for_each(|slot| slot.counts.clear());
        self.at = now;
        self.sequence += 1;
        if !self.history_off {
            self.store(Stored { column: column.clone(), flushes: 1 });
        }
        self.expire(now);
        column
    }

    /// Drained above, and then it goes: what was removed a grace ago. A bucket that lost its last member is retired by
    /// the flush that finds it, and is drained until its own grace has passed.
    fn expire(&mut self, now: i64) {
        let grace = self.grace();
        let expired = |since: Option<i64>| since.is_some_and(|since| now - since >= grace);
        self.slots.retain(|slot| !expired(slot.retired));
        for bucket in self.slots.iter_mut().filter(|slot| slot.is_live_bucket()) {
            let members = bucket.members.get_or_insert_default();
            members.retain(|member| !expired(member.leaving));
            if members.is_empty() {
                bucket.retired = Some(now);
            }
        }
    }

    fn store(&mut self, stored: Stored) {
        let now = stored.column.info.at_ns;
        self.rings[0].push(stored);
        self.move_on(0, self.rings[0].len().saturating_sub(self.history_columns));
        for i in 0..self.resolutions.len() {
            let kept_from = now - self.resolutions[i].1;
            let old = self.rings[i + 1].iter().take_while(|stored| stored.column.info.at_ns < kept_from).count();
            self.move_on(i + 1, old);
        }
    }

    /// Up to `excess` columns leave a ring: they are dropped, or, as whole groups, summed up in the next one.
    fn move_on(&mut self, ring: usize, mut excess: usize) {
        let Some(&(step, _)) = self.resolutions.get(ring) else {
            self.rings[ring].drain(..excess);
            return;
        };
        // A coarse column spans (n * step - step, n * step].
        let group = |stored: &Stored| (stored.column.info.at_ns - 1).div_euclid(step);
        while excess > 0 {
            let first = group(&self.rings[ring][0]);
            let len = self.rings[ring].iter().take_while(|stored| group(stored) == first).count();
            if len > excess {
                return;
            }
            let members: Vec<Stored> = self.rings[ring].drain(..len).collect();
            self.rings[ring + 1].push(sum(&members));
            excess -= len;
        }
    }

    pub fn columns(&self, from: i64, to: i64) -> Vec<Stored> {
        let oldest_first = self.rings.iter().rev().flatten();
        oldest_first
            .filter(|stored| {
                let at = stored.column.info.at_ns;
                (from == 0 || from <= at) && (to == 0 || at < to)
            })
            .cloned()
            .collect()
    }

    pub fn column(&self, sequence: u64) -> Option<Stored> {
        let holds = |stored: &&Stored| {
            let last = stored.column.info.sequence;
            last + 1 - stored.flushes <= sequence && sequence <= last
        };
        self.rings.iter().flatten().find(holds).cloned()
    }

    pub fn stats(&self) -> Stats {
        let live_routes = self.slots.iter().filter(|slot| slot.is_live_route()).count() as u64;
        let buckets = || self.slots.iter().filter(|slot| slot.is_live_bucket());
        let members = || buckets().flat_map(|bucket| bucket.members.iter().flatten());
        Stats {
            routes: live_routes + members().filter(|member| member.leaving.is_none()).count() as u64,
            slots: live_routes * if self.labels { 6 } else { 1 } + buckets().count() as u64,
            virtual_buckets: buckets().count() as u64,
            virtual_members: members().count() as u64,
            retired: self.slots.iter().filter(|slot| slot.retired.is_some()).count() as u64,
            columns: self.rings.iter().map(Vec::len).sum::<usize>() as u64,
            missed: self.missed,
            refused: self.refused,
            ..Stats::default()
        }
    }
}

impl Slot {
    fn reassign(&mut self, route: &RouteSpec<'_>, parents: &[u64]) {
        self.group = route.group_id;
        self.start = route.start.to_vec();
        self.end = route.end.to_vec();
        self.parents = parents.to_vec();
    }
}

fn sort(rows: &mut [Row]) {
    rows.sort_by(|a, b| {
        let key = |row: &Row| (row.start.clone(), row.route_id, row.label.name(), row.sub_bucket, row.sub_bucket_count);
        key(a).cmp(&key(b))
    });
}

/// Several columns as one: sums, described as in the oldest column that has the row.
fn sum(members: &[Stored]) -> Stored {
    let mut rows: Vec<Row> = Vec::new();
    for row in members.iter().flat_map(|stored| &stored.column.rows) {
        let same = |other: &&mut Row| {
            (other.route_id, other.label, other.sub_bucket, other.sub_bucket_count)
                == (row.route_id, row.label, row.sub_bucket, row.sub_bucket_count)
        };
        match rows.iter_mut().find(same) {
            Some(known) => known.counters = known.counters.saturating_add(row.counters),
            None => rows.push(row.clone()),
        }
    }
    sort(&mut rows);
    let (first, last) = (&members[0].column.info, &members[members.len() - 1].column.info);
    let info = ColumnInfo { window_start_ns: first.window_start_ns, ..*last };
    Stored { column: Column { info, rows }, flushes: members.iter().map(|stored| stored.flushes).sum() }
}
