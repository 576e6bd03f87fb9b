//! The green wave of one emergency vehicle: when each row on its way is called and released.
//!
//! Planning notes 4.2: t_call = A_lo − T_Q − T_T − T_L, t_release = min(check-out, A_hi + clear,
//! t_green + hold), A(i+1) = max(A(i), green(i)) + link; sought anew at every fix.

use clearway_certify::Finding;
use clearway_network::{LinkId, Network};
use clearway_signals::limits::{ROUTE_LINKS_MAX, ROUTE_SIGNALS_MAX};
use clearway_signals::{GroupId, Millis, RequestId, RequestRow, RequestState, VehicleId};

use crate::along::SignalOnWay;
use crate::arrival::{Arrival, Forecast, Profile, Sum};
use crate::config::Config;
use crate::cycle::{Approach, Cycle};
use crate::event::Mission;
use crate::learn::{Learned, Period, Trip};
use crate::permits::Permit;
use crate::policy::RuleId;
use crate::queue::Queue;
use crate::tracking::Track;
use crate::transition::time_to_green_now;
use crate::turns::{Precedence, Times, Turn};
use crate::watch::Watch;

/// Beyond this a plan is only a forecast; it is worked out when the vehicle comes nearer.
const HORIZON: Millis = Millis::from_s(150);
/// Calls that may be due so soon are timed by what the controller shows and will show.
const NEAR: Millis = Millis(1_500);
/// A fire engine brakes like this when it must, millimetres a second squared.
const BRAKING_MM_S2: i64 = 2_500;

/// Why a signal of the way is not asked, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Skip {
    /// It is asked, or will be.
    #[default]
    No,
    /// The controller did not pass the arming gate.
    NotArmed,
    /// The controller is in a mode that serves no requests.
    NotServing,
    /// The model binds no row for this path.
    NoRow,
    /// Too many controllers ahead already.
    TooFar,
    /// It is asked, only later: another vehicle goes first.
    Behind(VehicleId, Precedence),
    /// A rule or a quota of the policy refuses it.
    Denied(RuleId),
    /// The last request there has just ended unserved.
    Lockout,
    /// It is asked, only later: this group has been red for too long because of emergency vehicles (S12).
    Starving(GroupId),
    /// The checker refused it.
    Refused(Finding),
}

impl Skip {
    /// Whether the signal is called, now or later: after another vehicle, or after those who wait.
    #[must_use]
    pub(crate) const fn wants_call(self) -> bool {
        matches!(self, Self::No | Self::Behind(..) | Self::Starving(_))
    }
}

/// One signal of a wave.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WaveSignal {
    /// Where it stands on the way.
    pub place: SignalOnWay,
    /// The request, from the first call on.
    pub request: Option<RequestId>,
    /// Where that request stands; only the controller's status moves it.
    pub state: RequestState,
    /// Grows with each command of the request.
    pub revision: u32,
    /// Whether we hold the row called now.
    pub asserted: bool,
    /// Since when.
    pub asserted_at: Millis,
    /// When the row is to be called.
    pub call_at: Millis,
    /// When the vehicle arrives at the stop line.
    pub arrival: Arrival,
    /// When green is expected, the queue not counted.
    pub green_at: Millis,
    /// When the row is released at the latest.
    pub release_at: Millis,
    /// Until when the row is kept although the vehicle has passed; zero: that was not decided.
    pub keep_until: Millis,
    /// Whether the vehicle has passed.
    pub passed: bool,
    /// Expected time along the way to the stop line.
    pub along: Sum,
    /// The arrival that the call was timed by.
    pub called: Arrival,
    /// The early end of the window that the call was timed by.
    pub window_from: Millis,
    /// Whether that window was compared with what came.
    pub judged: bool,
    /// When it would be called, green and released with no other vehicle about.
    pub wish: Times,
    /// Its place in the order of all vehicles.
    pub turn: Turn,
    /// The vehicle that was last reported as going first here.
    pub told_behind: Option<VehicleId>,
    /// What the policy says.
    pub permit: Permit,
    /// Why it is not asked.
    pub skip: Skip,
    /// No new request before this.
    pub blocked_until: Millis,
}

