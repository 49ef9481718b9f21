//! The sampler through its C API, called as a C program calls it: declarations of its own, columns read out of the
//! caller's rows and arena.

#![allow(unsafe_code)]

use crate::subject::{Event, Observation, Outcome, Refusal, Room, Stored, Subject};
use keyviz::{Column, ColumnInfo, Counters, Label, Options, Placement, RouteSpec, Row, Stats, StoredColumn};
use std::ffi::c_void;
use std::ptr::{null, null_mut};

const OK: i32 = 0;
const INVALID_ARGUMENT: i32 = 1;
const INVALID_RANGE: i32 = 5;
const BUFFER_TOO_SMALL: i32 = 6;
const UNKNOWN_ROUTE: i32 = 7;
const ROUTE_EXISTS: i32 = 8;
const NOT_FOUND: i32 = 9;
const HISTORY_OFF: i32 = 10;

const ROW_AGGREGATE: u32 = 1;
const ROW_UNBOUNDED: u32 = 2;

#[repr(C)]
struct CSampler([u8; 0]);

#[repr(C)]
struct CLane([u8; 0]);

#[repr(C)]
struct COptions {
    type_size: usize,
    step_ns: i64,
    created_ns: i64,
    memory_limit_bytes: u64,
    history_columns: u32,
    max_tracked_routes: u32,
    max_member_routes_per_slot: u32,
    key_buckets_per_route: u32,
    labels_enabled: u32,
    history_off: u32,
    max_lanes: u32,
    reserved0: u32,
    resolutions: [[i64; 2]; 4],
    reserved: [u64; 8],
}

#[repr(C)]
struct CRoute {
    type_size: usize,
    route_id: u64,
    group_id: u64,
    start: *const c_void,
    start_len: usize,
    end: *const c_void,
    end_len: usize,
    flags: u32,
    reserved: u32,
}

