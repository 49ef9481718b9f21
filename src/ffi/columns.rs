//! Flush, drain and the history, into the caller's buffers.

use super::handle;
use super::sampler::{keyviz_sampler_t, now_ns};
use super::status::{guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_TYPE_SIZE};
use super::structs::{check_extent, check_size, init, read_struct, write_out, write_struct, Sized0, MAX_SIZE};
use crate::column::{ColumnRows, RowView};
use crate::error::Error;
use std::ffi::c_void;
use std::mem::MaybeUninit;

/// The row is a virtual bucket.
pub const KEYVIZ_ROW_AGGREGATE: u32 = 1;
/// The row's range has no end.
pub const KEYVIZ_ROW_UNBOUNDED: u32 = 2;

/// One row of a column. Its byte strings and lists lie in the arena of the buffer that it was read into, at offsets
/// from the arena's beginning; several rows may share them. Lists of ids are uint64_t in the machine's byte order, at
/// offsets that are multiples of 8.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct keyviz_row_t {
    /// The route, or the synthetic id of a virtual bucket.
    pub route_id: u64,
    /// The Raft group that owns the route; 0: unknown, or a virtual bucket.
    pub group_id: u64,
    /// The group's leader term when the flush began; 0: unknown.
    pub leader_term: u64,
    /// Number of reads.
    pub reads: u64,
    /// Number of writes.
    pub writes: u64,
    /// Bytes of keys and values read.
    pub read_bytes: u64,
    /// Bytes of keys and values written.
    pub write_bytes: u64,
    /// Members of a virtual bucket, listed or not; 1 on a single route.
    pub member_routes_total: u64,
    /// Where the first key of the row's range lies: of its own part, if the route is sub-divided.
    pub start_offset: u64,
    /// Where the first key past the row's range lies.
    pub end_offset: u64,
    /// Where the listed member ids of a virtual bucket lie.
    pub member_routes_offset: u64,
    /// Where the ids of the routes that this one came from by split or merge lie.
    pub parents_offset: u64,
    /// Bytes of start.
    pub start_len: u32,
    /// Bytes of end.
    pub end_len: u32,
    /// Number of listed member ids.
    pub member_routes_count: u32,
    /// Number of parent ids.
    pub parents_count: u32,
    /// KEYVIZ_LABEL_*; KEYVIZ_LABEL_LEGACY on a virtual bucket, and where labels are off.
    pub label: u32,
    /// KEYVIZ_ROW_AGGREGATE, KEYVIZ_ROW_UNBOUNDED.
    pub flags: u32,
    /// The part of the route's range, counted from 0.
    pub sub_bucket: u32,
    /// The number of parts; 1: not sub-divided.
    pub sub_bucket_count: u32,
}

/// What a column is, and how large. Begin with KEYVIZ_COLUMN_INFO_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_column_info_t {
    /// sizeof(keyviz_column_info_t).
    pub type_size: usize,
    /// Number of the column's (last) flush; they count up from 0.
    pub sequence: u64,
    /// Unix ns: the end of the column before. The column holds what was drained in (window_start_ns, at_ns].
    pub window_start_ns: i64,
    /// Unix ns: the time of the (last) flush.
    pub at_ns: i64,
    /// How many flushes it is the sum of: 1, or more for a coarser column. It is found under the number of each.
    pub flushes: u64,
    /// Its rows.
    pub rows: u64,
    /// Bytes of arena that its rows take.
    pub arena_bytes: u64,
}

// SAFETY: integers only, no padding.
unsafe impl Sized0 for keyviz_column_info_t {}

/// Where a column goes. Begin with KEYVIZ_COLUMN_BUFFER_INIT, then give it memory. Rows are sorted by (start, route id,
/// label by name, sub-bucket), and each (route id, label, sub-bucket) has at most one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_column_buffer_t {
    /// sizeof(keyviz_column_buffer_t).
    pub type_size: usize,
    /// sizeof(keyviz_row_t): the distance from row to row.
    pub row_size: usize,
    /// In: room for row_capacity rows. NULL is fine where row_capacity is 0.
    pub rows: *mut keyviz_row_t,
    /// In: number of rows that fit.
    pub row_capacity: usize,
    /// In: room for arena_capacity bytes, aligned to 8 to be read in place. NULL is fine where arena_capacity is 0.
    pub arena: *mut c_void,
    /// In: number of bytes that fit.
    pub arena_capacity: usize,
    /// Out: number of rows. After KEYVIZ_ERR_BUFFER_TOO_SMALL: the row_capacity that it takes.
    pub row_count: usize,
    /// Out: bytes of arena used. After KEYVIZ_ERR_BUFFER_TOO_SMALL: the arena_capacity that it takes.
    pub arena_used: usize,
    /// Out: as in keyviz_column_info_t.
    pub sequence: u64,
    /// Out: as in keyviz_column_info_t.
    pub window_start_ns: i64,
    /// Out: as in keyviz_column_info_t.
    pub at_ns: i64,
    /// Out: as in keyviz_column_info_t.
    pub flushes: u64,
}

