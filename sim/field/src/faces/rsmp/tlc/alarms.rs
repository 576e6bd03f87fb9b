//! Alarms: active, acknowledged, suspended; what is told of them.

use clearway_rsmp::frame::{self, AlarmValue};
use clearway_rsmp::sxl::Entry;
use clearway_rsmp::time::timestamp;
use clearway_rsmp::{Message, Sxl};

use super::super::memory::AlarmMemory;
use super::{Component, Names};

/// What an alarm message is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Matter {
    Issue,
    Acknowledge,
    Suspend,
}

/// The state of one alarm of one component.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub alarm: &'static Entry,
    pub component: Component,
    pub active: bool,
    acknowledged: bool,
    pub suspended: bool,
    issued_ms: i64,
    acknowledged_ms: i64,
    suspended_ms: i64,
}

/// The alarms that the controller can raise, and those that were ever heard of; bounded by the list times
/// the components.
#[derive(Clone, Debug)]
pub(crate) struct Alarms(Vec<State>);

impl Alarms {
    /// These, all at rest.
    pub fn new(raised: impl Iterator<Item = (&'static Entry, Component)>, now_ms: i64) -> Self {
        let mut alarms = Self(Vec::new());
        for (alarm, component) in raised {
            alarms.state(alarm, component, now_ms);
        }
        alarms
    }

    /// The state of an alarm, made at rest when nothing was heard of it yet.
    pub fn state(&mut self, alarm: &'static Entry, component: Component, now_ms: i64) -> &mut State {
        let known = self.0.iter().position(|s| s.alarm.code == alarm.code && s.component == component);
        let place = known.unwrap_or_else(|| {
            self.0.push(State {
                alarm,
                component,
                active: false,
                acknowledged: true,
                suspended: false,
                issued_ms: now_ms,
                acknowledged_ms: now_ms,
                suspended_ms: now_ms,
            });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    /// An alarm is or is no longer there; the state when that is news to be sent.
    pub fn set(
        &mut self,
        alarm: &'static Entry,
        component: Component,
        active: bool,
        now_ms: i64,
    ) -> Option<State> {
        let known = self.0.iter().any(|s| s.alarm.code == alarm.code && s.component == component);
        if !known && !active {
            return None;
        }
        let state = self.state(alarm, component, now_ms);
        if state.active == active {
            return None;
        }
        state.active = active;
        state.acknowledged &= !active;
        state.issued_ms = now_ms;
        (!state.suspended).then_some(*state)
    }

    /// Every alarm, or those that are active or suspended: what a supervisor is told at the start.
    pub fn told(&self, all: bool) -> impl Iterator<Item = &State> {
        self.0.iter().filter(move |state| all || state.active || state.suspended)
    }

    /// Whether an alarm of this urgency is active.
    pub fn any_active(&self, priority: u8) -> bool {
        self.0.iter().any(|state| state.active && state.alarm.priority == priority)
    }
}

impl State {
    /// What a restart must not lose; nothing where it is at rest.
    pub fn memory(&self, names: &Names) -> Option<AlarmMemory> {
        (self.active || self.suspended || !self.acknowledged).then(|| AlarmMemory {
            code: self.alarm.code.into(),
            component: names.of(self.component),
            active: self.active,
            acknowledged: self.acknowledged,
            suspended: self.suspended,
            times_unix_ms: [self.issued_ms, self.acknowledged_ms, self.suspended_ms],
        })
    }

    /// As it stood before a restart.
    pub fn recall(&mut self, memory: &AlarmMemory) {
        (self.active, self.acknowledged, self.suspended) =
            (memory.active, memory.acknowledged, memory.suspended);
        [self.issued_ms, self.acknowledged_ms, self.suspended_ms] = memory.times_unix_ms;
    }

    pub fn acknowledge(&mut self, now_ms: i64) {
        self.acknowledged = true;
        self.acknowledged_ms = now_ms;
    }

    pub fn suspend(&mut self, suspended: bool, now_ms: i64) {
        self.suspended = suspended;
        self.suspended_ms = now_ms;
    }

    /// The message, without its id.
    pub fn report(&self, matter: Matter, names: &Names, plan: u8, sxl: Sxl) -> Message {
        let (kind, at_ms) = match matter {
            Matter::Issue => ("Issue", self.issued_ms),
            Matter::Acknowledge => ("Acknowledge", self.acknowledged_ms),
            Matter::Suspend => ("Suspend", self.suspended_ms),
        };
        let word = |on: bool, yes: &str, no: &str| Some(if on { yes } else { no }.to_owned());
        let component = names.of(self.component);
        Message::Alarm(frame::Alarm {
            code: self.alarm.code.into(),
            kind: kind.into(),
            acknowledged: word(self.acknowledged, "Acknowledged", "notAcknowledged"),
            state: word(self.active, "Active", "inActive"),
            suspended: word(self.suspended, "Suspended", "notSuspended"),
            at: Some(timestamp(at_ms)),
            category: Some("D".into()),
            priority: Some(self.alarm.priority.to_string()),
            values: Some(self.values(&component, plan, sxl)),
            component,
            ..frame::Alarm::default()
        })
    }

    /// The values that the list gives to the alarm.
    fn values(&self, component: &str, plan: u8, sxl: Sxl) -> Vec<AlarmValue> {
        let given = self.alarm.arguments.iter().filter(|argument| argument.is_in(sxl));
        let value = |name: &'static str| match name {
            "protocol" => "rsmp".into(),
            "timeplan" => plan.to_string(),
            "color" => "red".into(),
            "detector" => component.to_owned(),
            "type" => "loop".into(),
            "errormode" => "on".into(),
            "manual" => "False".into(),
            _ => "always_on".into(),
        };
        given
            .map(|argument| AlarmValue {
                name: argument.name.into(),
                value: serde_json::Value::String(value(argument.name)),
            })
            .collect()
    }
}
