//! Local preemption, the baseline: each signal by itself, when the vehicle is detected before it.

use clearway_network::{Controller, MovementId, Network};
use clearway_signals::{Channel, ControllerId, Millis, Owner, RowId, RowKind};

use crate::emergency::{TripId, TripLog};
use crate::physics::ENGINE_MM;
use crate::trip::Steering;
use crate::virtual_city::VirtualCity;

/// The vehicle is detected this far before the stop line.
const DETECTED_MM: i64 = 300_000;
/// A call is repeated this often and dies by itself after three times as long.
const REFRESH: Millis = Millis(1_000);
const TTL: Millis = Millis(3_000);

/// One row that serves a part of the route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Call {
    controller: ControllerId,
    row: RowId,
    /// Part of the route in which it is wanted, millimetres from its start.
    from_mm: i64,
    to_mm: i64,
    called: Option<Millis>,
}

/// Calls the row of each signal from 300 m before its stop line until the vehicle is over it; one
/// row at a time for each controller.
#[derive(Clone, Debug, Default)]
pub struct LocalPreemption {
    calls: Vec<Call>,
    planned: bool,
}

impl LocalPreemption {
    fn plan(network: &Network, log: &TripLog) -> Vec<Call> {
        let mut calls = Vec::new();
        let mut next = 0;
        for line in &log.lines {
            let first = log.movements().iter().position(|&m| m == line.movement).unwrap_or(0);
            if first < next {
                continue;
            }
            let Some(controller) = network.controller(line.controller) else { continue };
            let Some((row, movements)) = longest_path(controller, &log.movements()[first..]) else {
                continue;
            };
            next = first + movements;
            let served = &log.movements()[first..next];
            let last =
                log.lines.iter().rfind(|l| served.contains(&l.movement)).map_or(line.at_mm, |l| l.at_mm);
            calls.push(Call {
                controller: line.controller,
                row,
                from_mm: line.at_mm - DETECTED_MM,
                to_mm: last + ENGINE_MM,
                called: None,
            });
        }
        calls
    }
}

/// Our emergency row for the longest path of this controller that the route begins with.
fn longest_path(controller: &Controller, route: &[MovementId]) -> Option<(RowId, usize)> {
    let ours = controller.paths.iter().filter(|path| {
        let row = controller.rows.get(path.row.index());
        let fits = !path.movements.is_empty() && route.starts_with(&path.movements);
        fits && row.is_some_and(|row| {
            row.owner == Owner::Ours && row.kind == RowKind::Emergency && row.channel == Channel::Preempt
        })
    });
    // The first of several equally long ones, so that the order of the model decides.
    ours.rev().max_by_key(|path| path.movements.len()).map(|path| (path.row, path.movements.len()))
}

impl Steering for LocalPreemption {
    fn step(&mut self, city: &mut VirtualCity, trip: TripId) {
        let Some(log) = city.world.trip(trip) else { return };
        if !self.planned {
            self.planned = true;
            self.calls = Self::plan(city.world.network(), log);
        }
        let on_road = log.departed.is_some() && log.arrived.is_none();
        let progress = log.progress_mm;
        let now = city.now();
        let mut taken: Vec<ControllerId> = Vec::with_capacity(self.calls.len());
        for call in &mut self.calls {
            let near = on_road && (call.from_mm..=call.to_mm).contains(&progress);
            let wanted = near && !taken.contains(&call.controller);
            if wanted {
                taken.push(call.controller);
            }
            let due = call.called.is_none_or(|at| now - at >= REFRESH);
            let Some(emulator) = city.field.emulator_mut(call.controller) else { continue };
            // A refused call leaves the signal to its plan, as a controller without the row would.
            if wanted && due && emulator.remote_call(call.row, true, TTL).is_ok() {
                call.called = Some(now);
            } else if !wanted && call.called.take().is_some() {
                let _ = emulator.remote_call(call.row, false, TTL);
            }
        }
    }
}