// SAFETY: integers and pointers only, no padding.
unsafe impl Sized0 for keyviz_column_buffer_t {}

/// A row has no type_size: the buffer that it lies in tells it, and then the rules of [`Sized0`] hold.
impl keyviz_row_t {
    const FIRST_SIZE: usize = size_of::<Self>();

    /// Checks the row_size of a buffer.
    pub(super) fn check_size(row_size: usize, buffer: &str) -> Result<(), Failure> {
        if !(Self::FIRST_SIZE..=MAX_SIZE).contains(&row_size) {
            let message = format!("{buffer}.row_size is {row_size}, and {} is the least", Self::FIRST_SIZE);
            return Err(Failure::new(KEYVIZ_ERR_TYPE_SIZE, message));
        }
        Ok(())
    }

    /// # Safety
    /// `from` points at `row_size` readable bytes, the size checked.
    pub(super) unsafe fn read(from: *const u8, row_size: usize) -> Self {
        let mut row = MaybeUninit::<Self>::zeroed();
        std::ptr::copy_nonoverlapping(from, row.as_mut_ptr().cast::<u8>(), row_size.min(size_of::<Self>()));
        row.assume_init()
    }

    /// # Safety
    /// `to` points at `row_size` writable bytes, the size checked.
    unsafe fn write(&self, to: *mut u8, row_size: usize) {
        let known = row_size.min(size_of::<Self>());
        std::ptr::copy_nonoverlapping(std::ptr::from_ref(self).cast::<u8>(), to, known);
        to.add(known).write_bytes(0, row_size - known);
    }
}

/// Fills it with zeros, its type_size and its row_size, like KEYVIZ_COLUMN_BUFFER_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_column_buffer_init(buffer: *mut keyviz_column_buffer_t) {
    init(buffer);
    if !buffer.is_null() {
        (*buffer).row_size = keyviz_row_t::FIRST_SIZE;
    }
}

/// Fills it with zeros and its type_size, like KEYVIZ_COLUMN_INFO_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_column_info_init(info: *mut keyviz_column_info_t) {
    init(info);
}

/// Lays rows out: each as a struct, what it refers to in the arena. Strings and lists that a row shares with the row
/// before are stored once.
#[derive(Default)]
pub(super) struct Layout {
    rows: usize,
    arena: usize,
    start: Piece,
    end: Piece,
    members: Piece,
    parents: Piece,
}

/// What was last stored of its kind.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    offset: usize,
}

impl Piece {
    /// Where `bytes` lie; `store` is told to put them there if they are new.
    fn place(&mut self, arena: &mut usize, bytes: &[u8], align: usize, store: &mut impl FnMut(usize, &[u8])) -> u64 {
        if bytes.is_empty() {
            return 0;
        }
        if self.bytes != bytes {
            *arena = arena.next_multiple_of(align);
            self.offset = *arena;
            store(*arena, bytes);
            *arena += bytes.len();
            self.bytes.clear();
            self.bytes.extend_from_slice(bytes);
        }
        self.offset as u64
    }
}

impl Layout {
    pub(super) fn push(&mut self, row: &RowView<'_>, mut store: impl FnMut(usize, &[u8])) -> keyviz_row_t {
        self.rows += 1;
        let arena = &mut self.arena;
        let mut flags = 0;
        flags |= if row.aggregate { KEYVIZ_ROW_AGGREGATE } else { 0 };
        flags |= if row.end.is_empty() { KEYVIZ_ROW_UNBOUNDED } else { 0 };
        keyviz_row_t {
            route_id: row.route_id,
            group_id: row.group_id,
            leader_term: row.leader_term,
            reads: row.counters.reads,
            writes: row.counters.writes,
            read_bytes: row.counters.read_bytes,
            write_bytes: row.counters.write_bytes,
            member_routes_total: row.member_routes_total,
            start_offset: self.start.place(arena, row.start, 1, &mut store),
            end_offset: self.end.place(arena, row.end, 1, &mut store),
            member_routes_offset: self.members.place(arena, id_bytes(row.member_routes), 8, &mut store),
            parents_offset: self.parents.place(arena, id_bytes(row.parents), 8, &mut store),
            start_len: row.start.len() as u32,
            end_len: row.end.len() as u32,
            member_routes_count: row.member_routes.len() as u32,
            parents_count: row.parents.len() as u32,
            label: row.label as u32,
            flags,
            sub_bucket: row.sub_bucket,
            sub_bucket_count: row.sub_bucket_count,
        }
    }

