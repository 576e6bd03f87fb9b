//! From tagged ways to directed segments: who may go where, how fast, on how many lanes.

use std::collections::{BTreeMap, BTreeSet};

use clearway_network::Uses;

use super::data::{OsmData, OsmId, Tags, has, tag};
use super::geo::{Projection, Xy};
use super::profile::Profile;

/// Streets or tracks; nothing moves from one kind to the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Carriageways.
    Road,
    /// Tram tracks.
    Track,
}

/// A way in one direction, as traffic sees it.
#[derive(Clone, PartialEq, Debug)]
pub struct Attributes {
    /// The way.
    pub way: OsmId,
    /// Street or track.
    pub kind: Kind,
    /// OSM `highway` class, or `tram`.
    pub class: String,
    /// The street's name.
    pub name: String,
    /// Lanes in this direction.
    pub lanes: u8,
    /// Whether nobody mapped them.
    pub lanes_guessed: bool,
    /// Speed limit, metres a second.
    pub speed_m_s: f64,
    /// Whether nobody mapped it.
    pub speed_guessed: bool,
    /// Who may go.
    pub uses: Uses,
    /// Whether the other direction shares the drawn line.
    pub two_way: bool,
}

/// A directed piece from one OSM node to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Where it begins.
    pub from: OsmId,
    /// Where it ends.
    pub to: OsmId,
    /// Index into [`Streets::attributes`].
    pub attributes: usize,
}

/// All directed segments of an extract.
#[derive(Clone, Debug, Default)]
pub struct Streets {
    /// What the segments have in common by way and direction.
    pub attributes: Vec<Attributes>,
    /// The segments, by way.
    pub segments: Vec<Segment>,
    /// Where the nodes lie.
    pub places: BTreeMap<OsmId, Xy>,
    /// Nodes at which the extract cuts a street or track.
    pub cut_nodes: BTreeSet<(Kind, OsmId)>,
}

const ROAD_CLASSES: [&str; 14] = [
    "motorway",
    "motorway_link",
    "trunk",
    "trunk_link",
    "primary",
    "primary_link",
    "secondary",
    "secondary_link",
    "tertiary",
    "tertiary_link",
    "residential",
    "unclassified",
    "living_street",
    "busway",
];

/// Everything that drives on wheels and may go where cars go.
pub const CARS: Uses = Uses::CAR.union(Uses::BUS).union(Uses::EMERGENCY);
/// Those whom a bus street lets in.
pub const BUSES: Uses = Uses::BUS.union(Uses::EMERGENCY);

impl Streets {
    /// Collect the streets and tracks of an extract.
    pub fn of(data: &OsmData, projection: Projection, profile: &Profile) -> Self {
        let mut streets = Self::default();
        for (&id, node) in &data.nodes {
            streets.places.insert(id, projection.project(node.lat, node.lon));
        }
        for (&id, way) in &data.ways {
            let (forward, backward) = directions(id, &way.tags, profile);
            for (attributes, reversed) in [(forward, false), (backward, true)] {
                let Some(attributes) = attributes else { continue };
                let index = streets.attributes.len();
                for pair in way.nodes.windows(2) {
                    streets.add_segment(index, attributes.kind, pair[0], pair[1], reversed);
                }
                streets.attributes.push(attributes);
            }
        }
        streets
    }

    fn add_segment(&mut self, attributes: usize, kind: Kind, a: OsmId, b: OsmId, reversed: bool) {
        match (self.places.contains_key(&a), self.places.contains_key(&b)) {
            (true, true) if a != b => {
                let (from, to) = if reversed { (b, a) } else { (a, b) };
                self.segments.push(Segment { from, to, attributes });
            }
            (true, false) => drop(self.cut_nodes.insert((kind, a))),
            (false, true) => drop(self.cut_nodes.insert((kind, b))),
            _ => {}
        }
    }

    /// The attributes of a segment.
    pub fn of_segment(&self, segment: &Segment) -> &Attributes {
        &self.attributes[segment.attributes]
    }

    /// Where a node lies.
    pub fn place(&self, node: OsmId) -> Xy {
        self.places.get(&node).copied().unwrap_or_default()
    }
}

/// The way's attributes forwards and backwards; `None` where nobody of ours goes.
fn directions(way: OsmId, tags: &Tags, profile: &Profile) -> (Option<Attributes>, Option<Attributes>) {
    if has(tags, "railway", "tram") {
        let track = Attributes {
            way,
            kind: Kind::Track,
            class: "tram".into(),
            name: String::new(),
            lanes: 1,
            // A track is one lane by its nature.
            lanes_guessed: false,
            speed_m_s: profile.tram_speed_m_s,
            speed_guessed: true,
            uses: Uses::TRAM,
            two_way: has(tags, "oneway", "no"),
        };
        return (Some(track.clone()), track.two_way.then_some(track));
    }
    let class = tag(tags, "highway");
    let uses = road_uses(tags);
    if !ROAD_CLASSES.contains(&class) || has(tags, "area", "yes") || uses == Uses::NONE {
        return (None, None);
    }
    let (forward_uses, backward_uses) = split_uses(tags, uses);
    let two_way = forward_uses != Uses::NONE && backward_uses != Uses::NONE;
    let road = |uses: Uses, direction: &str| {
        let (lanes, speed) = (lanes(tags, direction, two_way), speed(tags));
        (uses != Uses::NONE).then(|| Attributes {
            way,
            kind: Kind::Road,
            class: class.to_owned(),
            name: tag(tags, "name").to_owned(),
            lanes: lanes.unwrap_or_else(|| profile.lanes(class, !two_way)),
            lanes_guessed: lanes.is_none(),
            speed_m_s: speed.unwrap_or_else(|| profile.speed_m_s(class)),
            speed_guessed: speed.is_none(),
            uses,
            two_way,
        })
    };
    (road(forward_uses, "forward"), road(backward_uses, "backward"))
}

