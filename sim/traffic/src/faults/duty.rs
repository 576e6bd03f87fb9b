//! Who drives where: missions and lines, told to the centre, and reports that reach it.

use clearway_planner::{Event, Mission, TransitUpdate, VehicleFix};
use clearway_signals::{GroupSet, Millis, MissionId};

use super::packet::Due;
use super::planted::Planted;
use super::rider::{Duty, Report};
use super::run::{Run, WALL_MS};

impl Run<'_> {
    /// By controller, the groups before which a vehicle waits.
    pub fn demands(&self) -> Vec<GroupSet> {
        let mut demands = vec![GroupSet::EMPTY; self.devices.len()];
        for line in self.riders.iter().filter_map(|rider| rider.waits_at(self.scenario)) {
            let known = &mut demands[line.controller.index()];
            *known = known.with(line.group);
        }
        demands
    }

    pub fn riders_go_on(&mut self) {
        let now = self.now;
        for n in 0..self.riders.len() {
            let arrives = self.riders[n].step(self.scenario, &self.devices, now);
            if arrives {
                self.arrives(n);
            }
            if let Duty::Idle(until) = self.riders[n].duty
                && now >= until
                && now < self.quiet_from - Millis::from_s(60)
            {
                self.sets_out(n);
            }
            if now >= self.quiet_from && self.riders[n].duty == Duty::Driving {
                self.gives_up(n);
            }
            let reports = self.riders[n].reports(self.scenario, now, &mut self.rng);
            for (report, late) in reports {
                let at = now + Millis(20 + (self.rng.next_u64() % 60).cast_signed()) + late;
                self.agenda.schedule(at, Due::Report { rider: n, report });
            }
        }
        self.tell_missions();
    }

    pub fn sets_out(&mut self, n: usize) {
        let ways = if self.riders[n].is_emergency { &self.scenario.ways } else { &self.scenario.lines };
        let way = usize::try_from(self.rng.next_u64() % ways.len() as u64).unwrap_or(0);
        self.riders[n].set_out(way, self.now);
        if self.riders[n].is_emergency {
            self.riders[n].mission = Some(MissionId(self.next_mission));
            self.next_mission += 1;
        }
    }

    fn arrives(&mut self, n: usize) {
        self.gives_up(n);
        let after_faults = self.now > self.faults_end + Millis::from_s(60);
        self.arrived += u64::from(after_faults && self.riders[n].is_emergency);
        let pause = Millis(5_000 + (self.rng.next_u64() % 60_000).cast_signed());
        self.riders[n].duty = Duty::Idle(self.now + pause);
    }

    /// The duty is over: arrived, cancelled, out of service.
    pub fn gives_up(&mut self, n: usize) {
        let vehicle = self.riders[n].vehicle;
        let mission = self.riders[n].mission.take();
        self.riders[n].duty = Duty::Idle(self.now + Millis::from_s(20));
        let event = mission.map_or(Event::TransitEnd(vehicle), Event::MissionEnd);
        if let Some(centre) = &mut self.centre {
            centre.take(event);
        }
    }

    /// The dispatchers' system tells the centre each mission until it is known.
    fn tell_missions(&mut self) {
        if self.now.0 % 1_000 != 0 || self.withheld_until.is_some() {
            return;
        }
        let Some(centre) = &mut self.centre else { return };
        if self.now < centre.frozen_until {
            return;
        }
        for rider in &self.riders {
            let Some(id) = rider.mission.filter(|id| !centre.missions.contains(id)) else { continue };
            centre.missions.push(id);
            let destination = rider.way_of(self.scenario).destination;
            centre.take(Event::Mission(Mission::new(id, rider.vehicle, destination)));
        }
    }

    pub fn report(&mut self, n: usize, report: Report) {
        let (now, wall_ms) = (self.now, self.wall_ms());
        let Some(centre) = &mut self.centre else { return };
        if report.genuine {
            self.riders[n].heard(now);
        }
        let rider = &self.riders[n];
        let received = match self.settings.planted {
            Some(Planted::WallClock) => Millis(wall_ms - WALL_MS),
            _ => now,
        };
        let Report { place, heading_deg, speed_mps, degraded, .. } = report;
        let (vehicle, cadence) = (rider.vehicle, rider.cadence);
        let fix = VehicleFix { vehicle, received, place, heading_deg, speed_mps, degraded, cadence };
        let event = match rider.line(self.scenario) {
            Some(line) if rider.mission.is_none() && !rider.is_emergency => {
                Event::Transit(TransitUpdate { fix, line, lateness_s: Some(90), doors_open: Some(false) })
            }
            _ => Event::Fix(fix),
        };
        if rider.duty == Duty::Driving && centre.knows_vehicle(n) {
            centre.take(event);
            self.work_off();
        }
    }
}
