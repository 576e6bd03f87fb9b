//! The engine: one closed set of events, one loop over them.

use clearway_certify::{Ask, Class, Command, release, worst_case_entry};
use clearway_network::{LineId, LinkId, Network};
use clearway_signals::limits::{MISSIONS_MAX, ROUTE_LINKS_MAX, ROUTE_SIGNALS_MAX};
use clearway_signals::{
    ControllerId, ControllerStatus, Epoch, Millis, MissionId, PreemptState, RequestId, RequestState,
    RequestStep, RowId, VehicleId,
};
use std::sync::Arc;

use crate::along::SignalOnWay;
use crate::config::{Config, VehicleInfo};
use crate::contend::Contest;
use crate::cycle::Cycle;
use crate::detour::Detours;
use crate::event::{Counts, Event, LocalTime, Mission, VehicleFix};
use crate::learn::{Learned, Period, Way};
use crate::output::{Notice, Output, Reason};
use crate::permits::Permits;
use crate::policy::Policy;
use crate::queue::Queue;
use crate::seek::Seeker;
use crate::transit::{Dwells, Headways, LinePlan, Transit};
use crate::turns::Turns;
use crate::watch::{Closing, Watch};
use crate::wave::{Wave, WaveSignal};

/// Between fixes a wave is planned anew after this.
const REPLAN: Millis = Millis(1_000);
/// Recovery that takes longer than this is no longer awaited.
const RECOVERY_MAX: Millis = Millis::from_s(300);

/// The planner's whole state.
#[derive(Debug)]
pub struct Engine {
    pub(crate) network: Arc<Network>,
    pub(crate) config: Config,
    pub(crate) epoch: Epoch,
    pub(crate) vehicles: Vec<VehicleInfo>,
    pub(crate) waves: Vec<Wave>,
    pub(crate) watches: Vec<Watch>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) worst: Vec<Vec<Millis>>,
    pub(crate) cycles: Vec<Cycle>,
    pub(crate) lines: Vec<LinePlan>,
    pub(crate) transits: Vec<Option<Transit>>,
    pub(crate) dwells: Dwells,
    pub(crate) headways: Headways,
    pub(crate) detours: Detours,
    pub(crate) next_request: u32,
    pub(crate) turns: Turns,
    pub(crate) contest: Contest,
    pub(crate) permits: Permits,
    /// Missions under way, those that an operator stopped included.
    pub(crate) missions: usize,
    pub(crate) local_time: LocalTime,
    pub(crate) learned: Learned,
    last_fixes: Vec<Option<VehicleFix>>,
    pub(crate) seeker: Seeker,
    pub(crate) places: Vec<SignalOnWay>,
    pub(crate) asks: Vec<Ask>,
    pub(crate) asked: Vec<usize>,
    /// The wave whose next fix was gone through last, and room for its signals meanwhile.
    pub(crate) rehearsed: usize,
    pub(crate) kept: Vec<WaveSignal>,
}

impl Engine {
    /// An engine for a network and a vehicle registry, under an epoch.
    #[must_use]
    pub fn new(network: Arc<Network>, vehicles: Vec<VehicleInfo>, config: Config, epoch: Epoch) -> Self {
        let worst = network
            .controllers
            .iter()
            .map(|c| {
                let entry = |row| worst_case_entry(&c.junction(), row).unwrap_or(Millis::from_s(60));
                c.rows.iter().map(entry).collect()
            })
            .collect();
        let lines: Vec<LinePlan> = (0..network.lines.len())
            .map(|i| LinePlan::new(&network, LineId(u16::try_from(i).unwrap_or(u16::MAX))))
            .collect();
        let known = vehicles.len();
        Self {
            config,
            epoch,
            waves: (0..MISSIONS_MAX).map(|_| Wave::with_buffers()).collect(),
            watches: vec![Watch::default(); network.controllers.len()],
            queues: vec![Queue::default(); network.links.len()],
            worst,
            cycles: network.controllers.iter().map(Cycle::new).collect(),
            dwells: Dwells::new(network.stops.len()),
            headways: Headways::new(lines.iter().map(|line| line.signals.len())),
            detours: Detours::default(),
            lines,
            transits: vec![None; vehicles.len()],
            last_fixes: vec![None; vehicles.len()],
            vehicles,
            next_request: 1,
            turns: Turns::new(&network),
            contest: Contest::new(&network, known),
            permits: Permits::new(Policy::default(), known),
            missions: 0,
            local_time: LocalTime::default(),
            learned: Learned::new(&network, config.link_cv_permille),
            seeker: Seeker::new(&network),
            places: Vec::with_capacity(ROUTE_LINKS_MAX.max(ROUTE_SIGNALS_MAX)),
            asks: Vec::with_capacity(ROUTE_SIGNALS_MAX),
            asked: Vec::with_capacity(ROUTE_SIGNALS_MAX),
            rehearsed: 0,
            kept: Vec::with_capacity(ROUTE_SIGNALS_MAX),
            network,
        }
    }