    fn measure(column: &dyn ColumnRows) -> Self {
        let mut layout = Self::default();
        column.for_each_row(&mut |row| {
            layout.push(row, |_, _| {});
        });
        layout
    }
}

fn id_bytes(ids: &[u64]) -> &[u8] {
    // SAFETY: integers have no padding, and bytes no alignment.
    unsafe { std::slice::from_raw_parts(ids.as_ptr().cast(), size_of_val(ids)) }
}

fn describe(column: &dyn ColumnRows, flushes: u64, layout: &Layout) -> keyviz_column_info_t {
    let info = column.info();
    keyviz_column_info_t {
        type_size: size_of::<keyviz_column_info_t>(),
        sequence: info.sequence,
        window_start_ns: info.window_start_ns,
        at_ns: info.at_ns,
        flushes,
        rows: layout.rows as u64,
        arena_bytes: layout.arena as u64,
    }
}

/// A caller's buffer, checked.
struct Buffer {
    to: *mut keyviz_column_buffer_t,
    fields: keyviz_column_buffer_t,
}

impl Buffer {
    unsafe fn check(to: *mut keyviz_column_buffer_t) -> Result<Self, Failure> {
        let fields = read_struct(to.cast_const(), "buffer")?;
        keyviz_row_t::check_size(fields.row_size, "buffer")?;
        if fields.rows.is_null() && fields.row_capacity > 0 {
            return Err(Failure::null("buffer.rows"));
        }
        check_extent(fields.row_capacity, fields.row_size, "buffer.rows")?;
        check_extent(fields.arena_capacity, 1, "buffer.arena")?;
        if fields.arena.is_null() && fields.arena_capacity > 0 {
            return Err(Failure::null("buffer.arena"));
        }
        Ok(Self { to, fields })
    }

    /// Writes the whole column, or, if it doesn't fit, the sizes that it takes.
    unsafe fn fill(&self, column: &dyn ColumnRows, flushes: u64) -> Result<(), Error> {
        let needed = Layout::measure(column);
        let mut out = keyviz_column_buffer_t { row_count: needed.rows, arena_used: needed.arena, ..self.fields };
        if needed.rows > self.fields.row_capacity || needed.arena > self.fields.arena_capacity {
            self.write(&out);
            return Err(Error::BufferTooSmall(format!("it takes {} rows and {} bytes", needed.rows, needed.arena)));
        }
        let (rows, arena) = (self.fields.rows.cast::<u8>(), self.fields.arena.cast::<u8>());
        let mut layout = Layout::default();
        column.for_each_row(&mut |view| {
            let at = rows.add(layout.rows * self.fields.row_size);
            let row = layout.push(view, |offset, bytes| {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), arena.add(offset), bytes.len());
            });
            row.write(at, self.fields.row_size);
        });
        let info = column.info();
        out.sequence = info.sequence;
        out.window_start_ns = info.window_start_ns;
        out.at_ns = info.at_ns;
        out.flushes = flushes;
        self.write(&out);
        Ok(())
    }

    unsafe fn write(&self, out: &keyviz_column_buffer_t) {
        // Its size was checked when it was read.
        let _ = write_struct(self.to, "buffer", out);
    }
}

/// A buffer without memory has no room.
pub(super) fn check_buffer(buffer: *mut c_void, capacity: usize) -> Result<(), Failure> {
    if buffer.is_null() && capacity > 0 {
        return Err(Failure::null("buffer"));
    }
    Ok(())
}

/// Checks where bytes, and their number, are to go.
pub(super) fn check_room(buffer: *mut c_void, capacity: usize, size: *mut usize) -> Result<(), Failure> {
    if size.is_null() {
        return Err(Failure::null("size"));
    }
    check_buffer(buffer, capacity)
}

/// Copies bytes into a caller's buffer; `*size` becomes their number, also when they don't fit.
pub(super) unsafe fn copy_bytes(
    bytes: &[u8],
    buffer: *mut c_void,
    capacity: usize,
    size: *mut usize,
) -> Result<(), Failure> {
    check_room(buffer, capacity, size)?;
    write_out(size, bytes.len());
    copy_out(&[bytes], buffer, capacity)
}

