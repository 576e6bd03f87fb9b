//! `/api/network`: the map, made once.

use clearway_contract::Site;
use clearway_format::model::Meta;
use clearway_network::{Controller, LinkId, Network, Point, Uses};
use clearway_signals::{Capabilities, GroupId, GroupKind};

use super::frame::{ControllerDoc, HeadDoc, LinkDoc, NetworkDoc, StopDoc};

/// How far before the stop line a head is drawn, so that heads of one corner do not hide each other.
const BEFORE_LINE_MM: u32 = 4_000;
/// Pedestrian heads stand around the junction at this distance from its centre, metres.
const AROUND_M: f32 = 13.0;

/// The map of a network.
#[must_use]
pub fn network_doc(network: &Network, meta: &Meta, sites: &[Site]) -> NetworkDoc {
    let degrees = |p: Point| {
        let place = network.plane.unproject(p);
        [place.lon(), place.lat()]
    };
    let links = (0..network.links.len()).filter_map(|i| u32::try_from(i).ok()).map(LinkId).map(|id| {
        let link = network.link(id);
        LinkDoc {
            id: id.0,
            name: link.name.clone(),
            street: link.street.clone(),
            uses: words(link.uses),
            lanes: link.lanes,
            speed_mps: f64::from(link.speed_mm_s) / 1000.0,
            line: network.shape(id).iter().map(|p| degrees(*p)).collect(),
        }
    });
    let stops = network.stops.iter().map(|stop| {
        let [lon, lat] = degrees(stop.point);
        StopDoc { name: stop.name.clone(), lon, lat }
    });
    NetworkDoc {
        name: network.name.clone(),
        notice: meta.notice.clone(),
        attribution: meta.attribution.clone(),
        bounds: bounds(network.shapes.iter().map(|p| degrees(*p))),
        links: links.collect(),
        controllers: network.controllers.iter().map(|c| controller_doc(network, c, sites)).collect(),
        stops: stops.collect(),
    }
}

fn bounds(points: impl Iterator<Item = [f64; 2]>) -> [f64; 4] {
    let start = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    points.fold(start, |b, [lon, lat]| [b[0].min(lon), b[1].min(lat), b[2].max(lon), b[3].max(lat)])
}

fn words(uses: Uses) -> Vec<&'static str> {
    [
        (Uses::CAR, "car"),
        (Uses::BUS, "bus"),
        (Uses::TRAM, "tram"),
        (Uses::BICYCLE, "bicycle"),
        (Uses::FOOT, "foot"),
    ]
    .into_iter()
    .filter(|(one, _)| uses.allow(*one))
    .map(|(_, word)| word)
    .collect()
}

fn controller_doc(network: &Network, controller: &Controller, sites: &[Site]) -> ControllerDoc {
    let place = network.plane.unproject(controller.point);
    let protocol =
        sites.iter().find(|s| s.controller == controller.id).map_or("none", |site| site.protocol.word());
    ControllerDoc {
        id: controller.id.0,
        name: controller.name.clone(),
        title: controller.title.clone(),
        protocol,
        priority: controller.capabilities.allows(Capabilities::PRIORITY),
        lon: place.lon(),
        lat: place.lat(),
        groups: controller.group_names.clone(),
        heads: heads(network, controller),
    }
}

/// One head for each approach of a group; pedestrian groups, which no movement names, stand around
/// the junction.
fn heads(network: &Network, controller: &Controller) -> Vec<HeadDoc> {
    let mut heads = Vec::new();
    let mut drawn: Vec<(LinkId, GroupId)> = Vec::new();
    for movement in &network.movements {
        let Some(signal) = movement.signal.filter(|s| s.controller == controller.id) else { continue };
        if drawn.contains(&(movement.from, signal.group)) {
            continue;
        }
        drawn.push((movement.from, signal.group));
        let at = network.link(movement.from).length_mm.saturating_sub(BEFORE_LINE_MM);
        let heading_deg = network.heading_on(movement.from, at);
        heads.push(head(network, controller, signal.group, network.point_on(movement.from, at), heading_deg));
    }
    let walkers: Vec<GroupId> = (0..controller.groups.len())
        .filter_map(|g| u8::try_from(g).ok().map(GroupId))
        .filter(|g| !drawn.iter().any(|(_, d)| d == g))
        .collect();
    for (n, group) in walkers.iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let heading_deg = 360.0 * n as f32 / walkers.len() as f32 + 45.0;
        let (east, north) = heading_deg.to_radians().sin_cos();
        let point =
            Point { x: controller.point.x + AROUND_M * east, y: controller.point.y + AROUND_M * north };
        heads.push(head(network, controller, *group, point, heading_deg % 360.0));
    }
    heads
}

fn head(
    network: &Network,
    controller: &Controller,
    group: GroupId,
    point: Point,
    heading_deg: f32,
) -> HeadDoc {
    let place = network.plane.unproject(point);
    let kind = match controller.groups[group.index()].kind {
        GroupKind::Vehicle => "vehicle",
        GroupKind::Tram => "tram",
        GroupKind::Bicycle => "bicycle",
        GroupKind::Pedestrian => "pedestrian",
    };
    HeadDoc { group: group.0, kind, lon: place.lon(), lat: place.lat(), heading_deg }
}
