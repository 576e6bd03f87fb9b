//! What an engine of a large city holds in memory: the network, its tables, every vehicle and controller
//! heard once.

use std::sync::Arc;

use clearway_certify::Class;
use clearway_network::testing::{corridor, place};
use clearway_planner::{Config, Engine, Event, Output, VehicleFix, VehicleInfo};
use clearway_signals::{ControllerId, ControllerStatus, Epoch, Millis, Mode, VehicleId};

/// Resident memory that the engine added, bytes; `None` where the system does not tell.
#[must_use]
pub fn of_engine(junctions: u16, vehicles: u32) -> Option<u64> {
    let before = resident()?;
    let network = Arc::new(corridor(junctions));
    let registry = vec![VehicleInfo { class: Class::Emergency }; vehicles as usize];
    let mut engine = Engine::new(network, registry, Config::default(), Epoch(1));
    let mut out = Output::default();
    for n in 0..junctions {
        let controller = ControllerId(n);
        let status =
            ControllerStatus { controller, at: Millis(1), mode: Mode::Normal, ..ControllerStatus::default() };
        out.clear();
        engine.apply(&Event::Status(status), Millis(1), &mut out);
    }
    for vehicle in (0..vehicles).map(VehicleId) {
        let place = place(0.0, 0.0);
        let (heading_deg, speed_mps) = (None, None);
        let (received, cadence) = (Millis(2), Millis(1_000));
        let fix = VehicleFix { vehicle, received, place, heading_deg, speed_mps, degraded: false, cadence };
        out.clear();
        engine.apply(&Event::Fix(fix), Millis(2), &mut out);
    }
    let after = resident()?;
    drop(std::hint::black_box(engine));
    Some(after.saturating_sub(before))
}

/// Resident memory of this process, bytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_engine_is_measured() {
        if let Some(bytes) = of_engine(200, 100) {
            assert!(bytes < 100 << 20, "{bytes}");
        }
    }
}