/// The most special access tag decides.
fn road_uses(tags: &Tags) -> Uses {
    let allows = |keys: &[&str]| {
        let value = keys.iter().map(|key| tag(tags, key)).find(|value| !value.is_empty());
        !matches!(value, Some("no" | "private" | "customers" | "delivery" | "agricultural" | "forestry"))
    };
    let cars = allows(&["motorcar", "motor_vehicle", "vehicle", "access"]) && !has(tags, "highway", "busway");
    let buses = allows(&["bus", "psv", "motor_vehicle", "vehicle", "access"]);
    match (cars, buses) {
        (true, _) => CARS,
        (false, true) => BUSES,
        (false, false) => Uses::NONE,
    }
}

/// `oneway`, roundabouts, and the exceptions for buses.
fn split_uses(tags: &Tags, uses: Uses) -> (Uses, Uses) {
    let implied =
        matches!(tag(tags, "junction"), "roundabout" | "circular") || has(tags, "highway", "motorway");
    let against = if ["oneway:bus", "oneway:psv"].iter().any(|key| has(tags, key, "no"))
        || ["busway", "busway:left"].iter().any(|key| tag(tags, key).starts_with("opposite"))
    {
        BUSES
    } else {
        Uses::NONE
    };
    match tag(tags, "oneway") {
        "yes" | "true" | "1" => (uses, against),
        "-1" | "reverse" => (against, uses),
        "no" | "false" | "0" => (uses, uses),
        _ if implied => (uses, against),
        _ => (uses, uses),
    }
}

fn lanes(tags: &Tags, direction: &str, two_way: bool) -> Option<u8> {
    let own: Option<u8> = tag(tags, &format!("lanes:{direction}")).parse().ok();
    let all: Option<u8> = tag(tags, "lanes").parse().ok();
    let count = match (own, all) {
        (Some(own), _) => own,
        (None, Some(all)) if two_way => all / 2,
        (None, Some(all)) => all,
        (None, None) => return None,
    };
    Some(count.clamp(1, 8))
}

/// `maxspeed` in km/h.
fn speed(tags: &Tags) -> Option<f64> {
    let km_h: f64 = tag(tags, "maxspeed").parse().ok()?;
    (km_h.is_finite() && (5.0..=130.0).contains(&km_h)).then_some(km_h / 3.6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::osm::profile::FI_DEFAULT;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn one_way_streets_let_buses_against_only_where_mapped() {
        let street = tags(&[("highway", "residential"), ("oneway", "yes"), ("oneway:bus", "no")]);
        let (forward, backward) = directions(1, &street, &FI_DEFAULT);
        assert_eq!(forward.unwrap().uses, CARS);
        assert_eq!(backward.unwrap().uses, BUSES);
        let reversed = tags(&[("highway", "residential"), ("oneway", "-1")]);
        let (forward, backward) = directions(1, &reversed, &FI_DEFAULT);
        assert!(forward.is_none() && backward.is_some());
    }

    #[test]
    fn the_most_special_access_tag_decides() {
        assert_eq!(road_uses(&tags(&[("access", "no"), ("psv", "yes")])), BUSES);
        assert_eq!(road_uses(&tags(&[("vehicle", "no")])), Uses::NONE);
        assert_eq!(road_uses(&tags(&[("access", "private"), ("motor_vehicle", "destination")])), CARS);
    }

    #[test]
    fn lanes_are_shared_by_the_two_directions() {
        let street = tags(&[("highway", "primary"), ("lanes", "4"), ("maxspeed", "50")]);
        let (forward, _) = directions(1, &street, &FI_DEFAULT);
        let forward = forward.unwrap();
        assert_eq!(forward.lanes, 2);
        assert!((forward.speed_m_s - 13.889).abs() < 0.001);
        assert!(!forward.lanes_guessed && !forward.speed_guessed);
    }

    #[test]
    fn what_nobody_mapped_is_filled_and_known_as_a_guess() {
        let silent = tags(&[("highway", "residential"), ("maxspeed", "walk")]);
        let (forward, _) = directions(1, &silent, &FI_DEFAULT);
        let forward = forward.unwrap();
        assert!(forward.lanes_guessed && forward.speed_guessed);
        let (track, _) = directions(1, &tags(&[("railway", "tram")]), &FI_DEFAULT);
        let track = track.unwrap();
        assert!(!track.lanes_guessed && track.speed_guessed);
    }
}