#[repr(C)]
struct CObservation {
    route_id: u64,
    key: *const c_void,
    key_len: usize,
    value_len: u64,
    op: u32,
    label: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CRow {
    route_id: u64,
    group_id: u64,
    leader_term: u64,
    counters: [u64; 4],
    member_routes_total: u64,
    start_offset: u64,
    end_offset: u64,
    member_routes_offset: u64,
    parents_offset: u64,
    start_len: u32,
    end_len: u32,
    member_routes_count: u32,
    parents_count: u32,
    label: u32,
    flags: u32,
    sub_bucket: u32,
    sub_bucket_count: u32,
}

#[repr(C)]
#[derive(Default)]
struct CColumnInfo {
    type_size: usize,
    sequence: u64,
    window_start_ns: i64,
    at_ns: i64,
    flushes: u64,
    rows: u64,
    arena_bytes: u64,
}

#[repr(C)]
struct CColumnBuffer {
    type_size: usize,
    row_size: usize,
    rows: *mut CRow,
    row_capacity: usize,
    arena: *mut c_void,
    arena_capacity: usize,
    row_count: usize,
    arena_used: usize,
    sequence: u64,
    window_start_ns: i64,
    at_ns: i64,
    flushes: u64,
}

#[repr(C)]
#[derive(Default)]
struct CStats {
    type_size: usize,
    routes: u64,
    slots: u64,
    virtual_buckets: u64,
    virtual_members: u64,
    retired: u64,
    columns: u64,
    lanes: u64,
    missed: u64,
    refused: u64,
    counter_bytes: u64,
    route_bytes: u64,
    history_bytes: u64,
    hot_keys: [u64; 7],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CEvent {
    type_size: usize,
    kind: u32,
    reserved: u32,
    route_id: u64,
    bucket_id: u64,
    slots_used: u64,
    max_tracked_routes: u64,
    suppressed: u64,
}

type Err = *mut c_void;

#[rustfmt::skip]
extern "C" {
    fn keyviz_sampler_new(options: *const COptions, out: *mut *mut CSampler, err: Err) -> i32;
    fn keyviz_sampler_free(sampler: *mut CSampler);
    fn keyviz_sampler_register_route(sampler: *mut CSampler, route: *const CRoute, placement: *mut u32, err: Err) -> i32;
    fn keyviz_sampler_register_routes(sampler: *mut CSampler, routes: *const CRoute, count: usize, placements: *mut u32, err: Err) -> i32;
    fn keyviz_sampler_remove_route(sampler: *mut CSampler, route_id: u64, now_ns: i64, err: Err) -> i32;
    fn keyviz_sampler_apply_split(sampler: *mut CSampler, parent: u64, children: *const CRoute, count: usize, placements: *mut u32, now_ns: i64, err: Err) -> i32;
    fn keyviz_sampler_apply_merge(sampler: *mut CSampler, parents: *const u64, count: usize, child: *const CRoute, placement: *mut u32, now_ns: i64, err: Err) -> i32;
    fn keyviz_sampler_set_leader_term(sampler: *mut CSampler, group_id: u64, term: u64) -> i32;
    fn keyviz_sampler_sub_bucket_bounds(sampler: *const CSampler, route_id: u64, part: u32, buffer: *mut c_void, capacity: usize, start_len: *mut usize, end_len: *mut usize, err: Err) -> i32;
    fn keyviz_observe(sampler: *mut CSampler, route_id: u64, key: *const c_void, key_len: usize, op: u32, value_len: u64, label: u32) -> i32;
    fn keyviz_observe_sized(sampler: *mut CSampler, route_id: u64, op: u32, key_len: u64, value_len: u64, label: u32) -> i32;
    fn keyviz_observe_batch(sampler: *mut CSampler, observations: *const CObservation, count: usize, counted: *mut usize) -> i32;
    fn keyviz_observe_columns(sampler: *mut CSampler, count: usize, route_ids: *const u64, ops: *const u8, key_lens: *const u32, value_lens: *const u64, labels: *const u8, counted: *mut usize) -> i32;
    fn keyviz_lane_acquire(sampler: *mut CSampler, out: *mut *mut CLane, err: Err) -> i32;
    fn keyviz_lane_release(lane: *mut CLane);
    fn keyviz_lane_observe(lane: *mut CLane, route_id: u64, key: *const c_void, key_len: usize, op: u32, value_len: u64, label: u32) -> i32;
    fn keyviz_sampler_flush(sampler: *mut CSampler, now_ns: i64, info: *mut CColumnInfo, err: Err) -> i32;
    fn keyviz_sampler_drain(sampler: *mut CSampler, now_ns: i64, buffer: *mut CColumnBuffer, err: Err) -> i32;
    fn keyviz_sampler_column_range(sampler: *const CSampler, from_ns: i64, to_ns: i64, first: *mut u64, count: *mut u64) -> i32;
    fn keyviz_sampler_read_column(sampler: *const CSampler, sequence: u64, buffer: *mut CColumnBuffer, err: Err) -> i32;
    fn keyviz_sampler_poll_events(sampler: *mut CSampler, events: *mut CEvent, capacity: usize, count: *mut usize, err: Err) -> i32;
    fn keyviz_sampler_stats(sampler: *const CSampler, stats: *mut CStats) -> i32;
}

/// A sampler and the lanes that its host holds, as far as there were any.
pub struct CApi {
    sampler: *mut CSampler,
    lanes: [*mut CLane; 2],
}

impl Drop for CApi {
    fn drop(&mut self) {
        // SAFETY: lanes are released before their sampler is freed, each once; null is fine.
        unsafe {
            self.lanes.into_iter().for_each(|lane| keyviz_lane_release(lane));
            keyviz_sampler_free(self.sampler);
        }
    }
}

/// The bytes as C passes them.
fn pointer(bytes: &[u8]) -> *const c_void {
    bytes.as_ptr().cast()
}

fn c_routes(routes: &[RouteSpec<'_>]) -> Vec<CRoute> {
    let route = |route: &RouteSpec<'_>| CRoute {
        type_size: size_of::<CRoute>(),
        route_id: route.route_id,
        group_id: route.group_id,
        start: pointer(route.start),
        start_len: route.start.len(),
        end: pointer(route.end),
        end_len: route.end.len(),
        flags: u32::from(route.any_range),
        reserved: 0,
    };
    routes.iter().map(route).collect()
}

fn refusal(status: i32) -> Refusal {
    match status {
        INVALID_RANGE => Refusal::InvalidRange,
        INVALID_ARGUMENT => Refusal::InvalidArgument,
        UNKNOWN_ROUTE => Refusal::UnknownRoute,
        ROUTE_EXISTS => Refusal::RouteExists,
        HISTORY_OFF => Refusal::HistoryOff,
        other => panic!("unexpected status {other}"),
    }
}

fn outcome(status: i32) -> Outcome {
    match status {
        OK => Outcome::Counted,
        UNKNOWN_ROUTE => Outcome::Missed,
        INVALID_ARGUMENT => Outcome::Refused,
        other => panic!("unexpected status {other}"),
    }
}

fn placements(status: i32, placed: Vec<u32>) -> Result<Vec<Placement>, Refusal> {
    let placement = |placed: u32| match placed {
        0 => Placement::Individual,
        1 => Placement::Coarsened,
        other => panic!("placement {other}"),
    };
    match status {
        OK => Ok(placed.into_iter().map(placement).collect()),
        refused => Err(refusal(refused)),
    }
}

/// A buffer of so many rows and bytes, handed to `call`; what came of it, and the sizes that it tells.
fn with_room(rows: usize, bytes: usize, call: impl FnOnce(*mut CColumnBuffer) -> i32) -> (i32, usize, usize, Stored) {
    let mut row_memory = vec![CRow::default(); rows];
    let mut arena = vec![0u64; bytes.div_ceil(8)];
    let mut buffer = CColumnBuffer {
        type_size: size_of::<CColumnBuffer>(),
        row_size: size_of::<CRow>(),
        rows: if rows == 0 { null_mut() } else { row_memory.as_mut_ptr() },
        row_capacity: rows,
        arena: if bytes == 0 { null_mut() } else { arena.as_mut_ptr().cast() },
        arena_capacity: bytes,
        row_count: 0,
        arena_used: 0,
        sequence: 0,
        window_start_ns: 0,
        at_ns: 0,
        flushes: 0,
    };
    let status = call(&mut buffer);
    let info =
        ColumnInfo { sequence: buffer.sequence, window_start_ns: buffer.window_start_ns, at_ns: buffer.at_ns };
    let mut column = Column { info, rows: Vec::new() };
    if status == OK {
        let arena: Vec<u8> = arena.iter().flat_map(|word| word.to_ne_bytes()).take(buffer.arena_used).collect();
        column.rows = row_memory[..buffer.row_count].iter().map(|row| read_row(row, &arena)).collect();
    }
    (status, buffer.row_count, buffer.arena_used, Stored { column, flushes: buffer.flushes })
}

fn read_row(row: &CRow, arena: &[u8]) -> Row {
    let bytes = |offset: u64, len: usize| arena[offset as usize..][..len].to_vec();
    let ids = |offset: u64, count: u32| {
        assert!(offset % 8 == 0, "lists of ids are aligned");
        let list = bytes(offset, count as usize * 8);
        list.chunks_exact(8).map(|id| u64::from_ne_bytes(id.try_into().expect("8 bytes"))).collect()
    };
    assert_eq!(row.flags & ROW_UNBOUNDED != 0, row.end_len == 0);
    Row {
        route_id: row.route_id,
        label: Label::from_index(row.label).expect("a row's label is one"),
        start: bytes(row.start_offset, row.start_len as usize),
        end: bytes(row.end_offset, row.end_len as usize),
        aggregate: row.flags & ROW_AGGREGATE != 0,
        member_routes: ids(row.member_routes_offset, row.member_routes_count),
        member_routes_total: row.member_routes_total,
        group_id: row.group_id,
        leader_term: row.leader_term,
        sub_bucket: row.sub_bucket,
        sub_bucket_count: row.sub_bucket_count,
        parents: ids(row.parents_offset, row.parents_count),
        counters: Counters::from_array(row.counters),
    }
}

impl CApi {
    fn try_drain(&self, now: i64, rows: usize, bytes: usize) -> (i32, usize, usize, Stored) {
        // SAFETY: the sampler is live and the buffer is as large as it says. The same holds for the calls below.
        with_room(rows, bytes, |buffer| unsafe { keyviz_sampler_drain(self.sampler, now, buffer, null_mut()) })
    }

