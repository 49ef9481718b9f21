//! The stored columns, one after the other: the fastest way to all of them. What rows share is told once, in the library's
//! memory, and a row is its counters and a number.

use super::columns::{keyviz_row_t, Layout};
use super::handle::{self, Handle};
use super::sampler::keyviz_sampler_t;
use super::status::{guard, keyviz_error_t, keyviz_status_t, Failure, KEYVIZ_ERR_NOT_FOUND};
use super::structs::{check_size, init, place, write_out, write_struct, Sized0};
use crate::column::{ColumnRows, Counters};
use crate::hash::IntMap;
use crate::history::StoredColumn;
use crate::label::Label;
use crate::meta::{PartBounds, RouteMeta};
use parking_lot::Mutex;
use std::ffi::c_void;
use std::sync::atomic::AtomicU32;
use std::sync::Arc;

/// A walk through stored columns: as they stood when it began, whatever the history does meanwhile. One thread at a time, but
/// for keyviz_columns_take.
// Not as a plain attribute: cbindgen would take the type for a struct that callers may look into.
#[cfg_attr(all(), repr(C))]
pub struct keyviz_columns_t {
    magic: AtomicU32,
    walk: Mutex<Walk>,
}

// SAFETY: `repr(C)`, and the word comes first.
unsafe impl Handle for keyviz_columns_t {
    const NAME: &'static str = "columns";
    const MAGIC: u32 = 0x6b76_0006;
    const MAGIC_OFFSET: usize = std::mem::offset_of!(Self, magic);
}

/// What one row counted, and which of the descriptions says of what. It never grows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_counts_t {
    /// Number of reads.
    pub reads: u64,
    /// Number of writes.
    pub writes: u64,
    /// Bytes of keys and values read.
    pub read_bytes: u64,
    /// Bytes of keys and values written.
    pub write_bytes: u64,
    /// Number of the row's description.
    pub description: u32,
    /// KEYVIZ_LABEL_*; KEYVIZ_LABEL_LEGACY on a virtual bucket, and where labels are off.
    pub label: u32,
}

/// One column of a walk. Begin with KEYVIZ_COLUMN_INIT. What it points to is the walk's, until the next column is asked for.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct keyviz_column_t {
    /// sizeof(keyviz_column_t).
    pub type_size: usize,
    /// As in keyviz_column_info_t.
    pub sequence: u64,
    /// As in keyviz_column_info_t.
    pub window_start_ns: i64,
    /// As in keyviz_column_info_t.
    pub at_ns: i64,
    /// As in keyviz_column_info_t.
    pub flushes: u64,
    /// The rows, in the order of keyviz_column_buffer_t.
    pub rows: *const keyviz_counts_t,
    /// Number of rows.
    pub row_count: usize,
    /// The descriptions that this column and those before it refer to, by their number, which stays: what routes and parts
    /// are. Their counters and labels are 0.
    pub descriptions: *const keyviz_row_t,
    /// Number of descriptions.
    pub description_count: usize,
    /// Bytes from one description to the next: sizeof(keyviz_row_t) of the library, which may be newer than the header.
    pub description_size: usize,
    /// The arena that the descriptions' offsets count from.
    pub arena: *const c_void,
}

// SAFETY: integers and pointers only, no padding.
unsafe impl Sized0 for keyviz_column_t {}

/// Fills it with zeros and its type_size, like KEYVIZ_COLUMN_INIT. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_column_init(column: *mut keyviz_column_t) {
    init(column);
}

/// Begins a walk through the stored columns with from_ns <= at < to_ns (Unix ns; 0: unbounded), oldest first. `*count` is
/// their number, and `*rows` that of their rows (either may be NULL). Flushes and observers go on meanwhile, and change
/// nothing of what the walk gives. `*out` is to be freed with keyviz_columns_free, before or after the sampler.
///
/// Errors: KEYVIZ_ERR_HISTORY_OFF.
#[no_mangle]
pub unsafe extern "C" fn keyviz_columns_new(
    sampler: *const keyviz_sampler_t,
    from_ns: i64,
    to_ns: i64,
    out: *mut *mut keyviz_columns_t,
    count: *mut usize,
    rows: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let sampler = &handle::get(sampler)?.sampler;
        if out.is_null() {
            return Err(Failure::null("out"));
        }
        let columns = sampler.columns(from_ns, to_ns)?;
        write_out(count, columns.len());
        write_out(rows, columns.iter().map(StoredColumn::len).sum());
        write_out(out, hand_out(columns));
        Ok(())
    })
}

