//! What an onlooker sees of a vehicle.

use clearway_network::{LineId, LinkId, StopId};
use clearway_signals::{GeoPoint, Millis};

use crate::drive::Role;
use crate::emergency::TripId;
use crate::lane::Placed;
use crate::vehicle::{Class, Serial};
use crate::world::{World, narrow};

/// A vehicle as it truly is at this instant, without errors of any sensor.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct VehicleView {
    /// Its number in this run.
    pub serial: Serial,
    /// What it is.
    pub class: Class,
    /// The link that its front is on.
    pub link: LinkId,
    /// Where on it, millimetres from the start.
    pub offset_mm: u32,
    /// Where on the globe.
    pub place: GeoPoint,
    /// Degrees clockwise from north, 0 to 360.
    pub heading_deg: f32,
    /// Millimetres a second.
    pub speed_mm_s: u32,
    /// Its duty, if it is a tram.
    pub tram: Option<TramView>,
    /// Its trip, if it is an emergency vehicle.
    pub trip: Option<TripId>,
}

/// A tram on duty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TramView {
    /// Its line.
    pub line: LineId,
    /// The number of its run on that line, from 0; with the line it names a vehicle for the registry.
    pub run: u32,
    /// When the run was to start.
    pub scheduled_start: Millis,
    /// Actual less scheduled time at this place: positive is late.
    pub lateness: Millis,
    /// The stop it serves now or comes to next.
    pub next_stop: Option<StopId>,
    /// It stands at that stop with its doors open.
    pub doors_open: bool,
}

impl World {
    pub(crate) fn view(&self, link: LinkId, at: Placed) -> Option<VehicleView> {
        let vehicle = self.fleet.get(at.slot)?;
        let network = &self.roads.network;
        let offset_mm = u32::try_from(at.offset_mm.clamp(0, self.roads.length_mm(link))).unwrap_or(0);
        let role = vehicle.motion.and_then(|_| self.drivers.iter().find(|driver| driver.slot == at.slot));
        let (tram, trip) = match role.map(|driver| &driver.role) {
            Some(Role::Tram(run)) => (Some(self.tram_view(run, vehicle.step, at.offset_mm)), None),
            Some(Role::Emergency(run)) => (None, Some(TripId(run.trip))),
            None => (None, None),
        };
        Some(VehicleView {
            serial: vehicle.serial,
            class: vehicle.class,
            link,
            offset_mm,
            place: network.plane.unproject(network.point_on(link, offset_mm)),
            heading_deg: network.heading_on(link, offset_mm),
            speed_mm_s: u32::try_from(at.speed_mm_s).unwrap_or(0),
            tram,
            trip,
        })
    }

    fn tram_view(&self, run: &crate::tram::TramRun, step: usize, offset_mm: i64) -> TramView {
        let line = &self.lines[run.line as usize];
        let calls = &self.roads.network.lines[line.line.index()].calls;
        TramView {
            line: line.line,
            run: run.number,
            scheduled_start: Millis(run.scheduled_ms),
            lateness: Millis(run.lateness_ms(&line.timetable, self.now_ms, narrow(step), offset_mm)),
            next_stop: calls.get(run.next_call).map(|call| call.stop),
            doors_open: run.dwells_until_ms.is_some(),
        }
    }
}
