//! Many pieces of work on many threads, as if done one after another.
//!
//! Threads take the next index when they are free, so that no core waits for a long piece; results
//! come back in the order of the index. What is made of them cannot tell how many threads there
//! were: every piece has a seed of its own and nothing is shared.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// As many threads as the machine has cores for.
#[must_use]
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// `work(0)`, `work(1)`, … `work(count - 1)`, on `threads` threads at most, in that order.
///
/// # Panics
///
/// When a piece of work does.
pub fn in_order<T: Send>(count: usize, threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return done;
            }
            done.push((at, work(at)));
        }
    };
    let mut all: Vec<(usize, T)> = thread::scope(|scope| {
        let workers = threads.clamp(1, count.max(1));
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined.flat_map(|done| done.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_index_whoever_is_first() {
        // The first piece waits until the last is done: with two threads it ends after the others.
        let late = |threads: usize| {
            let done = AtomicUsize::new(0);
            in_order(5, threads, |at| {
                while at == 0 && threads > 1 && done.load(Ordering::SeqCst) < 4 {
                    thread::yield_now();
                }
                done.fetch_add(1, Ordering::SeqCst);
                at * at
            })
        };
        for threads in [1, 2, 9] {
            assert_eq!(late(threads), [0, 1, 4, 9, 16], "{threads} threads");
        }
    }

    #[test]
    fn nothing_to_do_is_done() {
        assert!(in_order(0, 4, |at| at).is_empty());
    }
}