fn hand_out(columns: Vec<StoredColumn>) -> *mut keyviz_columns_t {
    let walk = Mutex::new(Walk { columns, ..Walk::default() });
    handle::into_raw(keyviz_columns_t { magic: AtomicU32::new(keyviz_columns_t::MAGIC), walk })
}

/// Gives the last `count` of the columns that are still to come to a walk of their own, for another thread; fewer, if fewer
/// are to come. `*out` is to be freed with keyviz_columns_free.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER (out).
#[no_mangle]
pub unsafe extern "C" fn keyviz_columns_split(
    columns: *mut keyviz_columns_t,
    count: usize,
    out: *mut *mut keyviz_columns_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let mut walk = handle::get(columns)?.walk.lock();
        if out.is_null() {
            return Err(Failure::null("out"));
        }
        let last = walk.split_off(count);
        write_out(out, hand_out(last));
        Ok(())
    })
}

/// Moves the last `count` of the columns that are still to come of `from` to the end of `columns`; fewer, if fewer are to
/// come. `*taken` (NULL is fine) is their number. Another thread may be using `from`: so a thread that has come to its
/// walk's end helps with another's.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_INVALID_HANDLE. Nothing was moved.
#[no_mangle]
pub unsafe extern "C" fn keyviz_columns_take(
    columns: *mut keyviz_columns_t,
    from: *mut keyviz_columns_t,
    count: usize,
    taken: *mut usize,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let (to, from) = (handle::get(columns)?, handle::get(from)?);
        // One after the other, so that two threads that take from each other don't wait for each other.
        let last = from.walk.lock().split_off(count);
        write_out(taken, last.len());
        to.walk.lock().columns.extend(last);
        Ok(())
    })
}

/// Gives the next column.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND (there are no more), KEYVIZ_ERR_TYPE_SIZE. Nothing was skipped.
#[no_mangle]
pub unsafe extern "C" fn keyviz_columns_next(
    columns: *mut keyviz_columns_t,
    column: *mut keyviz_column_t,
    err: *mut keyviz_error_t,
) -> keyviz_status_t {
    guard(err, || {
        let mut walk = handle::get(columns)?.walk.lock();
        check_size(column, "column")?;
        let Some(stored) = walk.next() else {
            return Err(Failure::new(KEYVIZ_ERR_NOT_FOUND, "there are no more columns"));
        };
        let info = stored.info();
        let told = keyviz_column_t {
            type_size: size_of::<keyviz_column_t>(),
            sequence: info.sequence,
            window_start_ns: info.window_start_ns,
            at_ns: info.at_ns,
            flushes: stored.flushes(),
            rows: place(&walk.rows),
            row_count: walk.rows.len(),
            descriptions: place(&walk.descriptions.rows),
            description_count: walk.descriptions.rows.len(),
            description_size: size_of::<keyviz_row_t>(),
            arena: place(&walk.descriptions.arena).cast(),
        };
        write_struct(column, "column", &told)
    })
}

/// Frees a walk. NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn keyviz_columns_free(columns: *mut keyviz_columns_t) {
    drop(handle::take(columns));
}

/// A walk; see [`keyviz_columns_t`].
#[derive(Default)]
struct Walk {
    /// All of them, to the end: the addresses of what they refer to are what descriptions are known by.
    columns: Vec<StoredColumn>,
    next: usize,
    /// Of the block's descriptions, by their index: which of them are of sub-divided routes, and where the numbers of
    /// their parts stand.
    divided: Vec<bool>,
    places: Vec<u32>,
    known: Known,
    descriptions: Descriptions,
    /// The rows of the column that was given last.
    rows: Vec<keyviz_counts_t>,
}

