//! Signal groups of a controller: one for each approach, tram track and crossing in conflict.

use clearway_signals::GroupKind;

use super::base::Base;
use super::cluster::Cluster;
use super::conflict::{Judge, Relation};
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
    /// Demand beside that of the other groups.
    pub demand: f64,
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

/// The controller of a cluster; `None` when nothing in it conflicts.
pub fn controller(
    base: &Base,
    reader: &Reader<'_>,
    cluster: &Cluster,
    profile: &Profile,
) -> Option<Controller> {
    let site = reader.site(cluster);
    let relations = Judge { base, site: &site, profile }.relations();
    let judge = Judge { base, site: &site, profile };
    let roads = site.approaches.len();
    let in_conflict = |i: &usize| relations[*i].iter().any(|r| matches!(r, Relation::Conflict(_)));
    let kept: Vec<usize> = (0..relations.len()).filter(in_conflict).collect();
    let mut groups: Vec<Group> = Vec::new();
    for &i in &kept {
        let kind = match site.approaches.get(i).map(|a| a.kind) {
            Some(Kind::Road) => GroupKind::Vehicle,
            Some(Kind::Track) => GroupKind::Tram,
            None => GroupKind::Pedestrian,
        };
        let letter = match kind {
            GroupKind::Tram => 'T',
            GroupKind::Pedestrian => 'P',
            _ => 'K',
        };
        let number = 1 + groups.iter().filter(|g| g.kind == kind).count();
        let walks = kind == GroupKind::Pedestrian;
        groups.push(Group {
            kind,
            name: format!("{letter}{number}"),
            of: if walks { i - roads } else { i },
            min_green_s: match kind {
                GroupKind::Tram => profile.tram_min_green_s,
                GroupKind::Pedestrian => profile.walk_s,
                _ => profile.vehicle_min_green_s,
            },
            yellow_s: if walks { 0.0 } else { profile.yellow_s },
            clearance_s: if walks { f64::from(judge.clearance_s(&site.crosswalks[i - roads])) } else { 0.0 },
            red_yellow_s: if kind == GroupKind::Vehicle { profile.red_yellow_s } else { 0.0 },
            demand: demand(base, &site, i, kind, profile),
        });
    }
    if !groups.iter().any(|g| g.kind == GroupKind::Vehicle) {
        return None;
    }
    let relations = kept.iter().map(|&a| kept.iter().map(|&b| relations[a][b]).collect()).collect();
    Some(Controller {
        title: title(base, &site),
        centre: cluster.centre,
        mid_block: cluster.mid_block,
        site,
        groups,
        relations,
    })
}

fn demand(base: &Base, site: &Site, group: usize, kind: GroupKind, profile: &Profile) -> f64 {
    match kind {
        GroupKind::Vehicle => {
            let link = &base.links[site.approaches[group].link];
            f64::from(link.lanes) * profile.demand(&link.class)
        }
        GroupKind::Tram => 2.0,
        _ => 0.3,
    }
}

/// The names of the two streets that bring most, e.g. "Mannerheimintie / Kaivokatu".
fn title(base: &Base, site: &Site) -> String {
    let mut names: Vec<(&str, f64)> = Vec::new();
    let touched = site.approaches.iter().filter(|a| a.kind == Kind::Road).flat_map(|a| {
        std::iter::once(a.link).chain(a.streams.iter().filter_map(|s| s.links.last().copied()))
    });
    for link in touched.map(|l| &base.links[l]).filter(|l| !l.name.is_empty()) {
        let weight = f64::from(link.lanes) * super::FI_DEFAULT.demand(&link.class);
        match names.iter_mut().find(|(name, _)| *name == link.name) {
            Some(known) => known.1 = known.1.max(weight),
            None => names.push((&link.name, weight)),
        }
    }
    names.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let two: Vec<&str> = names.iter().take(2).map(|(name, _)| *name).collect();
    two.join(" / ")
}
