//! Lines and stops.

use std::collections::HashMap;

use clearway_network::{Line, LinkId, Plane, Stop, StopCall, StopId, Turnback, TurnbackKind, Uses};

use crate::compile::{CompileError, find, narrow, place};
use crate::index::Index;
use crate::model::{TransitLine, TransitStop};
use crate::units::millimetres;

/// Stops by id, and the calls of each line in the order of travel.
pub(super) struct Stops<'m> {
    pub(super) stops: Vec<Stop>,
    ids: HashMap<&'m str, StopId>,
    calls: HashMap<&'m str, Vec<&'m TransitStop>>,
}

pub(super) fn stops<'m>(index: &Index<'m>, plane: &Plane) -> Result<Stops<'m>, CompileError> {
    let mut found = Stops { stops: Vec::new(), ids: HashMap::new(), calls: HashMap::new() };
    for row in &index.model.stops {
        found.calls.entry(&row.line_id).or_default().push(row);
        if !found.ids.contains_key(row.stop_id.as_str()) {
            let point = place(plane, "transit_stop", &row.stop_id, row.x_coord, row.y_coord)?;
            found.ids.insert(&row.stop_id, StopId(narrow(found.stops.len())));
            found.stops.push(Stop { id: row.stop_id.clone(), name: row.name.clone(), point });
        }
    }
    for calls in found.calls.values_mut() {
        calls.sort_by_key(|call| call.sequence);
    }
    Ok(found)
}

pub(super) fn lines(index: &Index<'_>, stops: &Stops<'_>) -> Result<Vec<Line>, CompileError> {
    index.model.lines.iter().map(|row| line(index, stops, row)).collect()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn line(index: &Index<'_>, stops: &Stops<'_>, row: &TransitLine) -> Result<Line, CompileError> {
    let ids: Vec<&str> = row.links.split_whitespace().collect();
    let links = ids
        .iter()
        .map(|id| find(&index.links, "link", id).map(|found| LinkId(narrow(found))))
        .collect::<Result<Vec<_>, _>>()?;
    let calls = stops.calls.get(row.line_id.as_str()).map_or(&[][..], Vec::as_slice);
    let positions = call_positions(&ids, calls);
    let mut placed = Vec::with_capacity(calls.len());
    for (call, position) in calls.iter().zip(positions) {
        let position = position.ok_or_else(|| CompileError::Invalid {
            table: "transit_stop",
            id: call.stop_id.clone(),
            wrong: "does not lie on its line",
        })?;
        placed.push(StopCall {
            stop: stops.ids[call.stop_id.as_str()],
            link_index: narrow(position),
            offset_mm: millimetres(call.offset),
        });
    }
    Ok(Line {
        name: row.line_id.clone(),
        designation: row.designation.clone(),
        direction: row.direction,
        mode: if row.mode == "bus" { Uses::BUS } else { Uses::TRAM },
        links,
        calls: placed,
        headway_s: row.headway.round() as u32,
    })
}

pub(super) fn turnbacks(index: &Index<'_>) -> Result<Vec<Turnback>, CompileError> {
    let link = |id: &str| find(&index.links, "link", id).map(|found| LinkId(narrow(found)));
    let turnback = |row: &crate::model::Turnback| {
        Ok(Turnback {
            name: row.turnback_id.clone(),
            from: link(&row.from_link_id)?,
            to: link(&row.to_link_id)?,
            kind: if row.kind == "crossover" { TurnbackKind::Crossover } else { TurnbackKind::Loop },
        })
    };
    index.model.turnbacks.iter().map(turnback).collect()
}

/// For each call, the position in the line of the link that it lies at: at or after the position
/// of the call before it, so that a line may pass a link twice. `None` when there is none.
pub(crate) fn call_positions(links: &[&str], calls: &[&TransitStop]) -> Vec<Option<usize>> {
    let mut from = 0;
    let mut offset = 0.0;
    let mut positions = Vec::with_capacity(calls.len());
    for call in calls {
        let found = links.iter().enumerate().skip(from).find_map(|(position, link)| {
            let again = position == from && call.offset < offset;
            (*link == call.link_id && !again).then_some(position)
        });
        if let Some(position) = found {
            (from, offset) = (position, call.offset);
        }
        positions.push(found);
    }
    positions
}
