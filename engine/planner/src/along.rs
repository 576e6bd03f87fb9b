//! The signals along a way, each with the row that serves the way's path through its controller.

use clearway_network::{Controller, LinkId, MovementId, Network};
use clearway_signals::{ControllerId, GroupSet, RowId, RowKind};

/// A controller on a way, from its first stop line to its last.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SignalOnWay {
    /// The controller.
    pub controller: ControllerId,
    /// The row of the wanted kind that serves the path, if the model binds one.
    pub row: Option<RowId>,
    /// The groups that the path needs green.
    pub wanted: GroupSet,
    /// The approach: the link that ends at the first stop line.
    pub approach: LinkId,
    /// The first stop line, millimetres from the start of the way.
    pub stop_line_mm: i64,
    /// The last stop line of the path, millimetres from the start of the way.
    pub exit_mm: i64,
}

/// Distances from the start of the way to the end of each of its links, millimetres.
pub fn cumulate(network: &Network, way: &[LinkId], ends_mm: &mut Vec<i64>) {
    ends_mm.clear();
    let mut end = 0;
    for link in way {
        end += i64::from(network.link(*link).length_mm);
        ends_mm.push(end);
    }
}

/// Fill `signals` with what stands along `way`; `ends_mm` as [`cumulate`] gives it.
pub fn signals_along(
    network: &Network,
    way: &[LinkId],
    ends_mm: &[i64],
    kind: RowKind,
    signals: &mut Vec<SignalOnWay>,
) {
    signals.clear();
    let mut i = 0;
    while i + 1 < way.len() {
        let Some(signal) = movement_at(network, way, i).and_then(|m| network.movement(m).signal) else {
            i += 1;
            continue;
        };
        let Some(controller) = network.controller(signal.controller) else {
            i += 1;
            continue;
        };
        let (row, covered) = best_path(network, controller, way, i, kind);
        let mut found = SignalOnWay {
            controller: signal.controller,
            row,
            wanted: GroupSet::EMPTY,
            approach: way[i],
            stop_line_mm: ends_mm[i],
            exit_mm: ends_mm[i],
        };
        for (k, end_mm) in ends_mm.iter().enumerate().take(way.len() - 1).skip(i).take(covered) {
            let inner = movement_at(network, way, k).and_then(|m| network.movement(m).signal);
            if let Some(inner) = inner.filter(|inner| inner.controller == signal.controller) {
                found.wanted = found.wanted.with(inner.group);
                found.exit_mm = *end_mm;
            }
        }
        signals.push(found);
        i += covered;
    }
}

fn movement_at(network: &Network, way: &[LinkId], i: usize) -> Option<MovementId> {
    network.movement_between(*way.get(i)?, *way.get(i + 1)?)
}

/// The row whose path follows the way furthest from its `i`-th link, and how many movements of the
/// way it covers (1 when no path fits).
fn best_path(
    network: &Network,
    controller: &Controller,
    way: &[LinkId],
    i: usize,
    kind: RowKind,
) -> (Option<RowId>, usize) {
    let mut best: Option<(usize, usize, RowId)> = None;
    for path in &controller.paths {
        if controller.rows[path.row.index()].kind != kind {
            continue;
        }
        let common = path
            .movements
            .iter()
            .enumerate()
            .take_while(|(k, movement)| movement_at(network, way, i + k) == Some(**movement))
            .count();
        // Of two paths that follow the way equally far, the shorter one strays less.
        let better = best.is_none_or(|(c, len, _)| common > c || (common == c && path.movements.len() < len));
        if common > 0 && better {
            best = Some((common, path.movements.len(), path.row));
        }
    }
    best.map_or((None, 1), |(common, _, row)| (Some(row), common))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;
    use clearway_signals::GroupId;

    #[test]
    fn each_crossroads_of_the_corridor_is_met_once_with_its_row() {
        let network = corridor(3);
        let way = network.lines[0].links.clone();
        let (mut ends, mut signals) = (Vec::new(), Vec::new());
        cumulate(&network, &way, &mut ends);
        signals_along(&network, &way, &ends, RowKind::Emergency, &mut signals);
        let met: Vec<_> = signals.iter().map(|s| (s.controller.0, s.row, s.stop_line_mm)).collect();
        assert_eq!(
            met,
            [(0, Some(RowId(1)), 200_000), (1, Some(RowId(1)), 400_000), (2, Some(RowId(1)), 600_000)]
        );
        assert!(signals.iter().all(|s| s.wanted == GroupSet::of(GroupId(0))));
    }

    #[test]
    fn a_tram_is_given_transit_rows_only() {
        let network = corridor(2);
        let way = network.lines[0].links.clone();
        let (mut ends, mut signals) = (Vec::new(), Vec::new());
        cumulate(&network, &way, &mut ends);
        signals_along(&network, &way, &ends, RowKind::Transit, &mut signals);
        for signal in &signals {
            let row = network.controllers[signal.controller.index()].rows[signal.row.unwrap().index()];
            assert_eq!(row.kind, RowKind::Transit);
        }
    }
}
