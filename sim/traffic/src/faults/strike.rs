//! Faults strike, pass, and are over.

use clearway_planner::Event;
use clearway_signals::{Millis, Mode, RowId};

use super::device::{Lie, Unsafe, foreign_rows};
use super::packet::{Outgoing, Packet};
use super::rider::{Duty, Trouble};
use super::run::Run;
use super::swarm::Kind;
use super::weather::Weather;

/// After trouble is over, a controller is given this long before release times count again.
const GRACE: Millis = Millis::from_s(12);

impl Run<'_> {
    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.swarm.rng().next_u64() % n.max(1) as u64).unwrap_or(0)
    }

    fn seconds(&mut self, low: i64, high: i64) -> Millis {
        // Whole tenths: what begins on a tick ends on one.
        Millis(self.swarm.rng().between_ms(low * 10, high * 10) * 100)
    }

    /// The faults that are due now.
    pub fn strike(&mut self) {
        while let Some(kind) = self.swarm.due(self.now) {
            self.faults += 1;
            self.strike_one(kind);
        }
    }

    fn strike_one(&mut self, kind: Kind) {
        let controller = self.below(self.devices.len());
        match kind {
            Kind::Weather | Kind::RegionCut | Kind::Reset => self.strike_network(kind, controller),
            Kind::Kill
            | Kind::PowerCut
            | Kind::Takeover
            | Kind::Freeze
            | Kind::HungPlanner
            | Kind::Starvation => {
                self.strike_centre(kind);
            }
            Kind::DiskError => {
                self.disk.failed = true;
                self.note(|| "the disk refuses to sync".into());
            }
            Kind::DiskStall => {
                self.disk.stalled_until = self.now + Millis::from_s(5);
                self.note(|| "the disk stalls for 5 s".into());
            }
            Kind::ClockStep | Kind::ClockDrift => self.strike_clock(kind),
            Kind::Lie
            | Kind::Reboot
            | Kind::UnsafeReboot
            | Kind::Mode
            | Kind::LocalCall
            | Kind::Fed
            | Kind::Detector => {
                self.strike_controller(kind, controller);
            }
            Kind::Feed | Kind::Stand | Kind::OtherWay | Kind::Cancel => self.strike_vehicle(kind),
            Kind::ReleaseAll => self.release_all(),
        }
    }

    fn in_trouble(&mut self, controller: usize, until: Millis) {
        self.oracle.trouble(controller, until + GRACE);
    }

    fn all_in_trouble(&mut self, until: Millis) {
        for controller in 0..self.devices.len() {
            self.in_trouble(controller, until);
        }
    }

    fn strike_network(&mut self, kind: Kind, controller: usize) {
        match kind {
            Kind::Weather => {
                let (weather, name) = Weather::draw(self.swarm.rng());
                let until = self.now + self.seconds(2, 40);
                self.weathers[controller] = (weather, until);
                self.in_trouble(controller, until);
                self.note(|| format!("controller {controller}: {name} until {}", until.0));
            }
            Kind::RegionCut => {
                let until = self.now + self.seconds(2, 60);
                let cut = Weather { blocked: [true, true], ..Weather::CLEAR };
                for c in (0..self.devices.len()).filter(|c| c % 3 == controller % 3) {
                    self.weathers[c] = (cut, until);
                    self.in_trouble(c, until);
                }
                self.note(|| format!("a third of the controllers is cut off until {}", until.0));
            }
            _ => {
                self.in_trouble(controller, self.now);
                let (now, wall_ms) = (self.now, self.wall_ms());
                let closes = self.devices[controller].cut_connections(now, wall_ms);
                self.send_back(controller, closes, Millis::ZERO);
                self.note(|| format!("controller {controller}: connections are reset"));
            }
        }
    }

    /// Positions that a planner could not take in are overtaken by newer ones: it knows less of the cadence
    /// than we do.
    fn deafen(&mut self, until: Millis) {
        self.riders.iter_mut().for_each(|rider| rider.nonsense_until = until);
    }

    fn strike_centre(&mut self, kind: Kind) {
        let now = self.now;
        match kind {
            Kind::Kill | Kind::PowerCut => {
                let back = now + self.seconds(1, if kind == Kind::Kill { 8 } else { 40 });
                self.kill(kind == Kind::Kill, back);
            }
            Kind::Freeze => {
                let until = now + Millis([200, 2_000, 30_000][self.below(3)]);
                if let Some(centre) = &mut self.centre {
                    centre.frozen_until = centre.frozen_until.max(until);
                }
                self.deafen(until);
                self.all_in_trouble(until);
                self.note(|| format!("the centre is frozen until {}", until.0));
            }
            Kind::Takeover => {
                self.check_replay();
                let (scenario, emergencies) = (self.scenario, self.emergencies.clone());
                if let Some(centre) = &mut self.centre {
                    centre.take_over(scenario, &emergencies);
                    self.oracle.engine_starts();
                }
                self.all_in_trouble(now + Millis::from_s(10));
                self.note(|| "another engine takes over".into());
            }
            Kind::HungPlanner => {
                let until = now + self.seconds(1, 20);
                if let Some(centre) = &mut self.centre {
                    centre.hung_until = until;
                }
                self.deafen(until);
                self.note(|| format!("the planner hangs until {}", until.0));
            }
            _ => {
                // The guard before the end of a lease covers this much.
                self.sluggish = (90, now + Millis::from_s(20));
                self.note(|| "the machine is starved for 20 s".into());
            }
        }
    }

    /// The centre dies; with the system alive its connections are closed, with the power gone nothing is.
    fn kill(&mut self, closes: bool, back: Millis) {
        if self.centre.is_none() {
            return;
        }
        self.check_replay();
        let lost = self.disk.power_cut();
        if lost > 0 && !closes {
            self.oracle.breach(self.now, "C9", format!("{lost} acknowledged records are lost"));
        }
        self.all_in_trouble(back + Millis::from_s(20));
        self.centre = None;
        self.starts_at = back;
        self.withheld_until = None;
        self.note(|| format!("the centre dies, back at {}", back.0));
        if closes {
            for controller in 0..self.devices.len() {
                if let Some(connection) = self.devices[controller].connection() {
                    let close = Outgoing { packet: Packet::Close(connection), calls: None, writes: false };
                    self.send_out(controller, 0, vec![close]);
                }
            }
        }
    }

    fn strike_clock(&mut self, kind: Kind) {
        if kind == Kind::ClockStep {
            let steps = [3_600_000, -3_600_000, 1_000, -1_000, 5_000];
            self.wall_off_ms = steps[self.below(5)];
        } else {
            self.wall_drift_ppm = [500, -500][self.below(2)];
        }
        let (off, ppm) = (self.wall_off_ms, self.wall_drift_ppm);
        self.note(|| format!("the wall clock is off by {off} ms and {ppm} ppm"));
    }

    fn strike_controller(&mut self, kind: Kind, controller: usize) {
        let until = self.now + self.seconds(3, 45);
        self.ill_until[controller] = until;
        self.in_trouble(controller, until);
        match kind {
            Kind::Lie => {
                let lie = match self.below(7) {
                    0 => Lie::Mute,
                    1 => Lie::Dead,
                    2 => Lie::Deaf,
                    3 => Lie::Refusing,
                    4 => Lie::Late(Millis([120, 180, 900, 3_000][self.below(4)])),
                    5 => Lie::WrongId,
                    _ => Lie::Stale(Box::new(self.devices[controller].station.clone())),
                };
                self.note(|| format!("controller {controller}: {} until {}", lie_word(&lie), until.0));
                self.devices[controller].lie = lie;
            }
            Kind::UnsafeReboot => {
                let hazards = [Unsafe::CutsYellow, Unsafe::NoDeadMan, Unsafe::OtherConfiguration];
                let hazard = hazards[self.below(3)];
                let hazard = self.devices[controller].visible(hazard);
                self.devices[controller].hazard = hazard;
                self.devices[controller].hazard_since = self.now;
                self.ill_until[controller] = self.now + Millis::from_s(90);
                self.in_trouble(controller, self.now + Millis::from_s(90));
                self.note(|| format!("controller {controller}: {hazard:?}"));
                self.reboot(controller);
            }
            Kind::Reboot => self.reboot(controller),
            Kind::Mode => {
                let modes = [Mode::Flash, Mode::Manual, Mode::Dark, Mode::Fault];
                let mode = modes[self.below(4)];
                self.devices[controller].station.emulator_mut().set_mode(mode);
                self.note(|| format!("controller {controller}: {mode:?} until {}", until.0));
            }
            Kind::LocalCall => {
                let rows: Vec<RowId> = foreign_rows(&self.scenario.network.controllers[controller]).collect();
                if let Some(row) = rows.first().copied() {
                    self.devices[controller].station.emulator_mut().set_physical(row, true);
                    self.note(|| format!("controller {controller}: row {} is called in the street", row.0));
                }
            }
            Kind::Fed => {
                self.devices[controller].be_fed(until);
                self.note(|| format!("controller {controller}: another centre feeds its timer"));
            }
            _ => {
                let number =
                    self.scenario.network.controllers[controller].detectors.first().map(|d| d.number);
                if let Some(number) = number {
                    self.devices[controller].station.emulator_mut().detector_hold(number, true);
                }
            }
        }
    }

    fn reboot(&mut self, controller: usize) {
        let wall_ms = self.wall_ms();
        let closes = self.devices[controller].cut_connections(self.now, wall_ms);
        let network = &self.scenario.network;
        let protocol = self.scenario.protocols[controller];
        self.devices[controller].reboot(
            network,
            &network.controllers[controller],
            protocol,
            self.now,
            wall_ms,
        );
        self.send_back(controller, closes, Millis::ZERO);
        self.note(|| format!("controller {controller} restarts"));
    }

    fn strike_vehicle(&mut self, kind: Kind) {
        let n = self.below(self.riders.len());
        if self.riders.is_empty() {
            return;
        }
        let until = self.now + self.seconds(3, 60);
        match kind {
            Kind::Feed => {
                let troubles = [
                    Trouble::Silent,
                    Trouble::Frozen,
                    Trouble::Jumping,
                    Trouble::Duplicated,
                    Trouble::OutOfOrder,
                    Trouble::Flood,
                    Trouble::Garbage,
                    Trouble::Offset,
                ];
                let trouble = troubles[self.below(8)];
                (self.riders[n].trouble, self.riders[n].trouble_until) = (trouble, until);
                self.note(|| format!("vehicle {n}: {trouble:?} until {}", until.0));
            }
            Kind::Stand => {
                self.riders[n].stands_until = until;
                self.note(|| format!("vehicle {n} stands until {}", until.0));
            }
            Kind::OtherWay if self.riders[n].duty == Duty::Driving => {
                let way = self.below(self.scenario.ways.len());
                if self.riders[n].is_emergency {
                    let began = self.riders[n].began;
                    self.riders[n].set_out(way, began);
                    self.note(|| format!("vehicle {n} is somewhere else"));
                }
            }
            Kind::Cancel if self.riders[n].duty == Duty::Driving => {
                self.gives_up(n);
                self.note(|| format!("vehicle {n}: the duty is over"));
            }
            _ => {}
        }
    }

    /// An operator calls for release of all, as often as not with the planner hung.
    fn release_all(&mut self) {
        let now = self.now;
        let hangs = self.below(2) == 0;
        let until = now + self.seconds(5, 20);
        let Some(centre) = &mut self.centre else { return };
        if now < centre.frozen_until {
            return;
        }
        if hangs {
            centre.hung_until = centre.hung_until.max(until);
            self.riders.iter_mut().for_each(|rider| rider.nonsense_until = until);
        }
        centre.take(Event::ReleaseAll);
        for (controller, port) in centre.ports.iter_mut().enumerate() {
            port.withhold(now, true);
            if port.is_up && port.armed {
                self.oracle.withheld(controller, now);
            }
        }
        self.withheld_until = Some(until);
        self.note(|| format!("release of all until {}, the planner hangs: {hangs}", until.0));
        for controller in 0..self.devices.len() {
            self.port(controller, None);
        }
    }

    /// Release of all ends by itself here; the missions are given anew.
    pub fn withhold(&mut self) {
        let now = self.now;
        if self.withheld_until.is_none_or(|until| now < until) {
            return;
        }
        self.withheld_until = None;
        if let Some(centre) = &mut self.centre {
            centre.missions.clear();
            centre.ports.iter_mut().for_each(|port| port.withhold(now, false));
        }
    }

    /// What lasted its time is over.
    pub fn mend(&mut self) {
        let now = self.now;
        for controller in 0..self.devices.len() {
            self.devices[controller].feed(now);
            if self.weathers[controller].1 == now {
                self.weathers[controller].0 = Weather::CLEAR;
            }
            if self.ill_until[controller] == now && now > Millis::ZERO {
                self.mend_device(controller);
            }
        }
        if now >= self.weather_of_centre_ends() {
            self.sluggish = (0, Millis::ZERO);
        }
    }

    fn weather_of_centre_ends(&self) -> Millis {
        self.sluggish.1
    }

    fn mend_device(&mut self, controller: usize) {
        let hazardous = self.devices[controller].hazard != Unsafe::No;
        self.devices[controller].mend();
        if hazardous {
            self.reboot(controller);
        }
        let numbers: Vec<u8> =
            self.scenario.network.controllers[controller].detectors.iter().map(|d| d.number).collect();
        for number in numbers {
            self.devices[controller].station.emulator_mut().detector_hold(number, false);
        }
    }

    /// The faults are over: everything works from now on.
    pub fn all_is_well(&mut self) {
        let now = self.now;
        self.note(|| "the faults are over".into());
        for controller in 0..self.devices.len() {
            self.weathers[controller] = (Weather::CLEAR, Millis::ZERO);
            self.mend_device(controller);
            self.ill_until[controller] = Millis::ZERO;
            self.in_trouble(controller, now + Millis::from_s(60));
        }
        self.sluggish = (0, Millis::ZERO);
        (self.disk.failed, self.disk.stalled_until) = (false, Millis::ZERO);
        (self.wall_off_ms, self.wall_drift_ppm) = (0, 0);
        self.withheld_until = self.withheld_until.map(|_| now);
        if let Some(centre) = &mut self.centre {
            // A freeze ends by itself: what waits for its end must not be overtaken.
            centre.hung_until = now;
        }
        for n in 0..self.riders.len() {
            self.riders[n].trouble = Trouble::None;
            self.riders[n].stands_until = Millis::ZERO;
        }
    }
}

fn lie_word(lie: &Lie) -> &'static str {
    match lie {
        Lie::None => "well",
        Lie::Mute => "answers nothing",
        Lie::Dead => "is not reached",
        Lie::Deaf => "accepts and does nothing",
        Lie::Refusing => "refuses",
        Lie::Late(_) => "answers late",
        Lie::WrongId => "answers with a wrong id",
        Lie::Stale(_) => "shows what was",
    }
}
