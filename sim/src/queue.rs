//! The event queue: what is to happen, ordered by (instant, tie key, order of scheduling).
//!
//! [`Wheel`] is the one that runs use; [`Heap`] is the definition it is tested against. Neither
//! knows what an event is.

mod heap;
mod wheel;

pub use heap::Heap;
pub use wheel::Wheel;

use std::cmp::Ordering;

use floodgate_engine::time::Instant;

/// A queue of events in virtual time.
///
/// Items leave in the order of (instant, tie key, push). No item may be pushed before the instant
/// of the last one popped: virtual time never goes back.
pub trait Schedule<T> {
    /// Adds `item` at instant `at`; equal instants leave in the order of `tie`, then of pushes.
    fn push(&mut self, at: Instant, tie: u32, item: T);

    /// Takes the earliest item, with its instant.
    fn pop(&mut self) -> Option<(Instant, T)>;

    /// Takes the earliest item if it is due at `end` or before.
    fn pop_until(&mut self, end: Instant) -> Option<(Instant, T)> {
        if self.next_at()? > end { None } else { self.pop() }
    }

    /// The instant of the item that `pop` would take.
    fn next_at(&self) -> Option<Instant>;

    /// How many items wait.
    fn len(&self) -> usize;

    /// Whether none waits.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An item with its place in the order. Ordered in reverse, so that the earliest is the greatest:
/// at the top of a `BinaryHeap`, at the end of a sorted `Vec`.
#[derive(Clone, Debug)]
struct Entry<T> {
    at: u64,
    sequence: u64,
    tie: u32,
    item: T,
}

impl<T> Ord for Entry<T> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.tie, other.sequence).cmp(&(self.at, self.tie, self.sequence))
    }
}

impl<T> PartialOrd for Entry<T> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    /// What a property test may do to a queue. Spans are from the last popped instant.
    #[derive(Clone, Debug)]
    enum Step {
        Pop,
        Push { after: u64, tie: u32 },
    }

    fn step() -> impl Strategy<Value = Step> {
        let after = prop_oneof![
            4 => Just(0_u64),
            4 => 0..4_u64,
            4 => 0..5_000_u64,
            3 => 0..10_000_000_u64,
            2 => 0..100_000_000_000_u64,
            1 => (0..64_u32).prop_map(|bits| 1 << bits),
            1 => Just(u64::MAX),
        ];
        let tie = prop_oneof![3 => Just(0), 1 => 0..4_u32, 1 => any::<u32>()];
        let push = (after, tie).prop_map(|(after, tie)| Step::Push { after, tie });
        prop_oneof![3 => push, 2 => Just(Step::Pop)]
    }

    /// Drives both queues alike and compares all that can be seen of them.
    fn check_alike(steps: impl IntoIterator<Item = Step>) {
        let (mut wheel, mut heap) = (Wheel::new(), Heap::new());
        let mut now = 0_u64;
        let pop = |wheel: &mut Wheel<usize>, heap: &mut Heap<usize>| {
            let expected = heap.pop();
            assert_eq!(wheel.pop(), expected);
            expected.map(|(at, _)| at.as_nanos())
        };
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Pop => now = pop(&mut wheel, &mut heap).unwrap_or(now),
                Step::Push { after, tie } => {
                    let at = Instant::from_nanos(now.saturating_add(after));
                    wheel.push(at, tie, number);
                    heap.push(at, tie, number);
                }
            }
            assert_eq!(wheel.next_at(), heap.next_at());
            assert_eq!((wheel.len(), wheel.is_empty()), (heap.len(), heap.is_empty()));
        }
        while pop(&mut wheel, &mut heap).is_some() {
            assert_eq!(wheel.next_at(), heap.next_at());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 400,
            rng_seed: RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn the_wheel_is_the_heap(steps in prop::collection::vec(step(), 0..800)) {
            check_alike(steps);
        }

        /// Few instants and many events, so that the lanes overflow into the wheel and back.
        #[test]
        fn the_wheel_is_the_heap_in_a_crowd(
            fill in prop::collection::vec((0..2_000_u64, 0..2_u32), 200..600),
            steps in prop::collection::vec((0..300_u64, 0..2_u32, 0..3_u32), 0..1_500),
        ) {
            let fill = fill.into_iter().map(|(after, tie)| Step::Push { after, tie });
            let steps = steps.into_iter().flat_map(|(after, tie, pops)| {
                let push = Step::Push { after, tie };
                std::iter::once(push).chain((0..pops).map(|_| Step::Pop))
            });
            check_alike(fill.chain(steps));
        }
    }

    #[test]
    fn dense_traffic_in_front_of_a_distant_timer_stays_in_order() {
        let far = [Step::Push { after: 60_000_000_000, tie: 0 }, Step::Pop];
        let timer = [Step::Push { after: 60_000_000_000, tie: 0 }];
        let burst = (0..5_000).map(|i| Step::Push { after: i * 7_919 % 30_011, tie: 0 });
        let hold = (0..5_000).flat_map(|i| {
            [Step::Pop, Step::Push { after: i * 104_729 % 1_000_003, tie: (i % 3) as u32 }]
        });
        check_alike(far.into_iter().chain(timer).chain(burst).chain(hold));
    }

    #[test]
    fn events_due_now_leave_in_the_order_of_pushes_while_their_instant_drains() {
        let mut wheel = Wheel::new();
        let now = Instant::from_nanos(5_000_000_123);
        for item in 0..200 {
            wheel.push(now, 0, item);
        }
        let order: Vec<i32> = std::iter::from_fn(|| {
            let (at, item) = wheel.pop()?;
            assert_eq!(at, now);
            if item < 10_000 {
                wheel.push(now, 0, item + 200);
            }
            Some(item)
        })
        .collect();
        assert!(order.iter().copied().eq(0..10_200));
    }

    #[test]
    fn a_cloned_wheel_goes_its_own_way() {
        let mut wheel = Wheel::new();
        for after in 0..100 {
            wheel.push(Instant::from_nanos(after * 977), 0, after);
        }
        let mut branch = wheel.clone();
        assert_eq!(branch.pop(), Some((Instant::ZERO, 0)));
        assert_eq!((branch.len(), wheel.len()), (99, 100));
        assert_eq!(wheel.pop(), Some((Instant::ZERO, 0)));
    }

    #[test]
    fn all_that_waits_is_found_wherever_it_is() {
        let mut wheel = Wheel::new();
        for after in 0..300 {
            wheel.push(Instant::from_nanos(after * after * 977 % 40_009), 0, after);
        }
        for left in (0..300).rev() {
            wheel.pop();
            let (mut seen, mut branch): (Vec<_>, _) =
                (wheel.entries().map(|(at, item)| (at, *item)).collect(), wheel.clone());
            let mut due: Vec<_> = std::iter::from_fn(|| branch.pop()).collect();
            seen.sort_unstable();
            due.sort_unstable();
            assert_eq!(seen.len(), left);
            assert_eq!(seen, due);
        }
    }

    #[test]
    #[should_panic(expected = "an event may not be scheduled in the past")]
    fn the_wheel_refuses_the_past() {
        let mut wheel = Wheel::new();
        wheel.push(Instant::from_nanos(10), 0, ());
        wheel.pop();
        wheel.push(Instant::from_nanos(9), 0, ());
    }

    #[test]
    #[should_panic(expected = "an event may not be scheduled in the past")]
    fn the_heap_refuses_the_past() {
        let mut heap = Heap::new();
        heap.push(Instant::from_nanos(10), 0, ());
        heap.pop();
        heap.push(Instant::from_nanos(9), 0, ());
    }
}
