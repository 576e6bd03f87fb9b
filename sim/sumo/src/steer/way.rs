//! The passes of a vehicle through controllers.

use std::collections::BTreeMap;

use super::site::{EdgeId, HeadId, Site};

/// Stop lines of one controller further apart than this are met on two passes, millimetres.
const APART_MM: i64 = 150_000;

/// From which edge into which a controller's links lead.
pub type Controlled = BTreeMap<(EdgeId, EdgeId), HeadId>;

/// One pass through a controller, from its first stop line to its last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    /// The controller.
    pub head: HeadId,
    /// Index into the way of the approach: the edge that ends at the first stop line.
    pub first: usize,
    /// Index into the way of the edge that ends at the last stop line.
    pub last: usize,
    /// The signalled movements, in order.
    pub moves: Vec<(EdgeId, EdgeId)>,
}

impl Pass {
    /// The approach.
    pub fn approach(&self) -> EdgeId {
        self.moves[0].0
    }
}

/// Which controller stands between two edges.
pub fn controlled(site: &Site) -> Controlled {
    let mut found = Controlled::new();
    for (n, head) in site.heads.iter().enumerate() {
        let Ok(id) = u32::try_from(n) else { break };
        for link in head.links.iter().flatten() {
            found.entry(*link).or_insert(HeadId(id));
        }
    }
    found
}

/// The passes of a way, in order. A controller that joins several junctions is passed once, as long
/// as its stop lines follow each other closely and the way does not turn back.
pub fn passes(site: &Site, controlled: &Controlled, route: &[EdgeId]) -> Vec<Pass> {
    let mut found: Vec<Pass> = Vec::new();
    let mut since_mm = 0;
    for (i, step) in route.windows(2).enumerate() {
        since_mm += site.edge(step[0]).map_or(0, |edge| edge.length_mm);
        let Some(head) = controlled.get(&(step[0], step[1])) else { continue };
        let joins = site.head(*head).joined && since_mm <= APART_MM;
        match found.last_mut().filter(|pass| pass.head == *head && joins) {
            Some(pass) => {
                pass.moves.push((step[0], step[1]));
                pass.last = i;
            }
            None => {
                found.push(Pass { head: *head, first: i, last: i, moves: vec![(step[0], step[1])] });
            }
        }
        since_mm = 0;
    }
    found
}
