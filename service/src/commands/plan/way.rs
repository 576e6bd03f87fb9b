//! From two places to ways between them.

use clearway_network::{LinkId, Network, Projection, Uses};
use clearway_planner::closures::Closures;
use clearway_planner::route::{Crossing, ENDS_MAX, Goal, Query, Router, Start, Waits};
use clearway_signals::{ControllerId, GeoPoint, Millis};

use super::{PlanError, VehicleKind};

/// A place further from every link than this is not on the network, metres.
const OFF_NETWORK_M: f32 = 75.0;
/// Links this much further than the nearest one lie beside it: the other side of the street, metres.
const BESIDE_M: f32 = 4.0;

/// What is asked for.
pub struct Trip<'a> {
    pub class: VehicleKind,
    pub from: GeoPoint,
    pub to: GeoPoint,
    pub depart: Millis,
    pub closures: &'a Closures,
}

/// A way.
pub struct Way {
    pub links: Vec<LinkId>,
    /// Where on the first link it begins, millimetres.
    pub from_mm: i64,
    /// Where on the last link it ends, millimetres.
    pub to_mm: i64,
    /// When the destination is reached, as the search of ways expects.
    pub arrives: Millis,
    /// How much of it another way shares that was found before it, thousandths.
    pub shared_permille: u32,
}

impl Way {
    /// Its length, millimetres.
    pub fn length_mm(&self, network: &Network) -> i64 {
        let whole: i64 = self.links.iter().map(|link| i64::from(network.link(*link).length_mm)).sum();
        let last = self.links.last().map_or(0, |link| i64::from(network.link(*link).length_mm));
        whole - self.from_mm - (last - self.to_mm)
    }
}

/// Up to `count` ways, the quickest first.
pub fn find(
    network: &Network,
    trip: &Trip<'_>,
    is_armed: impl Fn(ControllerId) -> bool,
    count: usize,
) -> Result<Vec<Way>, PlanError> {
    let uses = trip.class.uses();
    let from = links_at(network, trip.from, uses, "--from", trip.class)?;
    let to = links_at(network, trip.to, uses, "--to", trip.class)?;
    let mut router = Router::new(network);
    let rest =
        |(link, foot): &(LinkId, Projection)| router.rest_of(network, *link, i64::from(foot.offset_mm));
    let starts: Vec<Start> = from.iter().map(|at| Start { link: at.0, after: rest(at) }).collect();
    let goals: Vec<Goal> = to.iter().map(|at| Goal { link: at.0, beyond: rest(at) }).collect();
    let ahead = on_one_link(&starts, &goals);
    let waits = Waits::new(network);
    let wait = |crossing: &Crossing, at: Millis| {
        let asked = trip.class.is_emergency() && crossing.has_row && is_armed(crossing.controller);
        let zero = waits.offset(crossing.controller);
        if asked { Millis::ZERO } else { waits.planned(crossing.controller, crossing.group, zero, at) }
    };
    let query =
        Query { uses, depart: trip.depart, starts: &starts, goals: &goals, closures: Some(trip.closures) };
    let offset = |ends: &[(LinkId, Projection)], link: Option<&LinkId>| {
        ends.iter().find(|(at, _)| Some(at) == link).map_or(0, |(_, foot)| i64::from(foot.offset_mm))
    };
    let way = |links: Vec<LinkId>, arrives, shared_permille| Way {
        from_mm: offset(&from, links.first()),
        to_mm: offset(&to, links.last()),
        links,
        arrives,
        shared_permille,
    };
    let mut ways: Vec<Way> = Vec::new();
    if let Some((link, takes)) = ahead {
        ways.push(way(vec![link], trip.depart + takes, 0));
    } else {
        let found = router.alternatives(&query, wait, count);
        ways.extend(found.into_iter().map(|found| way(found.way, found.arrives, found.shared_permille)));
    }
    if ways.is_empty() {
        let name =
            |ends: &[(LinkId, Projection)]| ends.first().map_or_else(String::new, |e| named(network, e.0));
        return Err(PlanError::NoWay { from: name(&from), to: name(&to), class: trip.class.word() });
    }
    Ok(ways)
}

/// The link on which both ends lie, the destination ahead, and how long that takes.
fn on_one_link(starts: &[Start], goals: &[Goal]) -> Option<(LinkId, Millis)> {
    let pairs = starts.iter().flat_map(|start| goals.iter().map(move |goal| (start, goal)));
    let ahead = pairs.filter(|(start, goal)| start.link == goal.link && goal.beyond <= start.after);
    ahead.map(|(start, goal)| (start.link, start.after - goal.beyond)).min_by_key(|(_, takes)| *takes)
}

/// The links at a place: the nearest that the class may use, and those beside it.
fn links_at(
    network: &Network,
    place: GeoPoint,
    uses: Uses,
    which: &'static str,
    class: VehicleKind,
) -> Result<Vec<(LinkId, Projection)>, PlanError> {
    let point = network.project(place);
    let usable = (0u32..).map(LinkId).zip(&network.links).filter(|(_, link)| link.uses.allow(uses));
    let mut feet: Vec<_> = usable.map(|(id, _)| (id, network.project_on(id, point))).collect();
    feet.sort_by(|a, b| a.1.distance_m.total_cmp(&b.1.distance_m));
    let Some((nearest, foot)) = feet.first().copied() else {
        return Err(PlanError::NoLinkForClass(class.word()));
    };
    if foot.distance_m > OFF_NETWORK_M {
        let at = network.plane.unproject(network.point_on(nearest, foot.offset_mm));
        return Err(PlanError::OffTheNetwork {
            which,
            lat: place.lat(),
            lon: place.lon(),
            distance_m: foot.distance_m,
            class: class.word(),
            max_m: OFF_NETWORK_M,
            nearest: format!("{} at {:.6},{:.6}", named(network, nearest), at.lat(), at.lon()),
        });
    }
    feet.retain(|(_, other)| other.distance_m <= foot.distance_m + BESIDE_M);
    feet.truncate(ENDS_MAX);
    Ok(feet)
}

/// A link as people know it.
pub fn named(network: &Network, link: LinkId) -> String {
    let link = network.link(link);
    if link.street.is_empty() { link.name.clone() } else { format!("{} ({})", link.street, link.name) }
}
