//! What the engine's notices mean, in one sentence each.

use clearway_certify::Finding;
use clearway_contract::plainly;
use clearway_network::{LineId, Network};
use clearway_planner::detour::Action;
use clearway_planner::policy::RuleId;
use clearway_planner::turns::Precedence;
use clearway_planner::wave::Skip;
use clearway_planner::{Notice, Reason};
use clearway_signals::{ControllerId, GroupId, Millis, RequestState, VehicleId};

/// How much a sentence matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// For the record.
    Info,
    /// Worth a look.
    Notice,
    /// Something does not work as it should.
    Warning,
}

impl Severity {
    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
        }
    }
}

/// Names for sentences.
pub struct Names<'a> {
    /// The network.
    pub network: &'a Network,
    /// Label of a vehicle.
    pub vehicle: &'a dyn Fn(VehicleId) -> String,
    /// Name of a rule or quota of the policy.
    pub rule: &'a dyn Fn(RuleId) -> String,
}

impl Names<'_> {
    /// A line in one direction, as people say it.
    fn line(&self, id: LineId) -> String {
        let Some(line) = self.network.lines.get(id.index()) else { return "An unknown line".into() };
        let end = line.calls.last().and_then(|call| self.network.stops.get(call.stop.index()));
        match end {
            Some(stop) => format!("Line {} to {}", line.designation, stop.name),
            None => format!("Line {}", line.designation),
        }
    }

    fn at(&self, id: ControllerId) -> &str {
        self.network.controller(id).map_or("an unknown controller", |c| &c.title)
    }
}

/// The sentence of a notice.
#[must_use]
pub fn sentence(notice: &Notice, names: &Names<'_>) -> (Severity, String) {
    let vehicle = |id: &VehicleId| (names.vehicle)(*id);
    let at = |id: &ControllerId| names.at(*id).to_owned();
    match notice {
        Notice::MissionStarted(_, v) => (Severity::Notice, format!("{} is on a mission.", vehicle(v))),
        Notice::MissionEnded(_) => (Severity::Notice, "A mission ended; its requests are released.".into()),
        Notice::MissionRefused(_) => (
            Severity::Warning,
            "A mission was refused: unknown vehicle, or too many missions at once.".into(),
        ),
        Notice::Routed { length_m, signals, .. } => {
            (Severity::Info, format!("Route found: {length_m} m with {signals} signals that can be asked."))
        }
        Notice::NoRoute(_) => (
            Severity::Warning,
            "No lawful way leads to the destination; only the signal ahead is asked.".into(),
        ),
        Notice::OffRoute(_) => (Severity::Notice, "The vehicle left its route; a new one is sought.".into()),
        Notice::Called { vehicle: v, controller, rule, .. } => {
            let allowed =
                rule.map_or_else(String::new, |r| format!(": rule \"{}\" allows it", (names.rule)(r)));
            (Severity::Info, format!("{} asks for {}{allowed}.", vehicle(v), at(controller)))
        }
        Notice::Denied { vehicle: v, controller, rule } => {
            let name = (names.rule)(*rule);
            (Severity::Notice, format!("{} may not ask for {}: rule \"{name}\".", vehicle(v), at(controller)))
        }
        Notice::PutOff { vehicle: v, controller, first, why } => (
            Severity::Info,
            format!("{} waits at {}: {}.", vehicle(v), at(controller), goes_first(*first, *why, names)),
        ),
        Notice::Starving { vehicle: v, controller, group } => (
            Severity::Notice,
            format!("{} waits at {}: {}.", vehicle(v), at(controller), starving(*controller, *group, names)),
        ),
        Notice::Released { vehicle: v, controller, reason, .. } => {
            (Severity::Info, format!("{} released for {}: {}.", at(controller), vehicle(v), why(*reason)))
        }
        Notice::Moved { controller, state, .. } => moved(&at(controller), *state),
        Notice::Refused(v, finding) => (
            Severity::Warning,
            format!("The checker refused a request of {}: {}.", vehicle(v), found(finding, names)),
        ),
        Notice::Silence(v) => {
            (Severity::Warning, format!("{} is silent; nothing new is asked for it.", vehicle(v)))
        }
        Notice::NoPriorityChannel(v, controller) => {
            (Severity::Info, format!("{} has no priority channel for {}.", at(controller), vehicle(v)))
        }
        Notice::Diverted { line, vehicle: v, action, extra, skipped } => {
            let who =
                v.map_or_else(|| names.line(*line), |v| format!("{} of {}", vehicle(&v), names.line(*line)));
            (Severity::Notice, format!("{who} {}.", diverted(*action, *extra, *skipped)))
        }
        Notice::LineRestored(line) => {
            (Severity::Notice, format!("{} runs as planned again.", names.line(*line)))
        }
        Notice::Returning { controller, within } => (
            Severity::Info,
            format!("{} is expected back in its plan in {:.0} s.", at(controller), within.as_s()),
        ),
        Notice::Recovered(controller) => (Severity::Info, format!("{} is back in its plan.", at(controller))),
    }
}

