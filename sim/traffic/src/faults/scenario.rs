//! What a run is about: a network, the protocol of each controller, the ways of the vehicles.

use std::sync::Arc;

use clearway_contract::Protocol;
use clearway_network::{LineId, LinkId, Network, Uses};
use clearway_signals::{ControllerId, GeoPoint, GroupId};

use crate::rng::Rng;
use crate::routing::fastest_way;

/// Ways of emergency vehicles that a scenario keeps.
const WAYS_MAX: usize = 48;
/// Pairs of links that are tried to find them.
const TRIES_MAX: usize = 4_000;
/// A way with fewer signals is not worth a mission.
const SIGNALS_MIN: usize = 2;

/// A stop line on a way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StopLine {
    pub at_mm: i64,
    pub controller: ControllerId,
    pub group: GroupId,
}

/// A way through the network.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub links: Vec<LinkId>,
    /// From the start of the way to the end of each link.
    pub ends_mm: Vec<i64>,
    pub lines: Vec<StopLine>,
    pub destination: GeoPoint,
    /// The transit line that it is.
    pub line: Option<LineId>,
}

impl Way {
    fn new(network: &Network, links: &[LinkId], line: Option<LineId>) -> Option<Self> {
        let mut ends_mm = Vec::with_capacity(links.len());
        let mut end = 0;
        for link in links {
            end += i64::from(network.link(*link).length_mm);
            ends_mm.push(end);
        }
        let mut lines = Vec::new();
        for (pair, at_mm) in links.windows(2).zip(&ends_mm) {
            let movement = network.movement_between(pair[0], pair[1])?;
            if let Some(signal) = network.movement(movement).signal {
                lines.push(StopLine { at_mm: *at_mm, controller: signal.controller, group: signal.group });
            }
        }
        let last = *links.last()?;
        let middle = network.link(last).length_mm / 2;
        let destination = network.plane.unproject(network.point_on(last, middle));
        Some(Self { links: links.to_vec(), ends_mm, lines, destination, line })
    }

    pub fn length_mm(&self) -> i64 {
        self.ends_mm.last().copied().unwrap_or(0)
    }

    /// The link at a distance from the start, and the distance on it.
    pub fn place(&self, at_mm: i64) -> (LinkId, u32) {
        let index = self.ends_mm.partition_point(|end| *end <= at_mm).min(self.links.len() - 1);
        let start = if index == 0 { 0 } else { self.ends_mm[index - 1] };
        (self.links[index], u32::try_from((at_mm - start).max(0)).unwrap_or(0))
    }
}

/// A network under test.
#[derive(Debug)]
pub struct Scenario {
    pub(crate) network: Arc<Network>,
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) ways: Vec<Way>,
    pub(crate) lines: Vec<Way>,
}

impl Scenario {
    /// A network whose controller n speaks `protocols[n]`; those without an entry repeat the list.
    /// `None` for an empty list, and for a network without a way past two signals.
    #[must_use]
    pub fn new(network: Arc<Network>, protocols: &[Protocol]) -> Option<Self> {
        let protocols: Vec<Protocol> =
            protocols.iter().copied().cycle().take(network.controllers.len()).collect();
        let ways = emergency_ways(&network);
        let line = |(index, line): (u16, &clearway_network::Line)| {
            Way::new(&network, &line.links, Some(LineId(index))).filter(|way| way.lines.len() >= SIGNALS_MIN)
        };
        let lines: Vec<Way> = (0u16..).zip(&network.lines).filter_map(line).collect();
        let enough = protocols.len() == network.controllers.len() && !ways.is_empty();
        enough.then_some(Self { network, protocols, ways, lines })
    }

    /// How many controllers there are.
    #[must_use]
    pub fn controllers(&self) -> usize {
        self.network.controllers.len()
    }
}

/// Ways between links drawn at random, always the same for the same network.
fn emergency_ways(network: &Network) -> Vec<Way> {
    let mut rng = Rng::new(0x77, 0x9_0000);
    let roads: Vec<LinkId> = (0u32..)
        .map(LinkId)
        .zip(&network.links)
        .filter(|(_, link)| link.uses.allow(Uses::CAR) && link.length_mm > 20_000)
        .map(|(id, _)| id)
        .collect();
    let mut ways: Vec<Way> = Vec::new();
    for _ in 0..TRIES_MAX {
        if roads.is_empty() || ways.len() == WAYS_MAX {
            break;
        }
        let mut draw = || roads[(rng.next_u64() % roads.len() as u64) as usize];
        let (from, to) = (draw(), draw());
        let found = fastest_way(network, from, to);
        let way = found.and_then(|links| Way::new(network, &links, None));
        let fits = |way: &Way| way.lines.len() >= SIGNALS_MIN && !ways.iter().any(|w| w.links == way.links);
        if let Some(way) = way.filter(fits) {
            ways.push(way);
        }
    }
    ways
}
