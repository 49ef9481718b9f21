//! Split and merge.

use super::slot::State;
use super::{Placement, Registry, RouteSpec};
use crate::error::Error;
use crate::lane::Hot;
use std::collections::HashSet;

impl Registry {
    /// Registers `successors`, then retires `predecessors`, so that no observation in between finds neither; the
    /// successors remember whom they came from. A successor may keep the id of a predecessor. All or nothing.
    pub fn succeed(
        &mut self,
        hot: &Hot,
        predecessors: &[u64],
        successors: &[RouteSpec<'_>],
        now_ns: i64,
        mut placed: impl FnMut(usize, Placement),
    ) -> Result<(), Error> {
        self.check_succession(predecessors, successors)?;
        self.make_room(hot, successors)?;
        let successor_ids: HashSet<u64> = successors.iter().map(|successor| successor.route_id).collect();
        let stays = |id: &u64| successor_ids.contains(id);
        // The predecessors' places under the cap are free for their successors.
        let leaving = predecessors.iter().filter(|id| !stays(id) && self.is_individual(**id)).count() as u32;
        let cap = self.options.max_tracked_routes;
        self.options.max_tracked_routes = cap.saturating_add(leaving);
        for (i, successor) in successors.iter().enumerate() {
            let kept = self.slot_of(successor.route_id).filter(|&number| self.slot(number).state == State::Live);
            if let Some(number) = kept {
                self.reassign(number, successor, predecessors);
            } else if let Some(&bucket) = self.folded.get(&successor.route_id) {
                self.disordered |= self.slots[bucket as usize].extend(successor.start, successor.end);
            }
            placed(i, self.register_one(successor, predecessors, successors));
        }
        self.options.max_tracked_routes = cap;
        for id in predecessors.iter().filter(|id| !stays(id)) {
            self.remove(*id, now_ns);
        }
        Ok(())
    }

    fn check_succession(&self, predecessors: &[u64], successors: &[RouteSpec<'_>]) -> Result<(), Error> {
        if predecessors.is_empty() || successors.is_empty() {
            return Err(Error::InvalidArgument("a split or merge needs routes on both sides".into()));
        }
        let named_twice = |id: u64| Err(Error::InvalidArgument(format!("route {id} is named twice")));
        let mut leaving = HashSet::new();
        for &id in predecessors {
            if !self.is_registered(id) {
                return Err(Error::UnknownRoute(id));
            }
            if !leaving.insert(id) {
                return named_twice(id);
            }
        }
        let mut coming = HashSet::new();
        for successor in successors {
            let id = successor.route_id;
            self.check(successor)?;
            if self.is_registered(id) && !leaving.contains(&id) {
                return Err(Error::RouteExists(id));
            }
            if !coming.insert(id) {
                return named_twice(id);
            }
        }
        Ok(())
    }
}
