//! Movements from link to link: geometry, one-way traps, turn restrictions.

use std::collections::{BTreeMap, BTreeSet};

use clearway_network::Uses;

use super::data::{MemberKind, OsmData, OsmId, OsmRelation, has, tag};
use super::geo;
use super::links::RawLink;
use super::streets::{BUSES, Kind};

/// A lawful way from one link into the next, by index.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RawMove {
    /// The link that is left.
    pub from: usize,
    /// The link that is entered.
    pub to: usize,
    /// Change of heading, degrees, left positive.
    pub angle: f64,
    /// Who may.
    pub uses: Uses,
}

impl RawMove {
    /// GMNS movement type.
    pub fn kind(&self) -> &'static str {
        match self.angle {
            a if a.abs() > U_TURN_DEG => "uturn",
            a if a > THROUGH_DEG => "left",
            a if a < -THROUGH_DEG => "right",
            _ => "thru",
        }
    }
}

const THROUGH_DEG: f64 = 38.0;
const U_TURN_DEG: f64 = 150.0;
/// No tram turns sharper than this between two pieces of track.
const TRACK_TURN_DEG: f64 = 80.0;

/// A turn restriction with one via node.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Restriction {
    from: OsmId,
    to: OsmId,
    /// `only_…`: everything but `to` is forbidden.
    only: bool,
    /// Those whom it does not bind.
    except: Uses,
}

/// All turn restrictions by via node.
#[derive(Debug, Default)]
pub struct Restrictions {
    by_via: BTreeMap<OsmId, Vec<Restriction>>,
    /// Restrictions that were read.
    pub read: usize,
    /// Restrictions that were left out: no single via node, or an unknown kind.
    pub dropped: usize,
}

impl Restrictions {
    /// Of an extract. A restriction for certain hours is taken to hold always.
    pub fn of(data: &OsmData) -> Self {
        let mut all = Self::default();
        for relation in data.relations.values().filter(|r| has(&r.tags, "type", "restriction")) {
            match restriction(relation) {
                Some((via, restriction)) => {
                    all.read += 1;
                    all.by_via.entry(via).or_default().push(restriction);
                }
                None => all.dropped += 1,
            }
        }
        all
    }

    /// Those who may turn from one link into another at their common node.
    fn allow(&self, from: &RawLink, to: &RawLink, leaving: &[&RawLink]) -> Uses {
        let everybody = Uses(u8::MAX);
        let Some(here) = self.by_via.get(&from.to()) else { return everybody };
        here.iter().filter(|r| r.from == from.last_way).fold(everybody, |allowed, r| {
            let hit = r.to == to.first_way;
            let known = leaving.iter().any(|link| link.first_way == r.to);
            let forbidden = if r.only { known && !hit } else { hit };
            if forbidden { Uses(allowed.0 & r.except.0) } else { allowed }
        })
    }
}

fn restriction(relation: &OsmRelation) -> Option<(OsmId, Restriction)> {
    let member = |role: &str, kind: MemberKind| {
        let mut found = relation.members.iter().filter(|m| m.role == role);
        let first = found.next().filter(|m| m.kind == kind)?;
        found.next().is_none().then_some(first.id)
    };
    let kind = tag(&relation.tags, "restriction");
    let only = kind.starts_with("only_");
    if !only && !kind.starts_with("no_") {
        return None;
    }
    let except =
        tag(&relation.tags, "except").split(';').map(str::trim).fold(Uses::NONE, |uses, who| match who {
            "bus" | "psv" => uses.union(BUSES),
            "emergency" => uses.union(Uses::EMERGENCY),
            "motorcar" => uses.union(Uses::CAR),
            _ => uses,
        });
    let via = member("via", MemberKind::Node)?;
    let (from, to) = (member("from", MemberKind::Way)?, member("to", MemberKind::Way)?);
    Some((via, Restriction { from, to, only, except }))
}

/// All movements between links, sorted by the link that is left.
pub fn movements(
    links: &[RawLink],
    restrictions: &Restrictions,
    is_cut: impl Fn(Kind, OsmId) -> bool,
    diamonds: &BTreeSet<OsmId>,
) -> Vec<RawMove> {
    let mut leaving: BTreeMap<(Kind, OsmId), Vec<usize>> = BTreeMap::new();
    for (index, link) in links.iter().enumerate() {
        leaving.entry((link.kind, link.from())).or_default().push(index);
    }
    let mut moves = Vec::new();
    for (from, link) in links.iter().enumerate() {
        if is_cut(link.kind, link.to()) {
            continue;
        }
        let out = leaving.get(&(link.kind, link.to())).map_or(&[][..], Vec::as_slice);
        match link.kind {
            Kind::Road => moves.extend(road_moves(links, from, out, restrictions)),
            Kind::Track => moves.extend(track_moves(links, from, out, diamonds.contains(&link.to()))),
        }
    }
    moves
}

fn between(links: &[RawLink], from: usize, to: usize) -> RawMove {
    let angle = geo::turn_angle(links[from].heading_in(), links[to].heading_out());
    RawMove { from, to, angle, uses: Uses(links[from].uses.0 & links[to].uses.0) }
}

/// Every street on but back; back only where there is no other way.
fn road_moves(links: &[RawLink], from: usize, out: &[usize], restrictions: &Restrictions) -> Vec<RawMove> {
    let leaving: Vec<&RawLink> = out.iter().map(|&to| &links[to]).collect();
    let all = || out.iter().map(|&to| between(links, from, to));
    let lawful = |mut m: RawMove| {
        m.uses = Uses(m.uses.0 & restrictions.allow(&links[from], &links[m.to], &leaving).0);
        (m.uses != Uses::NONE).then_some(m)
    };
    let onward: Vec<RawMove> = all()
        .filter(|m| !links[m.to].reverses(&links[from]) && links[m.to].to() != links[from].from())
        .filter(|m| m.angle.abs() <= U_TURN_DEG)
        .filter_map(lawful)
        .collect();
    if !onward.is_empty() {
        return onward;
    }
    let mut back: Vec<RawMove> = all().collect();
    for m in back.iter_mut().filter(|m| links[m.to].reverses(&links[from])) {
        m.angle = 180.0;
    }
    back
}

/// Rails decide: a smooth way on; at a diamond only straight across.
fn track_moves(links: &[RawLink], from: usize, out: &[usize], diamond: bool) -> Vec<RawMove> {
    let mut smooth: Vec<RawMove> = out
        .iter()
        .map(|&to| between(links, from, to))
        .filter(|m| m.angle.abs() <= TRACK_TURN_DEG && !links[m.to].reverses(&links[from]))
        .collect();
    if diamond {
        smooth.sort_by(|a, b| a.angle.abs().total_cmp(&b.angle.abs()));
        smooth.truncate(1);
    }
    smooth
}