impl WaveSignal {
    fn new(place: SignalOnWay) -> Self {
        Self {
            place,
            request: None,
            state: RequestState::Received,
            revision: 0,
            asserted: false,
            asserted_at: Millis::ZERO,
            call_at: Millis::NEVER,
            arrival: Arrival::default(),
            green_at: Millis::NEVER,
            release_at: Millis::NEVER,
            keep_until: Millis::ZERO,
            passed: false,
            along: Sum::default(),
            called: Arrival::default(),
            window_from: Millis::NEVER,
            judged: false,
            wish: Times::default(),
            turn: Turn::default(),
            told_behind: None,
            permit: Permit::default(),
            skip: Skip::TooFar,
            blocked_until: Millis::ZERO,
        }
    }
}

/// What a wave is planned against.
pub struct Setting<'a> {
    /// The network.
    pub network: &'a Network,
    /// The settings.
    pub config: &'a Config,
    /// Every controller as watched.
    pub watches: &'a [Watch],
    /// The queue of every link.
    pub queues: &'a [Queue],
    /// Worst entry of every row: `worst[controller][row]`.
    pub worst: &'a [Vec<Millis>],
    /// The plan of every controller, second by second.
    pub cycles: &'a [Cycle],
    /// What was learned of links, drivers and forecasts.
    pub learned: &'a Learned,
    /// The period of the week.
    pub period: Period,
}

/// The wave of one mission.
#[derive(Clone, Debug, Default)]
pub struct Wave {
    /// The mission; `None`: this place is free.
    pub mission: Option<Mission>,
    /// Since when the mission is known: part of the total order of vehicles (S11).
    pub since: Millis,
    /// An operator released it; nothing is called until the mission is given anew.
    pub suspended: bool,
    /// The way, link by link.
    pub way: Vec<LinkId>,
    /// Distance to the end of each link, millimetres.
    pub ends_mm: Vec<i64>,
    /// The signals of the way, in order.
    pub signals: Vec<WaveSignal>,
    /// The vehicle on the way; `None` before the first fix that lies on the network.
    pub track: Option<Track>,
    /// The expected times along the way.
    pub profile: Profile,
    /// What the trip teaches.
    pub trip: Trip,
    /// When all of it was last planned.
    pub planned_far_at: Millis,
    /// When it was last planned.
    pub planned_at: Millis,
    /// When all of it was last certified.
    pub looked_ahead_at: Millis,
    /// Whether the signals of the way have had their turns among other vehicles'.
    pub has_turns: bool,
    /// How much later than alone the vehicle is through its signals, as the last plan of all has it.
    pub put_off: Millis,
    /// When the vehicle arrives at the end of the way.
    pub arrives: Millis,
    /// Whether the silence of the source was reported.
    pub silent: bool,
}

impl Wave {
    /// A free place with all its buffers.
    #[must_use]
    pub fn with_buffers() -> Self {
        Self {
            way: Vec::with_capacity(ROUTE_LINKS_MAX),
            ends_mm: Vec::with_capacity(ROUTE_LINKS_MAX),
            signals: Vec::with_capacity(ROUTE_SIGNALS_MAX),
            profile: Profile::with_capacity(ROUTE_LINKS_MAX),
            ..Self::default()
        }
    }

    /// Forget the mission, keep the buffers.
    pub fn free(&mut self) {
        self.mission = None;
        self.suspended = false;
        self.way.clear();
        self.ends_mm.clear();
        self.signals.clear();
        self.track = None;
        self.silent = false;
        self.has_turns = false;
        self.put_off = Millis::ZERO;
        self.trip = Trip::default();
        self.planned_at = Millis::ZERO;
        self.planned_far_at = Millis::ZERO;
        self.looked_ahead_at = Millis::ZERO;
    }

    /// Put the signals of a new way in; requests under way at the same row are kept.
    pub fn set_signals(&mut self, places: &[SignalOnWay]) {
        let old = self.signals.len();
        for place in places.iter().take(ROUTE_SIGNALS_MAX) {
            let mut signal = WaveSignal::new(*place);
            let same = |s: &&mut WaveSignal| {
                s.asserted && s.place.controller == place.controller && s.place.row == place.row
            };
            if let Some(kept) = self.signals[..old].iter_mut().find(same) {
                signal = WaveSignal { place: *place, ..*kept };
                kept.asserted = false;
            }
            self.signals.push(signal);
        }
        self.signals.drain(..old);
        self.has_turns = false;
    }

