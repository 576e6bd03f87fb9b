//! The network as the simulator reads it: lanes, travel times, groups, detectors, opposing streams.

use std::ops::Range;
use std::sync::Arc;

use clearway_network::{LinkId, MovementId, Network, Turn, Uses};
use clearway_signals::ControllerId;

/// A group of the whole network: index into the world's table of aspects.
pub(crate) type GroupIndex = u32;

/// A detector in its link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DetectorAt {
    pub(crate) controller: ControllerId,
    pub(crate) number: u8,
    /// From the start of the link.
    pub(crate) offset_mm: i64,
}

/// Stands where a movement has no signal.
pub(crate) const NO_GROUP: GroupIndex = GroupIndex::MAX;

/// What a car needs to know of a movement, in one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    pub(crate) to: LinkId,
    /// Its signal; [`NO_GROUP`] without one.
    pub(crate) group: GroupIndex,
    /// The lanes from which a car drives it.
    pub(crate) first_lane: u32,
    pub(crate) lanes: u8,
    pub(crate) turns: bool,
    pub(crate) turns_left: bool,
    /// It gives way to opposing streams.
    pub(crate) gives_way: bool,
}

/// Tables derived once from the network.
#[derive(Debug)]
pub(crate) struct Roads {
    pub(crate) network: Arc<Network>,
    first_lane: Vec<u32>,
    first_group: Vec<u32>,
    group_of: Vec<Option<GroupIndex>>,
    /// Links whose heads wait for a group.
    pub(crate) links_of_group: Vec<Vec<LinkId>>,
    /// For each movement: the links whose traffic a permitted left turn gives way to.
    pub(crate) opposing: Vec<Vec<LinkId>>,
    pub(crate) detectors: Vec<Vec<DetectorAt>>,
    has_left: Vec<bool>,
    pub(crate) hops: Vec<Hop>,
}

/// Opposing streams enter within this angle of head-on, degrees.
const OPPOSING_WITHIN_DEG: f32 = 35.0;
/// …and their stop lines are no farther apart than this, metres.
const OPPOSING_WITHIN_M: f32 = 60.0;

impl Roads {
    pub(crate) fn new(network: Arc<Network>) -> Self {
        let mut first_lane = vec![0];
        for link in &network.links {
            first_lane.push(first_lane[first_lane.len() - 1] + u32::from(link.lanes));
        }
        let mut first_group = vec![0];
        for controller in &network.controllers {
            let groups = u32::try_from(controller.groups.len()).unwrap_or(0);
            first_group.push(first_group[first_group.len() - 1] + groups);
        }
        let group_of: Vec<_> = network
            .movements
            .iter()
            .map(|m| m.signal.map(|s| first_group[s.controller.index()] + u32::from(s.group.0)))
            .collect();
        let groups = first_group[first_group.len() - 1] as usize;
        let mut links_of_group = vec![Vec::new(); groups];
        let mut has_left = vec![false; network.links.len()];
        for (movement, group) in network.movements.iter().zip(&group_of) {
            has_left[movement.from.index()] |= movement.turn == Turn::Left && movement.uses.allow(Uses::CAR);
            if let Some(group) = group {
                let links: &mut Vec<LinkId> = &mut links_of_group[*group as usize];
                if links.last() != Some(&movement.from) {
                    links.push(movement.from);
                }
            }
        }
        let opposing = opposing_streams(&network);
        let detectors = detectors_by_link(&network);
        let hops = Vec::new();
        let mut roads = Self {
            network,
            first_lane,
            first_group,
            group_of,
            links_of_group,
            opposing,
            detectors,
            has_left,
            hops,
        };
        roads.hops = (0..roads.network.movements.len()).map(|m| roads.hop_of(m)).collect();
        roads
    }

    fn hop_of(&self, movement: usize) -> Hop {
        let data = &self.network.movements[movement];
        let lanes = self.lanes_by_turn(data.from, Some(data.turn), false);
        Hop {
            to: data.to,
            group: self.group_of[movement].unwrap_or(NO_GROUP),
            first_lane: lanes.start,
            lanes: u8::try_from(lanes.len()).unwrap_or(u8::MAX),
            turns: data.turn != Turn::Through,
            turns_left: data.turn == Turn::Left,
            gives_way: !self.opposing[movement].is_empty(),
        }
    }

    /// Let a movement be driven from these lanes of its link alone, counted from 1 at the right. A range
    /// of all lanes marks nothing.
    pub(crate) fn mark(&mut self, movement: MovementId, first: u8, last: u8) {
        let Some(data) = self.network.movements.get(movement.index()) else { return };
        let lanes = self.lanes(data.from);
        let count = lanes.end - lanes.start;
        let (first, last) = (u32::from(first), u32::from(last).min(count));
        if first >= 1 && first <= last && last - first + 1 < count {
            let hop = &mut self.hops[movement.index()];
            hop.first_lane = lanes.start + first - 1;
            hop.lanes = u8::try_from(last - first + 1).unwrap_or(u8::MAX);
        }
    }