/// Writes pieces one behind the other into a checked buffer, or nothing if they don't fit.
pub(super) unsafe fn copy_out(pieces: &[&[u8]], buffer: *mut c_void, capacity: usize) -> Result<(), Failure> {
    let needed: usize = pieces.iter().map(|piece| piece.len()).sum();
    if needed > capacity {
        let message = format!("buffer too small: it takes {needed} bytes");
        return Err(Failure::new(KEYVIZ_ERR_BUFFER_TOO_SMALL, message));
    }
    let mut to = buffer.cast::<u8>();
    for piece in pieces {
        std::ptr::copy_nonoverlapping(piece.as_ptr(), to, piece.len());
        to = to.add(piece.len());
    }
    Ok(())
}

/// Commits a column at `now_ns` (Unix ns) into the history: one row for every slot and sub-bucket that counted anything
/// since the last flush or drain. `info` (NULL is fine) tells what it is. Flushes of one sampler wait for one another;
/// no observer waits.
///
/// Errors: KEYVIZ_ERR_HISTORY_OFF (drain it instead), KEYVIZ_ERR_NO_MEMORY, KEYVIZ_ERR_TYPE_SIZE. Nothing was drained.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_flush(
    sampler: *mut keyviz_sampler_t,
    now_ns: i64,
    info: *mut keyviz_column_info_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        if !info.is_null() {
            check_size(info, "info")?;
        }
        if sampler.options().history_off {
            return Err(Error::HistoryOff.into());
        }
        let described = sampler.drain_into(now_ns, |column| {
            // The sizes are only worth a walk over the rows to somebody who asked.
            let layout = if info.is_null() { Layout::default() } else { Layout::measure(column) };
            Ok(describe(column, 1, &layout))
        })?;
        write_struct(info, "info", &described)
    })
}

/// keyviz_sampler_flush at the time of the system's clock. Errors: as that.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_flush_now(
    sampler: *mut keyviz_sampler_t,
    info: *mut keyviz_column_info_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    keyviz_sampler_flush(sampler, now_ns(), info, err)
}

/// Commits a column at `now_ns` (Unix ns) into the caller's buffer, and into the history if there is one. All or
/// nothing: KEYVIZ_ERR_BUFFER_TOO_SMALL writes the needed sizes into row_count and arena_used, and nothing has been
/// drained; meanwhile more may be counted, so ask for some more than that. Other errors: KEYVIZ_ERR_NULL_POINTER,
/// KEYVIZ_ERR_TYPE_SIZE, KEYVIZ_ERR_NO_MEMORY.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_drain(
    sampler: *mut keyviz_sampler_t,
    now_ns: i64,
    buffer: *mut keyviz_column_buffer_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        let buffer = Buffer::check(buffer)?;
        sampler.drain_into(now_ns, |column| buffer.fill(column, 1))?;
        Ok(())
    })
}

/// keyviz_sampler_drain at the time of the system's clock. Errors: as that.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_drain_now(
    sampler: *mut keyviz_sampler_t,
    buffer: *mut keyviz_column_buffer_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    keyviz_sampler_drain(sampler, now_ns(), buffer, err)
}

/// Which stored columns have from_ns <= at < to_ns (Unix ns; 0: unbounded): `*count` of them, the oldest with the
/// sequence number `*first_sequence`. Read it, and go on with the number after the sequence that it tells, until `count` of
/// such times are read: between them lie columns of other times, if the host's clock went back. (Otherwise, and without
/// coarser columns, the numbers are consecutive.) Either pointer may be NULL.
///
/// Errors: KEYVIZ_ERR_HISTORY_OFF.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_column_range(
    sampler: *const keyviz_sampler_t,
    from_ns: i64,
    to_ns: i64,
    first_sequence: *mut u64,
    count: *mut u64,
) -> keyviz_status_t {
    guard(std::ptr::null_mut(), || {
        let columns = handle::get(sampler)?.sampler.columns(from_ns, to_ns)?;
        let first = columns.first().map_or(0, |column| column.info().sequence + 1 - column.flushes());
        write_out(first_sequence, first);
        write_out(count, columns.len() as u64);
        Ok(())
    })
}

/// Reads the stored column that holds the flush with this sequence number into the caller's buffer. What it gives for a
/// number never changes until the column is folded into a coarser one or goes.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_HISTORY_OFF, KEYVIZ_ERR_BUFFER_TOO_SMALL (row_count and arena_used are the
/// needed sizes), KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
#[no_mangle]
pub unsafe extern "C" fn keyviz_sampler_read_column(
    sampler: *const keyviz_sampler_t,
    sequence: u64,
    buffer: *mut keyviz_column_buffer_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        let buffer = Buffer::check(buffer)?;
        let column = sampler.column(sequence)?;
        buffer.fill(&column, column.flushes())?;
        Ok(())
    })
}
