//! The history as one byte string, so that a restart keeps the heatmap.
//!
//! ```text
//! 8 bytes   "keyvizH\n"
//! u32 LE    version
//! body      varints (see `varint.rs`) and byte strings:
//!             descriptions: count, then each one
//!             resolutions:  count, then each: step, blocks
//!             block:        step, at and sequence that its first column is relative to, columns, dictionary, column bytes
//! u32 LE    CRC-32 of all before
//! ```
//!
//! Reading is for bytes that may be damaged or hostile: nothing is allocated beyond a multiple of the input's length,
//! every column is decoded once before anything is taken over, and the result is all or nothing.

use super::block::{Block, Cursor, StoredColumn};
use super::ring::columns;
use super::varint::{put, put_signed, take, take_bytes, take_signed};
use super::History;
use crate::column::ColumnRows;
use crate::error::Error;
use crate::hash::IntMap;
use crate::meta::{Division, Members, RouteMeta};
use crate::sub_bucket::Parts;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"keyvizH\n";
const VERSION: u32 = 2;

/// What an image is made of: blocks don't change, so it can be written while the history goes on.
pub(crate) struct Snapshot {
    rings: Vec<(i64, Vec<(Arc<Block>, Cursor)>)>,
}

/// What an image held: per resolution its step and its blocks, checked.
pub(crate) struct Loaded {
    pub(super) rings: Vec<(i64, Vec<Block>)>,
}

impl History {
    /// What an image of the history as it stands is made of.
    pub fn snapshot(&self) -> Snapshot {
        let blocks = |ring: &super::Ring| ring.blocks().map(|(block, begin)| (block.clone(), begin)).collect();
        Snapshot { rings: self.rings.iter().map(|ring| (ring.step_ns(), blocks(ring))).collect() }
    }
}

impl Snapshot {
    /// Writes the image.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut index: IntMap<usize, u64> = IntMap::default();
        let mut metas: Vec<&Arc<RouteMeta>> = Vec::new();
        let mut rings = Vec::new();
        put(&mut rings, self.rings.len() as u64);
        for (step_ns, blocks) in &self.rings {
            put_signed(&mut rings, *step_ns);
            put(&mut rings, blocks.len() as u64);
            for (block, begin) in blocks {
                // The ring's step is that of today; a block that was loaded may come from a time with another one.
                put_signed(&mut rings, begin.step_ns);
                put_signed(&mut rings, begin.at_ns);
                put(&mut rings, begin.sequence);
                put(&mut rings, columns(block, *begin).count() as u64);
                put(&mut rings, block.dictionary.len() as u64);
                for meta in &block.dictionary {
                    let known = *index.entry(Arc::as_ptr(meta) as usize).or_insert_with(|| {
                        metas.push(meta);
                        metas.len() as u64 - 1
                    });
                    put(&mut rings, known);
                }
                put_bytes(&mut rings, &block.bytes[begin.offset..]);
            }
        }
        let mut image = Vec::with_capacity(rings.len() + 64);
        image.extend_from_slice(MAGIC);
        image.extend_from_slice(&VERSION.to_le_bytes());
        put(&mut image, metas.len() as u64);
        metas.iter().for_each(|meta| put_meta(&mut image, meta));
        image.extend_from_slice(&rings);
        let sum = crc32fast::hash(&image);
        image.extend_from_slice(&sum.to_le_bytes());
        image
    }
}

impl Loaded {
    /// Reads an image.
    pub fn from_bytes(image: &[u8]) -> Result<Self, Error> {
        let corrupt = |what: &str| Error::CorruptImage(what.into());
        let rest = image.strip_prefix(MAGIC).ok_or_else(|| corrupt("it does not begin as one"))?;
        let (version, rest) = rest.split_first_chunk().ok_or_else(|| corrupt("it ends early"))?;
        let version = u32::from_le_bytes(*version);
        if version > VERSION {
            return Err(Error::NewerImage(version));
        }
        if version < VERSION {
            return Err(corrupt(&format!("its version {version} was never released")));
        }
        let (body, sum) = rest.split_last_chunk().ok_or_else(|| corrupt("it ends early"))?;
        if u32::from_le_bytes(*sum) != crc32fast::hash(&image[..image.len() - sum.len()]) {
            return Err(corrupt("its checksum is wrong"));
        }
        let mut body = body;
        let loaded = Self::read(&mut body).filter(|_| body.is_empty());
        loaded.ok_or_else(|| corrupt(&format!("wrong at byte {}", image.len() - sum.len() - body.len())))
    }