/// Where the numbers of a description's parts stand, by its address. Blocks mostly have the same descriptions in the same
/// order, so the next one is guessed before it is looked up.
#[derive(Default)]
struct Known {
    places: Vec<(usize, u32)>,
    /// Index in `places`, by address: of all that earlier blocks had, once a guess has failed.
    index: IntMap<usize, u32>,
    /// Index in `places` of the one that is expected next.
    guess: usize,
}

/// What was told so far.
#[derive(Default)]
struct Descriptions {
    /// By place: the number of the part's description, plus 1; 0: it isn't told yet.
    numbers: Vec<u32>,
    rows: Vec<keyviz_row_t>,
    /// In words, since ids are read in place.
    arena: Vec<u64>,
    layout: Layout,
    bounds: PartBounds,
}

impl Walk {
    fn next(&mut self) -> Option<StoredColumn> {
        let column = self.columns.get(self.next)?.clone();
        if self.next == 0 || !column.same_block(&self.columns[self.next - 1]) {
            self.enter(column.descriptions());
        }
        self.next += 1;
        self.rows.clear();
        self.rows.reserve(column.len());
        let Self { rows, divided, places, descriptions, .. } = self;
        column.for_each_counters(divided, |entry, label, part, counters| {
            let place = places[entry as usize] + part;
            let number = match descriptions.numbers[place as usize] {
                0 => descriptions.tell(place, &column.descriptions()[entry as usize], part),
                number => number,
            };
            rows.push(keyviz_counts_t {
                reads: counters.reads,
                writes: counters.writes,
                read_bytes: counters.read_bytes,
                write_bytes: counters.write_bytes,
                description: number - 1,
                label: label.into(),
            });
        });
        Some(column)
    }

    /// Lets go of the last `count` of the columns that are still to come, or all of them.
    fn split_off(&mut self, count: usize) -> Vec<StoredColumn> {
        let at = self.columns.len().saturating_sub(count).max(self.next);
        self.columns.split_off(at)
    }

    /// Goes on to a block with these descriptions.
    fn enter(&mut self, metas: &[Arc<RouteMeta>]) {
        let Self { known, descriptions, divided, places, .. } = self;
        let before = known.places.len();
        known.guess = 0;
        divided.clear();
        places.clear();
        for meta in metas {
            let address = Arc::as_ptr(meta) as usize;
            divided.push(meta.parts() > 1);
            places.push(known.place(address, before).unwrap_or_else(|| {
                let place = descriptions.numbers.len();
                descriptions.numbers.resize(place + meta.parts() as usize, 0);
                known.places.push((address, place as u32));
                place as u32
            }));
        }
        // Most of them will be told.
        descriptions.rows.reserve(known.places.len() - before);
    }
}

impl Known {
    /// Looks among those that were known `before`.
    fn place(&mut self, address: usize, before: usize) -> Option<u32> {
        let Self { places, index, guess } = self;
        if before == 0 {
            return None;
        }
        if places.get(*guess).is_none_or(|&(known, _)| known != address) {
            let indexed = index.len();
            index.extend(places[indexed..before].iter().zip(indexed as u32..).map(|(&(known, _), i)| (known, i)));
            *guess = *index.get(&address)? as usize;
        }
        *guess += 1;
        Some(places[*guess - 1].1)
    }
}

impl Descriptions {
    /// Tells of a part, and gives its number, plus 1.
    #[cold]
    fn tell(&mut self, place: u32, meta: &RouteMeta, part: u32) -> u32 {
        let view = meta.view(Label::Legacy, part, Counters::default(), &mut self.bounds);
        let arena = &mut self.arena;
        self.rows.push(self.layout.push(&view, |offset, bytes| {
            arena.resize((offset + bytes.len()).div_ceil(8), 0);
            // SAFETY: integers are bytes, and there are enough of them.
            unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), arena.as_mut_ptr().cast::<u8>().add(offset), bytes.len());
            }
        }));
        self.numbers[place as usize] = self.rows.len() as u32;
        self.rows.len() as u32
    }
}