    fn range(&self, from: i64, to: i64) -> Result<(u64, u64), Refusal> {
        let (mut first, mut count) = (0, 0);
        match unsafe { keyviz_sampler_column_range(self.sampler, from, to, &mut first, &mut count) } {
            OK => Ok((first, count)),
            status => Err(refusal(status)),
        }
    }

    fn all_columns(&self) -> Result<Vec<Stored>, Refusal> {
        let (mut sequence, count) = self.range(0, 0)?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let stored = self.read(sequence).expect("the range is in the history");
            sequence = stored.column.info.sequence + 1;
            columns.push(stored);
        }
        Ok(columns)
    }

    fn read(&self, sequence: u64) -> Option<Stored> {
        let read = |rows, bytes| {
            with_room(rows, bytes, |to| unsafe { keyviz_sampler_read_column(self.sampler, sequence, to, null_mut()) })
        };
        match read(0, 0) {
            (NOT_FOUND | HISTORY_OFF, ..) => None,
            (BUFFER_TOO_SMALL, rows, bytes, _) => {
                let (status, .., stored) = read(rows, bytes);
                assert_eq!(status, OK, "it fits into the sizes that it told");
                Some(stored)
            }
            (status, .., stored) => {
                assert_eq!(status, OK);
                Some(stored)
            }
        }
    }
}

impl Subject for CApi {
    fn new(options: Options) -> Self {
        let options = COptions {
            type_size: size_of::<COptions>(),
            step_ns: options.step_ns,
            created_ns: options.created_ns,
            memory_limit_bytes: options.memory_limit_bytes,
            history_columns: options.history_columns,
            max_tracked_routes: options.max_tracked_routes,
            max_member_routes_per_slot: options.max_member_routes_per_slot,
            key_buckets_per_route: options.key_buckets_per_route,
            labels_enabled: options.labels_enabled.into(),
            history_off: options.history_off.into(),
            max_lanes: options.max_lanes,
            reserved0: 0,
            resolutions: options.resolutions.map(|coarse| [coarse.step_ns, coarse.retention_ns]),
            reserved: [0; 8],
        };
        let (mut sampler, mut lanes) = (null_mut(), [null_mut(); 2]);
        unsafe {
            assert_eq!(keyviz_sampler_new(&options, &mut sampler, null_mut()), OK);
            for lane in &mut lanes {
                // Where all lanes are out, the host does without.
                keyviz_lane_acquire(sampler, lane, null_mut());
            }
        }
        Self { sampler, lanes }
    }

