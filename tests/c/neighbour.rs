//! Another Rust library of the same program, with a standard library of its own: threads, panics, a thread-local value with
//! a destructor.

use std::cell::RefCell;

thread_local! {
    static SEEN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The sum of 0 to n, from n threads, of which each also panics; 0 if one of them did not.
#[no_mangle]
pub extern "C" fn neighbour_sum(n: u64) -> u64 {
    std::panic::set_hook(Box::new(|_| ()));
    let threads: Vec<_> = (0..=n)
        .map(|i| {
            std::thread::spawn(move || {
                SEEN.with_borrow_mut(|seen| seen.push(i));
                std::panic::catch_unwind(|| panic!("{i}")).is_err().then(|| SEEN.with_borrow(|seen| seen[0]))
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().ok().flatten()).sum::<Option<u64>>().unwrap_or(0)
}
