//! Open-loop load on the running engine: positions arrive by a fixed schedule, whatever the engine
//! does, and every latency counts from the scheduled instant.
//!
//! A closed loop waits for each answer before it sends the next position, and so never sees the
//! queue that a slow moment builds up (coordinated omission). Here a late sender or a late engine
//! makes every position behind it late too, and each is recorded as such.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clearway_certify::{Class, Command};
use clearway_network::testing::{SPACING_M, corridor, place};
use clearway_planner::{Config, Engine, Event, Mission, VehicleFix, VehicleInfo};
use clearway_runtime::{Clock, Egress, Ingress, Load, Runtime, RuntimeError, Settings, Stamped};
use clearway_signals::{ControllerId, ControllerStatus, Epoch, Millis, MissionId, Mode, VehicleId};
use hdrhistogram::Histogram;

/// Vehicles on missions at the same time.
const VEHICLES: u32 = 20;
/// Crossroads between two vehicles: nobody waits for another's controller.
const APART: u16 = 20;
/// Crossroads to each destination.
const AHEAD: u16 = 15;
/// The speed of a vehicle, metres a second.
const SPEED_MPS: f32 = 12.0;
/// Readings of every controller, seconds apart.
const READING: Duration = Duration::from_millis(500);
/// Longest latency that is told apart, nanoseconds.
const LONGEST_NS: u64 = 10_000_000_000;

/// What one run measured.
#[derive(Clone, Debug)]
pub struct Report {
    /// Positions a second.
    pub rate_hz: u32,
    /// Positions sent.
    pub fixes: u64,
    /// Events that found no room.
    pub shed: u64,
    /// Scheduled instant of the position to its command handed over: what a vehicle sees.
    pub from_schedule: Histogram<u64>,
    /// Instant at which the position was really sent to its command: the engine alone.
    pub from_send: Histogram<u64>,
}

/// Histograms that the egress fills, and the schedule's real instants.
struct Recorder {
    clock: Clock,
    schedule: Schedule,
    sent_ns: Vec<AtomicU64>,
    histograms: Mutex<(Histogram<u64>, Histogram<u64>)>,
}

#[derive(Clone, Copy)]
struct Schedule {
    start_ns: u64,
    period_ns: u64,
}

impl Schedule {
    fn at(self, index: u64) -> u64 {
        self.start_ns + index * self.period_ns
    }

    fn index(self, at_ns: u64) -> usize {
        usize::try_from(at_ns.saturating_sub(self.start_ns) / self.period_ns).unwrap_or(usize::MAX)
    }
}

struct Outlet(Arc<Recorder>);

impl Egress for Outlet {
    fn dispatch(&mut self, _: Command, fix_ns: Option<u64>) -> bool {
        let Some(scheduled_ns) = fix_ns else { return true };
        let recorder = &self.0;
        let now_ns = recorder.clock.now_ns();
        let index = recorder.schedule.index(scheduled_ns);
        let sent_ns = recorder.sent_ns.get(index).map_or(scheduled_ns, |sent| sent.load(Ordering::Acquire));
        let mut histograms = recorder.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        histograms.0.saturating_record(now_ns.saturating_sub(scheduled_ns));
        histograms.1.saturating_record(now_ns.saturating_sub(sent_ns));
        true
    }

    fn wake(&mut self) {}
}

