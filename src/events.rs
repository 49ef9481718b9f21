//! Structured events for the host's log: a route did not get slots of its own.
//!
//! A dynamic catalogue crosses the cap long after start-up, one route at a time, and a log must survive that: events
//! pass a token bucket ([`BURST`] at once, then one per second), and each tells how many were held back before it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Events that may come at once.
const BURST: u32 = 16;
/// Unread events kept; then the oldest goes, and counts as held back.
const UNREAD: usize = 256;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum EventKind {
    /// A route folded into a virtual bucket that was there.
    RouteFolded = 1,
    /// A route folded into a virtual bucket made for it.
    BucketCreated = 2,
}

/// One event. It holds no key bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The route.
    pub route_id: u64,
    /// The virtual bucket's synthetic id.
    pub bucket_id: u64,
    /// Routes with slots of their own, at that time.
    pub slots_used: u64,
    /// The cap of those.
    pub max_tracked_routes: u64,
    /// Events of any kind that were held back since the event before this one.
    pub suppressed: u64,
}

/// The unread events of a sampler.
pub(crate) struct Events {
    unread: VecDeque<Event>,
    suppressed: u64,
    tokens: u32,
    refilled: Instant,
}

impl Events {
    pub fn new() -> Self {
        Self { unread: VecDeque::new(), suppressed: 0, tokens: BURST, refilled: Instant::now() }
    }

    /// Reports an event; its `suppressed` is filled in here. Returns it, if it is not held back.
    pub fn report(&mut self, event: Event) -> Option<Event> {
        self.refill(Instant::now());
        if self.tokens == 0 {
            self.suppressed += 1;
            return None;
        }
        self.tokens -= 1;
        let event = Event { suppressed: std::mem::take(&mut self.suppressed), ..event };
        if self.unread.len() == UNREAD {
            let lost = self.unread.pop_front().map_or(0, |oldest| oldest.suppressed + 1);
            if let Some(next) = self.unread.front_mut() {
                next.suppressed += lost;
            }
        }
        self.unread.push_back(event);
        Some(event)
    }

    /// The oldest unread event.
    pub fn poll(&mut self) -> Option<Event> {
        self.unread.pop_front()
    }

    fn refill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.refilled).as_secs();
        if seconds > 0 {
            self.tokens = (u64::from(self.tokens) + seconds).min(BURST.into()) as u32;
            self.refilled += Duration::from_secs(seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(route_id: u64) -> Event {
        let (bucket_id, slots_used, max_tracked_routes) = (u64::MAX, 1, 1);
        Event { kind: EventKind::RouteFolded, route_id, bucket_id, slots_used, max_tracked_routes, suppressed: 0 }
    }

    #[test]
    fn a_flood_is_cut_to_a_burst_and_what_was_held_back_is_told() {
        let mut events = Events::new();
        let passed = (0..1000).filter(|&route| events.report(event(route)).is_some()).count();
        assert_eq!(passed, BURST as usize);
        events.refill(events.refilled + Duration::from_secs(1));
        assert_eq!(events.report(event(1000)).map(|event| event.suppressed), Some(1000 - u64::from(BURST)));
        let read: Vec<u64> = std::iter::from_fn(|| events.poll()).map(|event| event.route_id).collect();
        assert_eq!(read, (0..u64::from(BURST)).chain([1000]).collect::<Vec<_>>());
    }
}
