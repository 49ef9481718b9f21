//! How much of an untrusted input is read.

use super::error::Error;

/// What a reader takes at most. The defaults are some ten times what a busy cluster's matrix needs.
///
/// Whatever the input says, a reader's memory stays below 8 times `bytes` (a number takes at least a byte, and 8 once
/// it is read) and what `rows` rows take, 256 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of the input, in bytes.
    pub bytes: usize,
    /// Rows.
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