    /// How long the source may be silent before its calls are taken back (S15).
    #[must_use]
    pub fn silence(&self) -> Millis {
        use clearway_signals::limits::{SILENCE_MAX, SILENCE_MIN};
        let cadence = self.track.map_or(Millis::ZERO, |t| t.cadence);
        (cadence + cadence + cadence).max(SILENCE_MIN).min(SILENCE_MAX)
    }

    /// Whether the last fix is young enough for a new call (S15: two cadences).
    #[must_use]
    pub fn may_call(&self, now: Millis) -> bool {
        self.track.is_some_and(|t| now.since(t.fix_at) <= (t.cadence + t.cadence).max(Millis(2_500)))
    }

    /// The end of the lease that the last fix supports for a signal (S15).
    ///
    /// A vehicle that can no longer stop before the line is waited for until it must have passed.
    #[must_use]
    pub fn lease_end(&self, signal: &WaveSignal) -> Millis {
        let Some(track) = self.track else { return Millis::ZERO };
        let silence_over = track.fix_at + self.silence();
        if self.is_bound_to_pass(signal) { silence_over.max(signal.release_at) } else { silence_over }
    }

    /// Whether the vehicle can no longer stop before the line.
    #[must_use]
    pub fn is_bound_to_pass(&self, signal: &WaveSignal) -> bool {
        self.track.is_some_and(|track| {
            let left_mm = signal.place.stop_line_mm - track.at_mm;
            let stopping_mm = track.speed_mm_s * track.speed_mm_s / (2 * BRAKING_MM_S2) + track.speed_mm_s;
            left_mm <= stopping_mm && track.speed_mm_s > 0
        })
    }

    /// Sum the way up anew if more is known of its links than before.
    pub fn renew_profile(&mut self, setting: &Setting<'_>) {
        if self.profile.is_outdated(setting.learned, setting.period) {
            self.set_profile(setting.network, setting.learned, setting.period);
        }
    }

    /// Sum the way up by what is known of its links; after every change of the way and its signals.
    pub fn set_profile(&mut self, network: &Network, learned: &Learned, period: Period) {
        self.profile.fill(network, &self.way, learned, period);
        for signal in &mut self.signals {
            signal.along = self.profile.at(&self.ends_mm, signal.place.stop_line_mm);
        }
        self.planned_far_at = Millis::ZERO;
    }

    /// Work out when each signal is reached, called and released.
    ///
    /// A position changes the signals that may soon be asked; what lies beyond them is a forecast for
    /// people and is worked out once a second (`far`).
    pub fn plan(&mut self, setting: &Setting<'_>, now: Millis, far: bool) {
        let Some(track) = self.track else { return };
        let far = far || self.planned_far_at == Millis::ZERO;
        let mut forecast = Forecast::start(&track, &self.profile, &self.ends_mm, setting.config, now);
        let first = self.signals.iter().position(|s| !s.passed).unwrap_or(self.signals.len());
        let window = Window::of(setting, self.signals.len());
        for (ahead, signal) in self.signals[first..].iter_mut().filter(|s| !s.passed).enumerate() {
            signal.arrival = forecast.reach(signal.along);
            let was = signal.skip;
            signal.skip = skip(signal, setting, ahead, now);
            if signal.skip == Skip::No {
                time_signal(signal, setting, &window, now);
                forecast.wait_until(&signal.arrival, signal.green_at);
                signal.wish_and_settle();
            } else if !signal.asserted {
                signal.call_at = Millis::NEVER;
                signal.release_at = Millis::NEVER;
                // Who is too far ahead is asked in time: nobody will wait there.
                let waits = signal.skip != Skip::TooFar;
                let mean = signal.arrival.mean;
                signal.green_at = if waits { unasked_green(signal, setting, mean) } else { mean };
                forecast.wait_until(&signal.arrival, signal.green_at);
                if !far && !waits && was == Skip::TooFar {
                    break;
                }
            }
        }
        if far {
            self.arrives = forecast.reach(self.profile.at_end_of(usize::MAX)).mean;
            self.planned_far_at = now;
        }
        self.planned_at = now;
    }
}

/// The window of a plan: between which standard scores of an arrival green is to stand.
struct Window {
    early_milli: i64,
    late_milli: i64,
}

