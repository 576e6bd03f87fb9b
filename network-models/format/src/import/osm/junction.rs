//! Signal groups of a controller: one for each approach, tram track and crossing in conflict.

use std::collections::BTreeSet;

use clearway_signals::GroupKind;
use clearway_signals::limits::GROUPS_MAX;

use super::base::Base;
use super::cluster::Cluster;
use super::conflict::{Judge, Relation, clearance_s};
use super::geo::Xy;
use super::profile::Profile;
use super::streams::{Reader, Site};
use super::streets::Kind;

/// A signal group.
#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    /// For whom.
    pub kind: GroupKind,
    /// `K` vehicles, `T` trams, `P` pedestrians, numbered.
    pub name: String,
    /// Index into the site's approaches; for pedestrians into its crossings.
    pub of: usize,
    /// Shortest green or walk, seconds.
    pub min_green_s: f64,
    /// Yellow, seconds.
    pub yellow_s: f64,
    /// Pedestrian clearance, seconds.
    pub clearance_s: f64,
    /// Red with yellow, seconds.
    pub red_yellow_s: f64,
    /// People who pass in an hour.
    pub persons_per_h: f64,
    /// Vehicles that its lanes carry in an hour of green; zero where nobody queues.
    pub saturation_per_h: f64,
    /// Share of that which arrives.
    pub flow_ratio: f64,
}

impl Group {
    /// Whether it is for pedestrians.
    pub fn walks(&self) -> bool {
        self.kind == GroupKind::Pedestrian
    }
}

/// A controller.
#[derive(Clone, PartialEq, Debug)]
pub struct Controller {
    /// What people call it.
    pub title: String,
    /// Its middle.
    pub centre: Xy,
    /// Whether it stands at a crossing between junctions.
    pub mid_block: bool,
    /// Streams and crossings.
    pub site: Site,
    /// Its groups: vehicles, trams, pedestrians.
    pub groups: Vec<Group>,
    /// Relations of the groups, `[ending][starting]`.
    pub relations: Vec<Vec<Relation>>,
}

impl Controller {
    /// Whether two groups may never be green together.
    pub fn conflicts(&self, a: usize, b: usize) -> bool {
        matches!(self.relations[a][b], Relation::Conflict(_))
    }

    /// The group that rules the end of a link.
    pub fn group_of_link(&self, link: usize) -> Option<usize> {
        self.groups.iter().position(|g| !g.walks() && self.site.approaches[g.of].link == link)
    }
}

/// Inner stop lines are taken out so often before the rest is taken as it is.
const ROUNDS_MAX: usize = 8;

/// The controller of a cluster; `None` when nothing in it conflicts, or more than one controller holds.
///
/// Everybody who enters must be able to pass all stop lines on the way in one green: an inner stop
/// line whose group conflicts with the approach before it is left out.
pub fn controller(
    base: &Base,
    reader: &Reader<'_>,
    cluster: &Cluster,
    profile: &Profile,
) -> Option<Controller> {
    let mut open = BTreeSet::new();
    for _ in 0..ROUNDS_MAX {
        let site = reader.site(cluster, &open);
        let relations = Judge { base, site: &site, profile }.relations();
        let stuck = stuck_stop_lines(base, &site, &relations);
        if stuck.is_empty() {
            return assemble(base, cluster, site, relations, profile);
        }
        open.extend(stuck);
    }
    None
}

/// Inner links whose group conflicts with that of another stop line on the same path.
fn stuck_stop_lines(base: &Base, site: &Site, relations: &[Vec<Relation>]) -> BTreeSet<usize> {
    let stop_line = |link: usize| site.approaches.iter().position(|a| a.link == link);
    let mut stuck = BTreeSet::new();
    for (_, moves) in &site.paths {
        let passed: Vec<usize> = moves.iter().filter_map(|&m| stop_line(base.moves[m].from)).collect();
        for (position, &later) in passed.iter().enumerate() {
            let earlier = &passed[..position];
            if earlier.iter().any(|&a| matches!(relations[a][later], Relation::Conflict(_))) {
                stuck.insert(site.approaches[later].link);
            }
        }
    }
    stuck
}

