//! Reading takes memory in proportion to the input, whatever it says.

use crate::some::{matrix, row};
use keyviz::matrix::{from_json, from_proto, to_json, to_proto, Limits};
use keyviz::Series;
use prost_reflect::prost;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Bytes that this thread holds, and the most that it held.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn count(bytes: isize) {
    // A thread that ends may still free: nobody asks for its count.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        held.set((now + bytes, most.max(now + bytes)));
    });
}

#[allow(unsafe_code)]
// SAFETY: the system's allocator, with a count beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        System.alloc(layout)
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        System.dealloc(at, layout)
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        System.realloc(at, layout, size)
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most bytes held at a time while `run` runs, besides what was held before.
fn peak<T>(run: impl FnOnce() -> T) -> usize {
    let before = HELD.with(|held| {
        held.set((held.get().0, held.get().0));
        held.get().0
    });
    drop(run());
    (HELD.with(Cell::get).1 - before) as usize
}

const SIZE: usize = 1 << 20;

/// As much of `unit` as fits, between `begin` and `end`.
fn filled(begin: &str, unit: impl Fn(usize) -> String, end: &str) -> Vec<u8> {
    let mut text = String::from(begin);
    for i in 0.. {
        let next = unit(i);
        if text.len() + next.len() + end.len() > SIZE {
            break;
        }
        text.push_str(&next);
    }
    (text.trim_end_matches(',').to_string() + end).into_bytes()
}

/// A row in which each cell's group is another one than its neighbour's.
fn alternating() -> Vec<u8> {
    let cells = SIZE / 4 - 40;
    let zeros = vec!["0"; cells].join(",");
    let groups: Vec<&str> = ["1", "2"].into_iter().cycle().take(cells).collect();
    let (zeros, groups) = (&zeros, groups.join(","));
    let row = format!("{{\"bucket_id\":\"a\",\"values\":[{zeros}],\"raft_group_ids\":[{groups}]}}");
    format!("{{\"rows\":[{row}]}}").into_bytes()
}

#[test]
fn memory_is_bounded_by_the_input_and_the_limits() {
    let limits = Limits { bytes: SIZE, rows: 1000, ..Limits::default() };
    let most = 32 * limits.bytes + 512 * limits.rows;
    let same = |unit: &'static str| move |_| unit.to_string();
    let json = [
        filled("{\"column_unix_ms\":[", same("0,"), "]}"),
        filled("{\"rows\":[{\"bucket_id\":\"a\",\"values\":[", same("0,"), "]}]}"),
        filled("{\"rows\":[{\"bucket_id\":\"a\",\"raft_group_ids\":[", same("0,"), "]}]}"),
        alternating(),
        filled("{\"rows\":[{\"bucket_id\":\"a\",\"route_ids\":[", same("0,"), "]}]}"),
        filled("{\"rows\":[{\"bucket_id\":\"a\",\"conflicts\":[", same("true,"), "]}]}"),
        filled("{\"rows\":[", |i| format!("{{\"bucket_id\":\"{i}\"}},"), "]}"),
        filled("{\"fanout\":{\"nodes\":[", same("{},"), "]}}"),
        filled("{\"unknown\":[", same("{},"), "]}"),
        filled("{\"node\":\"", same("\\n"), "\"}"),
        filled("{\"rows\":[{\"bucket_id\":\"a\",\"start\":\"", same("AAAA"), "\"}]}"),
        filled("", same("["), ""),
    ];
    for input in json {
        assert!(input.len() > SIZE * 9 / 10 && input.len() <= SIZE);
        let took = peak(|| from_json(&input, &limits));
        assert!(took <= most, "{took} bytes for {:?}...", String::from_utf8_lossy(&input[..40]));
    }
    let list = |tag: u8| [&[tag][..], &[0xfc, 0xff, 0x3f], &vec![1; SIZE - 4]].concat();
    let in_row = |tag: u8| [&[0x12, 0xfc, 0xff, 0x3f][..], &[tag, 0xf8, 0xff, 0x3f], &vec![1; SIZE - 8]].concat();
    let rows: Vec<u8> = (0..SIZE / 8)
        .flat_map(|i| [0x12, 5, 0x0a, 3, b'0' + (i >> 14) as u8, (i >> 7 & 127) as u8, (i & 127) as u8])
        .collect();
    let cells: Vec<u8> = (0..SIZE as u32 / 2 - 20).map(|i| 1 + (i & 1) as u8).collect();
    let mut alternating = vec![0x12];
    prost::encode_length_delimiter(cells.len() * 2 + 11, &mut alternating).unwrap();
    alternating.extend_from_slice(&[0x0a, 1, b'a']);
    for (tag, cells) in [(0x5a, &vec![0; cells.len()]), (0x6a, &cells)] {
        alternating.push(tag);
        prost::encode_length_delimiter(cells.len(), &mut alternating).unwrap();
        alternating.extend_from_slice(cells);
    }
    let columns = [&[0x0a][..], &alternating[alternating.len() - cells.len() - 3..]].concat();
    let whole = from_proto(&[columns, alternating.clone()].concat(), Series::Writes, &Limits::default()).unwrap();
    assert_eq!(whole.values.len(), cells.len(), "it is a matrix");
    for input in [alternating, list(0x0a), in_row(0x5a), in_row(0x32), in_row(0x6a), rows, [0x12, 0].repeat(SIZE / 2)] {
        let took = peak(|| from_proto(&input, Series::Writes, &limits));
        assert!(took <= most, "{took} bytes for {:02x?}...", &input[..8]);
    }
}

#[test]
fn a_matrix_is_read_into_its_own_memory() {
    let matrix = matrix(200, (0..200).map(|i| row(&format!("route:{i}"), b"a", b"b")).collect());
    let own = matrix.values.len() * 8;
    let (json, proto) = (to_json(&matrix), to_proto(&matrix));
    // The list of values doubles as it grows.
    let most = 2 * own + own / 2;
    let took = [
        peak(|| from_json(&json, &Limits::default())),
        peak(|| from_proto(&proto, Series::Writes, &Limits::default())),
    ];
    assert!(took.iter().all(|&took| took > own && took < most), "{took:?} for {own}");
}

#[test]
fn input_over_the_limit_of_bytes_is_not_looked_at() {
    let input = vec![b' '; SIZE + 1];
    let limits = Limits { bytes: SIZE, ..Limits::default() };
    assert!(peak(|| from_json(&input, &limits)) < 1000);
    assert!(peak(|| from_proto(&input, Series::Writes, &limits)) < 1000);
}