impl Window {
    fn of(setting: &Setting<'_>, signals: usize) -> Self {
        let config = setting.config;
        Self {
            early_milli: setting.learned.early_milli(config.risk_ppm(signals)),
            late_milli: setting.learned.late_milli(),
        }
    }
}

/// Whether and why a signal is left alone.
fn skip(signal: &WaveSignal, setting: &Setting<'_>, ahead: usize, now: Millis) -> Skip {
    let watch = &setting.watches[signal.place.controller.index()];
    if signal.place.row.is_none() {
        Skip::NoRow
    } else if !watch.armed {
        Skip::NotArmed
    } else if !watch.serves() {
        Skip::NotServing
    } else if is_too_far(signal, setting.config, ahead, now) {
        Skip::TooFar
    } else if now < signal.blocked_until && !signal.asserted {
        Skip::Lockout
    } else if let Some(rule) = signal.permit.refused_by(now).filter(|_| !signal.asserted) {
        Skip::Denied(rule)
    } else {
        Skip::No
    }
}

/// Whether a signal is left for later. Who may ask for all signals of a way looks ahead without end.
fn is_too_far(signal: &WaveSignal, config: &Config, ahead: usize, now: Millis) -> bool {
    let whole_way = config.signals_ahead_max >= ROUTE_SIGNALS_MAX;
    ahead >= config.signals_ahead_max || (!whole_way && signal.arrival.mean > now + HORIZON)
}

/// When the plan of a controller that is not asked lets the vehicle through.
fn unasked_green(signal: &WaveSignal, setting: &Setting<'_>, arrival: Millis) -> Millis {
    let index = signal.place.controller.index();
    setting.watches[index]
        .cycle_zero()
        .and_then(|zero| setting.cycles[index].planned_green(zero, signal.place.wanted, arrival))
        .unwrap_or(arrival)
}

/// The times of a signal that is asked.
fn time_signal(signal: &mut WaveSignal, setting: &Setting<'_>, window: &Window, now: Millis) {
    let config = setting.config;
    let id = signal.place.controller;
    let (Some(controller), Some(row_id)) = (setting.network.controller(id), signal.place.row) else { return };
    let row = &controller.rows[row_id.index()];
    let watch = &setting.watches[id.index()];
    let link = signal.place.approach;
    let approach = Approach {
        queue: setting.queues[link.index()],
        group: signal.place.wanted.iter().next().unwrap_or_default(),
        lanes: setting.network.link(link).lanes,
        startup: config.startup,
        headway: config.headway,
        start_wave: config.start_wave,
    };
    let window_from = approach.early_arrival(&signal.arrival, window.early_milli);
    if !signal.asserted {
        signal.called = signal.arrival;
        signal.window_from = window_from;
        signal.judged = false;
    }
    let target = window_from - config.lead - config.reaction;
    let worst = setting.worst[id.index()][row_id.index()];
    // Far ahead the certain instant will do; the latest one is sought when it comes near.
    let certain = (target - approach.clearing(worst) - worst).max(now);
    let near = certain <= now + NEAR && target > now;
    let discharge;
    if signal.asserted || near || target <= now {
        let present = time_to_green_now(controller, row, watch, now);
        discharge = approach.clearing(present);
        signal.call_at = match watch.cycle_zero() {
            _ if signal.asserted => signal.asserted_at,
            Some(zero) if near && watch.is_fresh(now) && watch.in_step(controller) => {
                setting.cycles[id.index()].latest_call(row_id, zero, now, target, &approach)
            }
            _ => certain,
        };
        let under_way = signal.asserted || signal.call_at <= now;
        signal.green_at = if under_way { now + present } else { signal.call_at.max(target - discharge) };
    } else {
        discharge = approach.clearing(worst);
        signal.call_at = certain;
        signal.green_at = certain.max(target - discharge);
    }
    let through = signal.arrival.quantile(window.late_milli).max(signal.green_at + discharge);
    let span_mm = signal.place.exit_mm - signal.place.stop_line_mm + config.clear_mm;
    let clearing = Millis(span_mm / 5) + Millis(2_000);
    signal.release_at = (through + clearing).min(signal.call_at + hold_bound(row, config));
}

/// The longest hold of a row: ours, and well inside the controller's own maximum presence.
fn hold_bound(row: &RequestRow, config: &Config) -> Millis {
    (row.max_presence - Millis::from_s(5)).min(config.hold_max).max(Millis::from_s(1))
}