fn assemble(
    base: &Base,
    cluster: &Cluster,
    site: Site,
    relations: Vec<Vec<Relation>>,
    profile: &Profile,
) -> Option<Controller> {
    let in_conflict = |i: &usize| relations[*i].iter().any(|r| matches!(r, Relation::Conflict(_)));
    let kept: Vec<usize> = (0..relations.len()).filter(in_conflict).collect();
    let mut groups: Vec<Group> = Vec::new();
    for &i in &kept {
        let group = group(base, &site, i, &groups, profile);
        groups.push(group);
    }
    if !groups.iter().any(|g| g.kind == GroupKind::Vehicle) || groups.len() > GROUPS_MAX {
        return None;
    }
    let relations = kept.iter().map(|&a| kept.iter().map(|&b| relations[a][b]).collect()).collect();
    Some(Controller {
        title: title(base, &site, profile),
        centre: cluster.centre,
        mid_block: cluster.mid_block,
        site,
        groups,
        relations,
    })
}

/// The group of the i-th stop line or crossing of a site.
fn group(base: &Base, site: &Site, i: usize, before: &[Group], profile: &Profile) -> Group {
    let approach = site.approaches.get(i);
    let (kind, letter) = match approach.map(|a| a.kind) {
        Some(Kind::Road) => (GroupKind::Vehicle, 'K'),
        Some(Kind::Track) => (GroupKind::Tram, 'T'),
        None => (GroupKind::Pedestrian, 'P'),
    };
    let speed_m_s = approach.map_or(0.0, |approach| base.links[approach.link].speed_m_s);
    let number = 1 + before.iter().filter(|g| g.kind == kind).count();
    let walk = i.checked_sub(site.approaches.len());
    let (flow_per_h, saturation_per_h, persons) = traffic(base, site, i, kind, profile);
    Group {
        kind,
        name: format!("{letter}{number}"),
        of: walk.unwrap_or(i),
        min_green_s: profile.min_green_s(kind),
        yellow_s: profile.yellow_s(kind, speed_m_s),
        clearance_s: walk.map_or(0.0, |walk| f64::from(clearance_s(&site.crosswalks[walk], profile))),
        red_yellow_s: profile.red_yellow_s(kind),
        persons_per_h: flow_per_h * persons,
        saturation_per_h,
        flow_ratio: if saturation_per_h > 0.0 { flow_per_h / saturation_per_h } else { 0.0 },
    }
}

/// Flow in an hour, what all lanes carry in an hour of green (nobody queues to walk), and people in each.
fn traffic(base: &Base, site: &Site, i: usize, kind: GroupKind, profile: &Profile) -> (f64, f64, f64) {
    let Some(approach) = site.approaches.get(i) else { return (profile.walkers_per_h, 0.0, 1.0) };
    if kind == GroupKind::Tram {
        let lines = base.lines.iter().filter(|(_, links)| links.contains(&approach.link)).count();
        let trams_per_h = lines as f64 * 3600.0 / profile.headway_s;
        return (trams_per_h, profile.tram_saturation_per_h, profile.persons_per_tram);
    }
    let link = &base.links[approach.link];
    let lanes = f64::from(link.lanes);
    (lanes * profile.flow_per_h(&link.class), lanes * profile.saturation_per_h, profile.persons_per_car)
}

/// The names of the two streets that bring most, e.g. "Mannerheimintie / Kaivokatu".
fn title(base: &Base, site: &Site, profile: &Profile) -> String {
    let mut names: Vec<(&str, f64)> = Vec::new();
    let touched = site.approaches.iter().filter(|a| a.kind == Kind::Road).flat_map(|a| {
        std::iter::once(a.link).chain(a.streams.iter().filter_map(|s| s.links.last().copied()))
    });
    for link in touched.map(|l| &base.links[l]).filter(|l| !l.name.is_empty()) {
        let weight = f64::from(link.lanes) * profile.flow_per_h(&link.class);
        match names.iter_mut().find(|(name, _)| *name == link.name) {
            Some(known) => known.1 = known.1.max(weight),
            None => names.push((&link.name, weight)),
        }
    }
    names.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let two: Vec<&str> = names.iter().take(2).map(|(name, _)| *name).collect();
    two.join(" / ")
}