    fn read(body: &mut &[u8]) -> Option<Self> {
        let metas = take_list(body, take_meta)?;
        let rings = take_list(body, |body| {
            let step_ns = take_signed(body).filter(|&step| step > 0)?;
            let blocks = take_list(body, |body| take_block(body, &metas))?;
            let in_order = blocks.windows(2).all(|pair| pair[0].end().sequence <= pair[1].begin.sequence);
            in_order.then_some((step_ns, blocks))
        })?;
        Some(Self { rings })
    }

    /// The sequence number that follows the newest column.
    pub fn next_sequence(&self) -> u64 {
        let ends = self.rings.iter().filter_map(|(_, blocks)| Some(blocks.last()?.end().sequence));
        ends.max().unwrap_or(0)
    }
}

/// A counted list. Every element takes at least a byte, so the input bounds what is allocated.
fn take_list<T>(body: &mut &[u8], mut element: impl FnMut(&mut &[u8]) -> Option<T>) -> Option<Vec<T>> {
    let count = take(body)?;
    (0..count).map(|_| element(body)).collect()
}

fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

fn take_string<'a>(body: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = take(body)?;
    take_bytes(body, len)
}

fn put_ids(to: &mut Vec<u8>, ids: &[u64]) {
    put(to, ids.len() as u64);
    ids.iter().for_each(|&id| put(to, id));
}

fn put_meta(to: &mut Vec<u8>, meta: &RouteMeta) {
    put(to, meta.route_id);
    put(to, meta.group_id);
    put(to, meta.leader_term);
    put_bytes(to, &meta.start);
    put_bytes(to, &meta.end);
    put_ids(to, &meta.parents);
    to.push(u8::from(meta.members.is_some()) | u8::from(meta.division.is_some()) << 1);
    if let Some(members) = &meta.members {
        put_ids(to, &members.listed);
        put(to, members.total);
    }
    if let Some(Division { parts, prefix }) = &meta.division {
        put(to, parts.count().into());
        put_bytes(to, prefix);
        put(to, parts.low);
        put(to, parts.span);
    }
}

fn take_meta(body: &mut &[u8]) -> Option<Arc<RouteMeta>> {
    let (route_id, group_id, leader_term) = (take(body)?, take(body)?, take(body)?);
    let (start, end) = (take_string(body)?.into(), take_string(body)?.into());
    let parents = take_list(body, take)?.into();
    let flags = take(body).filter(|&flags| flags < 4)?;
    let members = match flags & 1 {
        0 => None,
        _ => Some(Members { listed: take_list(body, take)?.into(), total: take(body)? }),
    };
    let division = match flags & 2 {
        0 => None,
        _ => {
            let count = u32::try_from(take(body)?).ok()?;
            let prefix = take_string(body)?;
            let parts = Parts::restore(count, prefix.len(), take(body)?, take(body)?)?;
            Some(Division { parts, prefix: prefix.into() })
        }
    };
    Some(Arc::new(RouteMeta { route_id, group_id, leader_term, start, end, members, parents, division }))
}

fn take_block(body: &mut &[u8], metas: &[Arc<RouteMeta>]) -> Option<Block> {
    let step_ns = take_signed(body).filter(|&step| step > 0)?;
    let (at_ns, sequence) = (take_signed(body)?, take(body)?);
    let count = u32::try_from(take(body)?).ok()?;
    let dictionary = take_list(body, |body| metas.get(usize::try_from(take(body)?).ok()?).cloned())?;
    let bytes = take_string(body)?.to_vec();
    let begin = Cursor { offset: 0, at_ns, sequence, step_ns };
    let block = Arc::new(Block::sealed(begin, count, dictionary, bytes));
    let mut cursor = begin;
    for _ in 0..count {
        let column: StoredColumn = block.column(&mut cursor)?;
        column.decode(|_, _| {})?;
        debug_assert!(column.info().at_ns == cursor.at_ns);
    }
    let whole = cursor.offset == block.bytes.len();
    let mut block = Arc::into_inner(block).filter(|_| whole)?;
    block.end_at(cursor);
    Some(block)
}

/// Replaces a file by `bytes`, atomically: whoever reads it, after a crash too, finds the old content or the new.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |what: &str, error: std::io::Error| Error::Io(format!("{what} the history file: {error}"));
    let name = path.file_name().ok_or_else(|| Error::InvalidArgument("the path names no file".into()))?;
    let mut temporary = name.to_os_string();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let written = std::fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    });
    if let Err(error) = written {
        // What is left of it is of no use; that it can't be removed either says nothing new.
        let _ = std::fs::remove_file(&temporary);
        return Err(failed("cannot write", error));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| failed("cannot sync the folder of", error))
}

/// Reads a file that `write_file` wrote.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::Io(format!("cannot read the history file: {error}")))
}