    fn register(&mut self, routes: &[RouteSpec<'_>]) -> Result<Vec<Placement>, Refusal> {
        let (routes, mut placed) = (c_routes(routes), vec![9; routes.len()]);
        let (array, places) = (routes.as_ptr(), placed.as_mut_ptr());
        let status = unsafe {
            match routes.len() {
                1 => keyviz_sampler_register_route(self.sampler, array, places, null_mut()),
                count => keyviz_sampler_register_routes(self.sampler, array, count, places, null_mut()),
            }
        };
        placements(status, placed)
    }

    fn succeed(&mut self, old: &[u64], new: &[RouteSpec<'_>], now: i64) -> Result<Vec<Placement>, Refusal> {
        let (routes, mut placed) = (c_routes(new), vec![9; new.len()]);
        let (array, places) = (routes.as_ptr(), placed.as_mut_ptr());
        let status = unsafe {
            match (old, new) {
                (&[parent], _) => {
                    keyviz_sampler_apply_split(self.sampler, parent, array, new.len(), places, now, null_mut())
                }
                (_, [_]) => {
                    keyviz_sampler_apply_merge(self.sampler, old.as_ptr(), old.len(), array, places, now, null_mut())
                }
                _ => panic!("neither a split nor a merge"),
            }
        };
        placements(status, placed)
    }

    fn remove(&mut self, id: u64, now: i64) -> Option<bool> {
        assert_eq!(unsafe { keyviz_sampler_remove_route(self.sampler, id, now, null_mut()) }, OK);
        None
    }

    fn set_leader_term(&mut self, group: u64, term: u64) {
        assert_eq!(unsafe { keyviz_sampler_set_leader_term(self.sampler, group, term) }, OK);
    }

    fn observe(&mut self, one: &Observation) -> Option<Outcome> {
        let Observation { via, route_id, ref key, op, value_len, label } = *one;
        let lane = self.lanes.get(via).copied().unwrap_or(null_mut());
        let status = unsafe {
            match key {
                Err(len) => keyviz_observe_sized(self.sampler, route_id, op, *len, value_len, label),
                Ok(key) if lane.is_null() => {
                    keyviz_observe(self.sampler, route_id, pointer(key), key.len(), op, value_len, label)
                }
                Ok(key) => keyviz_lane_observe(lane, route_id, pointer(key), key.len(), op, value_len, label),
            }
        };
        Some(outcome(status))
    }

    fn observe_batch(&mut self, observations: &[Observation]) -> Option<(usize, Outcome)> {
        let observation = |one: &Observation| CObservation {
            route_id: one.route_id,
            key: one.key.as_ref().map_or(null(), |key| pointer(key)),
            key_len: one.key_len() as usize,
            value_len: one.value_len,
            op: one.op,
            label: one.label,
        };
        let array: Vec<CObservation> = observations.iter().map(observation).collect();
        let mut counted = usize::MAX;
        let status = unsafe { keyviz_observe_batch(self.sampler, array.as_ptr(), array.len(), &mut counted) };
        Some((counted, outcome(status)))
    }

    fn observe_columns(&mut self, observations: &[Observation]) -> Option<(usize, Outcome)> {
        let ids: Vec<u64> = observations.iter().map(|one| one.route_id).collect();
        let ops: Vec<u8> = observations.iter().map(|one| one.op as u8).collect();
        let key_lens: Vec<u32> = observations.iter().map(|one| one.key_len() as u32).collect();
        let value_lens: Vec<u64> = observations.iter().map(|one| one.value_len).collect();
        let labels: Vec<u8> = observations.iter().map(|one| one.label as u8).collect();
        let mut counted = usize::MAX;
        let status = unsafe {
            keyviz_observe_columns(
                self.sampler,
                ids.len(),
                ids.as_ptr(),
                ops.as_ptr(),
                key_lens.as_ptr(),
                value_lens.as_ptr(),
                labels.as_ptr(),
                &mut counted,
            )
        };
        Some((counted, outcome(status)))
    }

    fn flush(&mut self, now: i64) -> Result<ColumnInfo, Refusal> {
        let mut info = CColumnInfo { type_size: size_of::<CColumnInfo>(), ..Default::default() };
        match unsafe { keyviz_sampler_flush(self.sampler, now, &mut info, null_mut()) } {
            OK => {
                let stored = self.read(info.sequence).expect("the newest column is in the history");
                assert_eq!((stored.column.rows.len() as u64, stored.flushes), (info.rows, info.flushes));
                let CColumnInfo { sequence, window_start_ns, at_ns, .. } = info;
                Ok(ColumnInfo { sequence, window_start_ns, at_ns })
            }
            status => Err(refusal(status)),
        }
    }

    fn drain(&mut self, now: i64, room: Room) -> Column {
        let attempt = |rows, bytes| self.try_drain(now, rows, bytes);
        let (first_rows, first_bytes) = if matches!(room, Room::Plenty) { (64, 4096) } else { (0, 0) };
        let (status, rows, bytes, stored) = attempt(first_rows, first_bytes);
        if status == OK {
            return stored.column;
        }
        assert_eq!(status, BUFFER_TOO_SMALL);
        let too_small = match room {
            Room::OneRowLess if rows > 0 => Some((rows - 1, bytes)),
            Room::OneByteLess if bytes > 0 => Some((rows, bytes - 1)),
            _ => None,
        };
        if let Some((less_rows, less_bytes)) = too_small {
            let (status, again_rows, again_bytes, _) = attempt(less_rows, less_bytes);
            assert_eq!((status, again_rows, again_bytes), (BUFFER_TOO_SMALL, rows, bytes));
        }
        let (status, .., stored) = attempt(rows, bytes);
        assert_eq!(status, OK, "it fits into the sizes that it told");
        stored.column
    }

    fn drain_in_vain(&mut self, now: i64) {
        assert_eq!(self.try_drain(now, 0, 0).0, BUFFER_TOO_SMALL);
    }

    fn columns(&self, from: i64, to: i64) -> Result<Vec<Stored>, Refusal> {
        let mut columns = self.all_columns()?;
        columns.retain(|stored| {
            let at = stored.column.info.at_ns;
            (from == 0 || from <= at) && (to == 0 || at < to)
        });
        // The numbers of a range run on only where the clock did too; how many there are, and the first, hold always.
        let (first, count) = self.range(from, to)?;
        assert_eq!(count, columns.len() as u64);
        if let Some(oldest) = columns.first() {
            assert_eq!(first, oldest.column.info.sequence + 1 - oldest.flushes);
        }
        Ok(columns)
    }

    fn column(&self, sequence: u64) -> Option<Stored> {
        self.read(sequence)
    }

    fn part_bounds(&self, id: u64, part: u32) -> Option<(Vec<u8>, Vec<u8>)> {
        let (mut start_len, mut end_len, mut buffer) = (0, 0, [0u8; 256]);
        let status = unsafe {
            let to = buffer.as_mut_ptr().cast();
            keyviz_sampler_sub_bucket_bounds(self.sampler, id, part, to, 256, &mut start_len, &mut end_len, null_mut())
        };
        match status {
            NOT_FOUND => None,
            _ => {
                assert_eq!(status, OK);
                Some((buffer[..start_len].to_vec(), buffer[start_len..start_len + end_len].to_vec()))
            }
        }
    }

    fn events(&mut self) -> (Vec<Event>, u64) {
        let mut events = [CEvent { type_size: size_of::<CEvent>(), ..Default::default() }; 300];
        let mut count = 0;
        let status = unsafe {
            keyviz_sampler_poll_events(self.sampler, events.as_mut_ptr(), events.len(), &mut count, null_mut())
        };
        assert_eq!(status, OK);
        let event = |event: &CEvent| Event {
            created: event.kind == 2,
            route_id: event.route_id,
            bucket_id: event.bucket_id,
            slots_used: event.slots_used,
        };
        (events[..count].iter().map(event).collect(), events[..count].iter().map(|event| event.suppressed).sum())
    }

    fn stats(&self) -> Stats {
        let mut stats = CStats { type_size: size_of::<CStats>(), ..Default::default() };
        assert_eq!(unsafe { keyviz_sampler_stats(self.sampler, &mut stats) }, OK);
        Stats {
            routes: stats.routes,
            slots: stats.slots,
            virtual_buckets: stats.virtual_buckets,
            virtual_members: stats.virtual_members,
            retired: stats.retired,
            columns: stats.columns,
            lanes: stats.lanes,
            missed: stats.missed,
            refused: stats.refused,
            counter_bytes: stats.counter_bytes,
            route_bytes: stats.route_bytes,
            history_bytes: stats.history_bytes,
            ..Stats::default()
        }
    }

    fn snapshot(&self) -> Vec<StoredColumn> {
        Vec::new()
    }
}