    pub(crate) fn hop(&self, movement: MovementId) -> &Hop {
        &self.hops[movement.index()]
    }

    pub(crate) fn lane_count(&self) -> usize {
        self.first_lane[self.first_lane.len() - 1] as usize
    }

    pub(crate) fn group_count(&self) -> usize {
        self.links_of_group.len()
    }

    pub(crate) fn group(&self, movement: MovementId) -> Option<GroupIndex> {
        self.group_of[movement.index()]
    }

    /// All groups of the network with their place in it.
    pub(crate) fn groups_of(&self, controller: usize) -> Range<GroupIndex> {
        self.first_group[controller]..self.first_group[controller + 1]
    }

    /// The lanes of a link, rightmost first.
    pub(crate) fn lanes(&self, link: LinkId) -> Range<u32> {
        self.first_lane[link.index()]..self.first_lane[link.index() + 1]
    }

    /// The lanes of `link` from which `next` is driven. The model gives no lane markings, so the
    /// usual ones are taken: left turns from the left lane, right turns from the right one, through
    /// traffic from all but a left lane that is one of three. Tracks lie on the left.
    pub(crate) fn lanes_for(&self, link: LinkId, next: Option<MovementId>, tram: bool) -> Range<u32> {
        match next {
            Some(next) if !tram => {
                let hop = self.hop(next);
                hop.first_lane..hop.first_lane + u32::from(hop.lanes)
            }
            _ => self.lanes_by_turn(link, None, tram),
        }
    }

    fn lanes_by_turn(&self, link: LinkId, turn: Option<Turn>, tram: bool) -> Range<u32> {
        let lanes = self.lanes(link);
        let count = lanes.end - lanes.start;
        if count == 1 {
            return lanes;
        }
        if tram {
            return lanes.end - 1..lanes.end;
        }
        match turn {
            Some(Turn::Left | Turn::UTurn) => lanes.end - 1..lanes.end,
            Some(Turn::Right) => lanes.start..lanes.start + 1,
            Some(Turn::Through) if count >= 3 && self.has_left[link.index()] => lanes.start..lanes.end - 1,
            Some(Turn::Through) | None => lanes,
        }
    }

    pub(crate) fn length_mm(&self, link: LinkId) -> i64 {
        i64::from(self.network.link(link).length_mm)
    }

    pub(crate) fn speed_mm_s(&self, link: LinkId) -> i64 {
        i64::from(self.network.link(link).speed_mm_s)
    }

    /// Free travel time of a car over the link.
    pub(crate) fn travel_ms(&self, link: LinkId) -> i64 {
        self.length_mm(link) * 1000 / self.speed_mm_s(link)
    }
}

fn detectors_by_link(network: &Network) -> Vec<Vec<DetectorAt>> {
    let mut detectors = vec![Vec::new(); network.links.len()];
    for controller in &network.controllers {
        for detector in &controller.detectors {
            let Some(link) = network.links.get(detector.link.index()) else { continue };
            let offset_mm = i64::from(link.length_mm.saturating_sub(detector.to_stop_line_mm));
            let at = DetectorAt { controller: controller.id, number: detector.number, offset_mm };
            detectors[detector.link.index()].push(at);
        }
    }
    detectors
}

fn opposing_streams(network: &Network) -> Vec<Vec<LinkId>> {
    let mut opposing = vec![Vec::new(); network.movements.len()];
    let approaches = approaches_by_controller(network);
    for (index, movement) in network.movements.iter().enumerate() {
        let (Some(signal), Turn::Left) = (movement.signal, movement.turn) else { continue };
        let own = network.link(movement.from);
        let heading = network.heading_on(movement.from, own.length_mm);
        let line = network.nodes[own.to.index()].point;
        for &link in &approaches[signal.controller.index()] {
            let other = network.link(link);
            let turned = (network.heading_on(link, other.length_mm) - heading).rem_euclid(360.0) - 180.0;
            let apart = line.distance(network.nodes[other.to.index()].point);
            if turned.abs() <= OPPOSING_WITHIN_DEG
                && apart <= OPPOSING_WITHIN_M
                && other.uses.allow(Uses::CAR)
            {
                opposing[index].push(link);
            }
        }
    }
    opposing
}

/// For each controller: the links that end at one of its signals.
fn approaches_by_controller(network: &Network) -> Vec<Vec<LinkId>> {
    let mut approaches = vec![Vec::new(); network.controllers.len()];
    for movement in &network.movements {
        if let Some(signal) = movement.signal {
            let links: &mut Vec<LinkId> = &mut approaches[signal.controller.index()];
            if !links.contains(&movement.from) {
                links.push(movement.from);
            }
        }
    }
    approaches
}