    /// The same engine under a policy; without one everybody may ask.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        let permits = Permits::new(policy, self.vehicles.len());
        Self { permits, ..self }
    }

    /// The policy: what rules and quotas are called.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.permits.policy()
    }

    /// Take one event in at `now`; what it causes is appended to `out`.
    pub fn apply(&mut self, event: &Event, now: Millis, out: &mut Output) {
        match event {
            Event::Fix(fix) => self.on_fix(fix, now, out),
            Event::Mission(mission) => self.on_mission(mission, now, out),
            Event::MissionEnd(mission) => self.on_mission_end(*mission, now, out),
            Event::Transit(update) => self.on_transit(update, now, out),
            Event::TransitEnd(vehicle) => self.on_transit_end(*vehicle, now, out),
            Event::Status(status) => self.on_status(status, now, out),
            Event::Ended(controller, request, state) => {
                self.on_ended(*controller, *request, *state, now, out);
            }
            Event::Armed(controller, armed) => self.on_armed(*controller, *armed),
            Event::Counts(counts) => self.on_counts(counts),
            Event::Blocked(link, until) => self.on_blocked(*link, *until, now, out),
            Event::TransitBlocked(link, until) => self.detours.note(*link, *until, now),
            Event::Load(vehicle, percent) => self.on_load(*vehicle, *percent),
            Event::LocalTime(time) => self.on_local_time(*time, out),
            Event::Learned(lesson) => self.learned.recall(lesson),
            Event::Tick => self.on_tick(now, out),
            Event::ReleaseAll => self.on_release_all(now, out),
        }
    }

    /// The network that is planned on.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The vehicle registry.
    #[must_use]
    pub fn vehicles(&self) -> &[VehicleInfo] {
        &self.vehicles
    }

    /// Whether a mission is under way.
    #[must_use]
    pub fn has_mission(&self) -> bool {
        self.waves.iter().any(|wave| wave.mission.is_some() && !wave.suspended)
    }

    /// What was learned of links, drivers and forecasts.
    #[must_use]
    pub fn learned(&self) -> &Learned {
        &self.learned
    }

    fn on_fix(&mut self, fix: &VehicleFix, now: Millis, out: &mut Output) {
        let Some(last) = self.last_fixes.get_mut(fix.vehicle.index()) else { return };
        if last.is_some_and(|l| l.received > fix.received) {
            return;
        }
        *last = Some(*fix);
        if let Some(i) = self.wave_of(fix.vehicle) {
            self.follow(i, fix, now, out);
            self.drive(i, now, out);
        }
    }

    /// The wave of a vehicle's active mission.
    fn wave_of(&self, vehicle: VehicleId) -> Option<usize> {
        self.waves.iter().position(|w| w.mission.is_some_and(|m| m.vehicle == vehicle))
    }

    /// Put a fix on the wave's way; seek a new way when it does not lie on the old one.
    fn follow(&mut self, i: usize, fix: &VehicleFix, now: Millis, out: &mut Output) {
        let network = Arc::clone(&self.network);
        let period = Period::of(self.local_time);
        let wave = &mut self.waves[i];
        wave.silent = false;
        let located = wave.track.and_then(|track| track.locate(&network, &wave.way, &wave.ends_mm, fix));
        if let (Some(at), Some(track)) = (located, wave.track.as_mut()) {
            let before_mm = track.at_mm;
            track.update(at, wave.profile.speed_mm_s(&wave.ends_mm, at), fix);
            let (links, ends_mm, profile) = (&wave.way, &wave.ends_mm, &wave.profile);
            let way = Way { network: &network, links, ends_mm, profile };
            wave.trip.measure(&mut self.learned, &way, track, period);
            wave.trip.judge(&mut self.learned, &mut wave.signals, before_mm, track);
        } else {
            if let (Some(_), Some(mission)) = (wave.track, wave.mission) {
                out.notice(Notice::OffRoute(mission.id));
            }
            self.seek_way(i, fix, now, out);
        }
    }

    /// The vehicle's last position.
    pub(crate) fn last_fix(&self, vehicle: VehicleId) -> Option<VehicleFix> {
        self.last_fixes.get(vehicle.index()).copied().flatten()
    }

    fn on_mission(&mut self, mission: &Mission, now: Millis, out: &mut Output) {
        // Only emergency vehicles go on missions, whatever a source says (S13).
        let class = self.vehicles.get(mission.vehicle.index()).map(|vehicle| vehicle.class);
        if class != Some(Class::Emergency) {
            out.notice(Notice::MissionRefused(mission.id));
            return;
        }
        // A vehicle drives one mission at a time; a new one replaces the old.
        if let Some(old) = self.wave_of(mission.vehicle) {
            if self.waves[old].mission == Some(*mission) && !self.waves[old].suspended {
                return;
            }
            self.end_wave(old, now, out);
        }
        let Some(free) = self.waves.iter().position(|w| w.mission.is_none()) else {
            out.notice(Notice::MissionRefused(mission.id));
            return;
        };
        self.waves[free].free();
        self.waves[free].mission = Some(*mission);
        self.waves[free].since = now;
        self.missions += 1;
        out.notice(Notice::MissionStarted(mission.id, mission.vehicle));
        let fresh = |fix: &VehicleFix| now.since(fix.received) <= Millis::from_s(10);
        if let Some(fix) = self.last_fixes[mission.vehicle.index()].filter(fresh) {
            self.follow(free, &fix, now, out);
            self.drive(free, now, out);
        }
    }

    fn on_mission_end(&mut self, mission: MissionId, now: Millis, out: &mut Output) {
        if let Some(i) = self.waves.iter().position(|w| w.mission.is_some_and(|m| m.id == mission)) {
            self.end_wave(i, now, out);
        }
    }

    fn end_wave(&mut self, i: usize, now: Millis, out: &mut Output) {
        self.release_wave(i, Reason::MissionOver, now, out);
        let wave = &mut self.waves[i];
        wave.trip.end(&mut self.learned, wave.track.as_ref());
        if let Some(mission) = self.waves[i].mission {
            out.notice(Notice::MissionEnded(mission.id));
        }
        self.missions -= usize::from(self.waves[i].mission.is_some());
        self.turns.stale = true;
        self.waves[i].free();
    }

    fn on_armed(&mut self, controller: ControllerId, armed: bool) {
        if let Some(watch) = self.watches.get_mut(controller.index()) {
            watch.armed = armed;
        }
    }

    fn on_counts(&mut self, counts: &Counts) {
        let Some(controller) = self.network.controller(counts.controller) else { return };
        let watch = &self.watches[counts.controller.index()];
        for (n, detector) in controller.detectors.iter().take(Counts::MAX).enumerate() {
            let green = approach_is_green(&self.network, watch, detector.link);
            let lanes = self.network.link(detector.link).lanes;
            let occupied = counts.occupied & (1 << n) != 0;
            self.queues[detector.link.index()].count(counts.vehicles[n], occupied, green, lanes, counts.at);
        }
    }

    fn on_status(&mut self, status: &ControllerStatus, now: Millis, out: &mut Output) {
        let network = Arc::clone(&self.network);
        let Some(controller) = network.controller(status.controller) else { return };
        let watch = &mut self.watches[status.controller.index()];
        watch.update(controller, status);
        for detector in &controller.detectors {
            let green = approach_is_green(&network, watch, detector.link);
            let lanes = network.link(detector.link).lanes;
            self.queues[detector.link.index()].discharge(green, lanes, self.config.headway, status.at);
        }
        self.move_requests(status, now, out);
        self.close(status, now, out);
    }

    /// The controller's own word moves a request on, and nothing else does.
    fn move_requests(&mut self, status: &ControllerStatus, now: Millis, out: &mut Output) {
        let Some(held) = self.watches[status.controller.index()].held else { return };
        let Some(step) = step_shown(status, held.row) else { return };
        let mut lost = None;
        for (i, wave) in self.waves.iter_mut().enumerate() {
            for (s, signal) in wave.signals.iter_mut().enumerate() {
                if signal.request == Some(held.request) {
                    if let Some(state) = signal.state.next(step) {
                        signal.state = state;
                        out.notice(Notice::Moved {
                            controller: status.controller,
                            request: held.request,
                            state,
                        });
                    }
                    lost = (step == RequestStep::Lose).then_some((i, s));
                }
            }
        }
        if let Some((i, s)) = lost {
            self.release_signal(i, s, Reason::HoldOver, now, out);
        }
        self.move_transit(status.controller, held.request, step, out);
    }

    /// Watch a released request until its call is seen gone and the controller is back in step.
    fn close(&mut self, status: &ControllerStatus, now: Millis, out: &mut Output) {
        let watch = &mut self.watches[status.controller.index()];
        let Some(mut closing) = watch.closing else { return };
        if status.at < closing.since || now.since(closing.since) > RECOVERY_MAX {
            watch.closing = watch.closing.filter(|_| now.since(closing.since) <= RECOVERY_MAX);
            return;
        }
        if !closing.gone && !status.asserted.contains(closing.row) {
            closing.gone = true;
            let state = if closing.served { RequestState::Completed } else { RequestState::Timeout };
            out.notice(Notice::Moved { controller: status.controller, request: closing.request, state });
        }
        let over = closing.gone && status.active.is_none();
        let recovered = over
            && self.network.controller(status.controller).is_some_and(|controller| watch.in_step(controller));
        if recovered {
            out.notice(Notice::Recovered(status.controller));
        }
        watch.closing = (!recovered).then_some(closing);
    }

    /// What is over is released, then turns are decided, then what is due is called: whoever waits for a
    /// vehicle that has passed goes on in the same tick.
    fn on_tick(&mut self, now: Millis, out: &mut Output) {
        for i in 0..self.waves.len() {
            if self.waves[i].mission.is_some() && self.waves[i].track.is_some() {
                if now.since(self.waves[i].planned_at) >= REPLAN {
                    self.plan_wave(i, now, false);
                }
                self.check_out(i, now, out);
            }
        }
        self.take_turns(now, out);
        for i in 0..self.waves.len() {
            if self.waves[i].mission.is_some() && self.waves[i].track.is_some() {
                self.call_due(i, now, out);
                self.look_ahead(i, now, out);
            }
        }
        self.tick_detours(now, out);
        self.tick_transit(now, out);
    }

    fn on_release_all(&mut self, now: Millis, out: &mut Output) {
        for i in 0..self.waves.len() {
            self.release_wave(i, Reason::Operator, now, out);
            self.waves[i].suspended = true;
        }
        self.turns.stale = true;
        self.release_all_transit(now, out);
    }

    /// A release command for a row of ours, and the watch until its end is seen.
    pub(crate) fn let_go(
        &mut self,
        controller: ControllerId,
        row: RowId,
        request: RequestId,
        revision: u32,
        served: bool,
        now: Millis,
    ) -> Option<Command> {
        let junction = self.network.controller(controller)?;
        let watch = &mut self.watches[controller.index()];
        let mut from = now;
        if let Some(held) = watch.held.take_if(|held| held.request == request) {
            from = held.from;
            watch.yields = false;
        }
        watch.closing = Some(Closing { request, row, served, since: now, from, gone: false });
        release(&junction.junction(), row, request, revision, self.epoch, now)
    }
}

/// Whether any movement out of a link shows green.
fn approach_is_green(network: &Network, watch: &Watch, link: LinkId) -> bool {
    network.leaving(link).filter_map(|(_, m)| m.signal).any(|s| watch.status.greens.contains(s.group))
}

/// What a status says of the request that we hold on `row`.
fn step_shown(status: &ControllerStatus, row: RowId) -> Option<RequestStep> {
    let ours_is_active = status.active == Some(row);
    match status.preempt {
        PreemptState::MaxPresence if ours_is_active => Some(RequestStep::Lose),
        PreemptState::EntryStarted
        | PreemptState::TrackService
        | PreemptState::Dwell
        | PreemptState::LinkActive
            if ours_is_active =>
        {
            Some(RequestStep::Activate)
        }
        // A request for priority is served without any preemption.
        PreemptState::NotActive | PreemptState::NotActiveWithCall if ours_is_active => {
            Some(RequestStep::Activate)
        }
        _ if status.asserted.contains(row) && !ours_is_active => Some(RequestStep::Queue),
        _ => None,
    }
}