/// What a diversion means, as the rest of a sentence.
fn diverted(action: Action, extra: Millis, skipped: u16) -> String {
    let minutes = (extra.0 + 30_000) / 60_000;
    let stops = match skipped {
        0 => "no stop is left out".to_owned(),
        1 => "1 stop is left out".to_owned(),
        n => format!("{n} stops are left out"),
    };
    match action {
        Action::Detour => format!("goes around the closed track, about {minutes} min longer; {stops}"),
        Action::ShortTurn => format!("turns back before the closed track; {stops}"),
        Action::Hold => format!("waits before the closed track, about {minutes} min"),
    }
}

fn moved(at: &str, state: RequestState) -> (Severity, String) {
    let severity = match state {
        RequestState::Rejected | RequestState::Cooldown | RequestState::Stale => Severity::Warning,
        _ => Severity::Info,
    };
    let why = match state {
        // Only the controller's own word leads here.
        RequestState::Rejected | RequestState::Cooldown => format!(": {}", plainly(state)),
        _ => String::new(),
    };
    (severity, format!("{at}: the request is {}{why}.", state.word()))
}

/// Why a request was released, as the end of a sentence.
#[must_use]
pub const fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::CheckedOut => "it has passed",
        Reason::Silent => "its position source fell silent",
        Reason::MissionOver => "the mission is over",
        Reason::LeftRoute => "it took another way",
        Reason::HoldOver => "the longest hold is over",
        Reason::Yielded => "a vehicle of higher order goes first",
        Reason::Refused => "the checker no longer agrees",
        Reason::Ended => "the controller has ended the request",
        Reason::Operator => "an operator released everything, or the engine stops",
        Reason::NoLongerNeeded => "it no longer needs help",
    }
}

/// Who goes first and why, as the end of a sentence.
fn goes_first(first: VehicleId, why: Precedence, names: &Names<'_>) -> String {
    let first = (names.vehicle)(first);
    match why {
        Precedence::Called => format!("{first} has called it already"),
        Precedence::MoreUrgent => format!("{first} is more urgent and goes first"),
        Precedence::LessDelay => format!("{first} goes first, so that all together lose least"),
        Precedence::SameGreen => format!("{first} holds the same green and hands it on"),
    }
}

/// Who has its green first, as the end of a sentence.
fn starving(controller: ControllerId, group: GroupId, names: &Names<'_>) -> String {
    let site = names.network.controller(controller);
    let name = site.and_then(|site| site.group_names.get(group.index())).map_or("?", String::as_str);
    format!("signal group {name} has been red for too long because of emergency vehicles, and goes first")
}

/// Why a signal is not asked, as a sentence; empty when it is.
#[must_use]
pub fn skipped(skip: Skip, names: &Names<'_>) -> String {
    match skip {
        Skip::No => String::new(),
        Skip::NotArmed => "The controller is not armed: nothing is written to it.".into(),
        Skip::NotServing => "The controller is in a mode that serves no requests.".into(),
        Skip::NoRow => "The model binds no request row for this path.".into(),
        Skip::TooFar => "Too far ahead to be asked yet.".into(),
        Skip::Behind(first, why) => format!("Asked later: {}.", goes_first(first, why, names)),
        Skip::Denied(rule) => format!("Rule \"{}\" refuses it.", (names.rule)(rule)),
        Skip::Lockout => "The last request here has just ended.".into(),
        Skip::Starving(_) => "Asked later: others have been red for too long and go first.".into(),
        Skip::Refused(finding) => format!("The checker refused it: {}.", found(&finding, names)),
    }
}

/// What the checker found, as a part of a sentence.
#[must_use]
pub fn found(finding: &Finding, names: &Names<'_>) -> String {
    match finding {
        Finding::TooManyRequests => "too many requests in one plan".into(),
        Finding::UnknownController(c) => format!("{} is unknown", names.at(*c)),
        Finding::UnknownRow(c) => format!("{} has no such row", names.at(*c)),
        Finding::NotOurs(c) => format!("the row at {} belongs to somebody else", names.at(*c)),
        Finding::WrongClass(c) => format!("the row at {} is for another class of vehicle", names.at(*c)),
        Finding::NotCapable(c) => format!("the binding of {} cannot carry it", names.at(*c)),
        Finding::OutranksRail(c) => format!("the row at {} would outrank a rail row", names.at(*c)),
        Finding::PathNotServed(c) => format!("the row at {} does not serve the whole path", names.at(*c)),
        Finding::DwellConflict(c) => format!("dwell groups of {} conflict", names.at(*c)),
        Finding::UnboundedEntry(c) => format!("no bound can be given for the entry at {}", names.at(*c)),
        Finding::TimesOutOfOrder(c) => format!("the times at {} are out of order", names.at(*c)),
        Finding::HoldTooLong(c) => format!("the hold at {} would be too long", names.at(*c)),
        Finding::ControllerTaken(c) => format!("{} serves another request of ours", names.at(*c)),
    }
}
