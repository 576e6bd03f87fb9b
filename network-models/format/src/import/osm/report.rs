//! What was imported, generated and left out, for people.

use std::fmt;

use super::base::Base;
use super::data::OsmData;
use super::streets::Kind;
use crate::model::{Model, Source};

/// Counts of one import.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ImportReport {
    /// Nodes, ways and relations that were read.
    pub read: (usize, usize, usize),
    /// Street links and their kilometres.
    pub street_links: usize,
    /// Kilometres of street, each direction by itself.
    pub street_km: f64,
    /// Track links.
    pub track_links: usize,
    /// Kilometres of track.
    pub track_km: f64,
    /// Movements.
    pub movements: usize,
    /// Places where streets or tracks cross the map's edge.
    pub boundary_nodes: usize,
    /// Turn restrictions that were read.
    pub restrictions: usize,
    /// Turn restrictions that were left out: not about one node, or of an unknown kind.
    pub restrictions_dropped: usize,
    /// Pieces of way that were left out: dead fragments and one-way traps.
    pub segments_dropped: usize,
    /// Mapped stop lines that were given to a junction.
    pub stop_lines: usize,
    /// Mapped stop lines of crossings between junctions.
    pub mid_block_stop_lines: usize,
    /// Mapped signals without junction or crossing ahead: left out.
    pub signals_dropped: usize,
    /// Signalised crossings of tracks far from any street: left out.
    pub track_crossings_dropped: usize,
    /// Links whose speed, links whose lanes, and movements whose lanes are defaults, for nobody mapped
    /// them; `…_source` marks each.
    pub defaults: (usize, usize, usize),
    /// Controllers that were generated.
    pub controllers: usize,
    /// Their signal groups: vehicles, trams, pedestrians.
    pub groups: (usize, usize, usize),
    /// Pairs of groups that were left in conflict, each order by itself.
    pub conflicts: usize,
    /// Request rows that were generated.
    pub request_rows: usize,
    /// Paths through a controller that no row could serve.
    pub paths_unserved: usize,
    /// Lines, each direction by itself.
    pub lines: usize,
    /// Calls of lines at stops.
    pub calls: usize,
    /// Gaps of line relations that were closed over the track.
    pub line_gaps_closed: usize,
    /// Pieces of lines beyond a gap that could not be closed: left out.
    pub line_pieces_dropped: usize,
}

impl ImportReport {
    pub(super) fn of(data: &OsmData, base: &Base, model: &Model, paths_unserved: usize) -> Self {
        let of_kind = |kind: Kind| base.links.iter().filter(move |link| link.kind == kind);
        let km = |kind: Kind| of_kind(kind).map(|link| link.length_m).sum::<f64>() / 1000.0;
        let groups = |kind: &str| model.groups.iter().filter(|group| group.kind == kind).count();
        Self {
            read: (data.nodes.len(), data.ways.len(), data.relations.len()),
            street_links: of_kind(Kind::Road).count(),
            street_km: km(Kind::Road),
            track_links: of_kind(Kind::Track).count(),
            track_km: km(Kind::Track),
            movements: model.movements.len(),
            boundary_nodes: model.nodes.iter().filter(|node| node.node_type == "boundary").count(),
            restrictions: base.restrictions.0,
            restrictions_dropped: base.restrictions.1,
            segments_dropped: base.dropped_segments,
            stop_lines: base.tally.attached,
            mid_block_stop_lines: base.tally.mid_block,
            signals_dropped: base.tally.lonely,
            track_crossings_dropped: base.tally.track_only,
            defaults: defaults(model),
            controllers: model.controllers.len(),
            groups: (groups("vehicle"), groups("tram"), groups("pedestrian")),
            conflicts: model.group_pairs.iter().filter(|pair| pair.relation == "conflict").count(),
            request_rows: model.request_bindings.len(),
            paths_unserved,
            lines: model.lines.len(),
            calls: model.stops.len(),
            line_gaps_closed: base.lines.iter().map(|(line, _)| line.closed_gaps).sum(),
            line_pieces_dropped: base.lines.iter().map(|(line, _)| line.dropped_pieces).sum(),
        }
    }
}

fn defaults(model: &Model) -> (usize, usize, usize) {
    let filled = |source: Option<Source>| usize::from(source == Some(Source::Default));
    (
        model.links.iter().map(|link| filled(link.free_speed_source)).sum(),
        model.links.iter().map(|link| filled(link.lanes_source)).sum(),
        model.movements.iter().map(|movement| filled(movement.lanes_source)).sum(),
    )
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, ways, relations) = self.read;
        writeln!(f, "read        {nodes} nodes, {ways} ways, {relations} relations")?;
        writeln!(f, "streets     {} links, {:.1} km", self.street_links, self.street_km)?;
        writeln!(f, "tracks      {} links, {:.1} km", self.track_links, self.track_km)?;
        writeln!(f, "movements   {}, turn restrictions {}", self.movements, self.restrictions)?;
        writeln!(f, "map's edge  {} nodes", self.boundary_nodes)?;
        writeln!(f, "stop lines  {} at junctions, {} between", self.stop_lines, self.mid_block_stop_lines)?;
        let (speeds, lanes, turning) = self.defaults;
        writeln!(
            f,
            "defaults    speeds of {speeds} links, lanes of {lanes} links and of {turning} movements, every headway"
        )?;
        let (vehicles, trams, pedestrians) = self.groups;
        writeln!(
            f,
            "lines       {} with {} calls, {} gaps closed",
            self.lines, self.calls, self.line_gaps_closed
        )?;
        writeln!(
            f,
            "generated   {} controllers, {vehicles} vehicle, {trams} tram and {pedestrians} pedestrian groups,",
            self.controllers
        )?;
        writeln!(f, "            {} conflicts, {} request rows", self.conflicts, self.request_rows)?;
        writeln!(
            f,
            "left out    {} pieces of way, {} signals, {} track crossings, {} turn restrictions, {} line pieces, {} paths",
            self.segments_dropped,
            self.signals_dropped,
            self.track_crossings_dropped,
            self.restrictions_dropped,
            self.line_pieces_dropped,
            self.paths_unserved
        )
    }
}
