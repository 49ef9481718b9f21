//! How much of an untrusted input is read.

use super::error::Error;

/// What a reader takes at most. The defaults are some ten times what a busy cluster's matrix needs.
///
/// Whatever the input says, a reader's memory stays below 32 times `bytes` (a cell takes at least two bytes, and 40 once
/// its value is read and its group is another one than its neighbour's) and 512 bytes for each of `rows`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of the input, in bytes.
    pub bytes: usize,
    /// Rows, and nodes that were asked.
    pub rows: usize,
    /// Rows x columns, and columns where there are no rows.
    pub cells: usize,
}

impl Default for Limits {
    /// 64 MiB, 65 536 rows, 16 Mi cells.
    fn default() -> Self {
        Self { bytes: 64 << 20, rows: 1 << 16, cells: 1 << 24 }
    }
}

impl Limits {
    /// Checks an input's length, before anything is read.
    pub(super) fn check_bytes(&self, input: &[u8]) -> Result<(), Error> {
        match input.len() {
            len if len > self.bytes => {
                Err(Error::too_large(format!("{len} bytes are over the limit of {}", self.bytes)).at(self.bytes))
            }
            _ => Ok(()),
        }
    }
}