/// Send `rate_hz` positions a second for `seconds`.
///
/// # Errors
/// The engine's thread cannot be started.
///
/// # Panics
/// When a histogram's constant bounds are wrong.
pub fn run(rate_hz: u32, seconds: u32) -> Result<Report, RuntimeError> {
    let crossroads = u16::try_from(VEHICLES).unwrap_or(u16::MAX) * APART;
    let network = Arc::new(corridor(crossroads));
    let vehicles = vec![VehicleInfo { class: Class::Emergency }; VEHICLES as usize];
    let engine = Engine::new(network, vehicles, Config::default(), Epoch(1));
    let clock = Clock::default();
    let fixes = u64::from(rate_hz) * u64::from(seconds);
    let schedule = Schedule {
        // The mission and a first reading of every controller come before the first position.
        start_ns: clock.now_ns() + 1_000_000_000,
        period_ns: 1_000_000_000 / u64::from(rate_hz.max(1)),
    };
    let empty = || Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("constant bounds");
    let recorder = Arc::new(Recorder {
        clock: clock.clone(),
        schedule,
        sent_ns: (0..fixes).map(|_| AtomicU64::new(0)).collect(),
        histograms: Mutex::new((empty(), empty())),
    });
    let outlet = Box::new(Outlet(Arc::clone(&recorder)));
    let runtime = Runtime::start(engine, outlet, clock.clone(), Settings::default())?;
    let ingress = runtime.ingress();
    begin(&ingress, crossroads);
    send_all(&ingress, &recorder, crossroads, fixes);
    // What was sent last is answered, or counted as missing, within this time.
    std::thread::sleep(Duration::from_millis(200));
    // Nobody reads the notices here: what people would see does not count.
    let shed = Load::ALL[1..].iter().map(|load| ingress.shed(*load)).sum();
    runtime.stop();
    let (from_schedule, from_send) =
        recorder.histograms.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Report { rate_hz, fixes, shed, from_schedule, from_send })
}

fn begin(ingress: &Ingress, crossroads: u16) {
    for controller in 0..crossroads {
        send(ingress, Event::Armed(ControllerId(controller), true), None);
    }
    for vehicle in 0..VEHICLES {
        let destination = place(start_m(vehicle) + f32::from(AHEAD) * SPACING_M, 0.0);
        let mission = Mission::new(MissionId(vehicle + 1), VehicleId(vehicle), destination);
        send(ingress, Event::Mission(mission), None);
    }
}

/// The schedule is kept, not the distance to the last position: a late one is not waited for.
fn send_all(ingress: &Ingress, recorder: &Recorder, crossroads: u16, fixes: u64) {
    let clock = &recorder.clock;
    let reading_ns = u64::try_from(READING.as_nanos()).unwrap_or(u64::MAX);
    let mut next_reading_ns = 0;
    for index in 0..fixes {
        if clock.now_ns() >= next_reading_ns {
            read_controllers(ingress, clock.now().0, crossroads);
            next_reading_ns = clock.now_ns() + reading_ns;
        }
        let scheduled_ns = recorder.schedule.at(index);
        let wait_ns = scheduled_ns.saturating_sub(clock.now_ns());
        std::thread::sleep(Duration::from_nanos(wait_ns));
        let vehicle = u32::try_from(index % u64::from(VEHICLES)).unwrap_or_default();
        #[allow(clippy::cast_precision_loss)]
        let driven_s = (index * recorder.schedule.period_ns) as f32 / 1e9;
        let (received, now_ns) = clock.now();
        recorder.sent_ns[usize::try_from(index).unwrap_or(usize::MAX)].store(now_ns, Ordering::Release);
        let fix = VehicleFix {
            vehicle: VehicleId(vehicle),
            received,
            place: place(start_m(vehicle) + SPEED_MPS * driven_s, 0.0),
            heading_deg: Some(90.0),
            speed_mps: Some(SPEED_MPS),
            degraded: false,
            cadence: Millis(1_000),
        };
        send(ingress, Event::Fix(fix), Some(scheduled_ns));
    }
}

fn read_controllers(ingress: &Ingress, now: Millis, crossroads: u16) {
    for controller in 0..crossroads {
        let status = ControllerStatus {
            controller: ControllerId(controller),
            at: now,
            mode: Mode::Normal,
            ..ControllerStatus::default()
        };
        send(ingress, Event::Status(status), None);
    }
}

fn start_m(vehicle: u32) -> f32 {
    let crossroads = u16::try_from(vehicle).unwrap_or(u16::MAX) * APART;
    f32::from(crossroads) * SPACING_M + 20.0
}

/// What finds no room is counted by the queue itself and reported.
fn send(ingress: &Ingress, event: Event, decoded_ns: Option<u64>) {
    ingress.send(Stamped { event, decoded_ns });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_load_is_answered_and_counted_from_the_schedule() {
        let report = run(200, 2).unwrap();
        assert_eq!((report.fixes, report.shed), (400, 0));
        assert!(report.from_send.len() > 50, "{} commands", report.from_send.len());
        assert_eq!(report.from_send.len(), report.from_schedule.len());
        assert!(report.from_schedule.mean() >= report.from_send.mean());
    }
}
