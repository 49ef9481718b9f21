//! Columns that a host keeps, in the form that a drain has filled: checked, then read like any other.

use crate::column::{ColumnInfo, ColumnRows, Counters, RowView};
use crate::ffi::columns::{keyviz_column_buffer_t, keyviz_row_t, KEYVIZ_ROW_AGGREGATE};
use crate::ffi::status::Failure;
use crate::ffi::structs::{check_extent, read_struct, slice};
use crate::label::Label;

/// A column in a caller's memory, whose rows lie in its arena.
pub(super) struct Column<'a> {
    info: ColumnInfo,
    rows: Vec<(keyviz_row_t, Label)>,
    arena: &'a [u8],
}

impl Column<'_> {
    /// Checks the `i`th column.
    ///
    /// # Safety
    /// The buffer is as keyviz_sampler_drain filled it, or null, and nobody writes to it for as long as the result lives.
    pub unsafe fn check(buffer: *const keyviz_column_buffer_t, i: usize) -> Result<Self, Failure> {
        let buffer = read_struct(buffer, &format!("columns[{i}]"))?;
        // After a drain that failed, the counts are what it takes, and not what is there.
        if buffer.row_count > buffer.row_capacity || buffer.arena_used > buffer.arena_capacity {
            return Err(Failure::invalid(format!("columns[{i}] says that it holds more than it has room for")));
        }
        let what = format!("columns[{i}].rows");
        if buffer.row_count > 0 {
            if buffer.rows.is_null() {
                return Err(Failure::null(&what));
            }
            keyviz_row_t::check_size(buffer.row_size, &format!("columns[{i}]"))?;
            check_extent(buffer.row_count, buffer.row_size, &what)?;
        }
        let arena = slice(buffer.arena.cast::<u8>().cast_const(), buffer.arena_used, &format!("columns[{i}].arena"))?;
        let rows = (0..buffer.row_count).map(|r| {
            let row = keyviz_row_t::read(buffer.rows.cast::<u8>().add(r * buffer.row_size), buffer.row_size);
            checked(&row, arena).map(|label| (row, label)).ok_or_else(|| {
                Failure::invalid(format!("row {r} of columns[{i}] is not one that a drain has written"))
            })
        });
        let info =
            ColumnInfo { sequence: buffer.sequence, window_start_ns: buffer.window_start_ns, at_ns: buffer.at_ns };
        Ok(Self { info, rows: rows.collect::<Result<_, _>>()?, arena })
    }
}

/// The label of a row that makes sense.
fn checked(row: &keyviz_row_t, arena: &[u8]) -> Option<Label> {
    let label = Label::from_index(row.label)?;
    piece(arena, row.start_offset, u64::from(row.start_len))?;
    piece(arena, row.end_offset, u64::from(row.end_len))?;
    piece(arena, row.member_routes_offset, u64::from(row.member_routes_count) * 8)?;
    piece(arena, row.parents_offset, u64::from(row.parents_count) * 8)?;
    (row.sub_bucket < row.sub_bucket_count).then_some(label)
}

fn piece(arena: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    match len {
        0 => Some(&[]),
        _ => arena.get(usize::try_from(offset).ok()?..)?.get(..usize::try_from(len).ok()?),
    }
}

fn ids(arena: &[u8], offset: u64, count: u32) -> Vec<u64> {
    let bytes = piece(arena, offset, u64::from(count) * 8).unwrap_or(&[]);
    bytes.chunks_exact(8).map(|id| u64::from_ne_bytes(id.try_into().unwrap_or_default())).collect()
}

impl ColumnRows for Column<'_> {
    fn info(&self) -> ColumnInfo {
        self.info
    }

    fn for_each_row(&self, visit: &mut dyn FnMut(&RowView<'_>)) {
        for (row, label) in &self.rows {
            let member_routes = ids(self.arena, row.member_routes_offset, row.member_routes_count);
            let parents = ids(self.arena, row.parents_offset, row.parents_count);
            visit(&RowView {
                route_id: row.route_id,
                label: *label,
                start: piece(self.arena, row.start_offset, row.start_len.into()).unwrap_or(&[]),
                end: piece(self.arena, row.end_offset, row.end_len.into()).unwrap_or(&[]),
                aggregate: row.flags & KEYVIZ_ROW_AGGREGATE != 0,
                member_routes: &member_routes,
                member_routes_total: row.member_routes_total,
                group_id: row.group_id,
                leader_term: row.leader_term,
                sub_bucket: row.sub_bucket,
                sub_bucket_count: row.sub_bucket_count,
                parents: &parents,
                counters: Counters {
                    reads: row.reads,
                    writes: row.writes,
                    read_bytes: row.read_bytes,
                    write_bytes: row.write_bytes,
                },
            });
        }
    }
}
