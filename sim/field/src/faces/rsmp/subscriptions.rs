//! Subscriptions of one supervisor: which values, how often, whether on change.

use clearway_rsmp::frame::StatusValue;
use clearway_rsmp::sxl::{Argument, Entry};
use clearway_signals::Millis;
use serde_json::Value;

use super::tlc::Component;
use super::wire::status_value;

/// One subscribed value.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub component: Component,
    pub status: &'static Entry,
    pub name: &'static Argument,
    /// Between two updates; `None`: on change alone.
    pub every: Option<Millis>,
    pub on_change: bool,
    due: Millis,
    last: Value,
}

/// How a value is subscribed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rate {
    pub every: Option<Millis>,
    pub on_change: bool,
}

/// All of them; each value at most once, so they are bounded by the list times the components.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subscriptions(Vec<Subscription>);

impl Subscriptions {
    /// Subscribe to a value, or change the rate of a subscription; whether it is new.
    pub fn set(
        &mut self,
        component: Component,
        (status, name): (&'static Entry, &'static Argument),
        rate: Rate,
        now: Millis,
    ) -> bool {
        let due = rate.every.map_or(Millis::NEVER, |every| now + every);
        if let Some(known) = self.find(component, status.code, name.name) {
            (known.every, known.on_change, known.due) = (rate.every, rate.on_change, due);
            return false;
        }
        let Rate { every, on_change } = rate;
        self.0.push(Subscription { component, status, name, every, on_change, due, last: Value::Null });
        true
    }

    pub fn remove(&mut self, component: Component, code: &str, name: &str) {
        self.0.retain(|s| !(s.component == component && s.status.code == code && s.name.name == name));
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn has(&self, code: &str) -> bool {
        self.0.iter().any(|subscription| subscription.status.code == code)
    }

    /// Remember what was sent at once.
    pub fn sent(&mut self, component: Component, code: &str, name: &str, value: &Value) {
        if let Some(known) = self.find(component, code, name) {
            known.last = value.clone();
        }
    }

    fn find(&mut self, component: Component, code: &str, name: &str) -> Option<&mut Subscription> {
        self.0.iter_mut().find(|s| s.component == component && s.status.code == code && s.name.name == name)
    }

    /// The values that are due or have changed, by component. A change starts the interval anew.
    pub fn due(
        &mut self,
        now: Millis,
        mut read: impl FnMut(&Subscription) -> Option<Value>,
    ) -> Vec<(Component, Vec<StatusValue>)> {
        let mut due: Vec<(Component, Vec<StatusValue>)> = Vec::new();
        for subscription in &mut self.0 {
            let is_due = subscription.due <= now;
            if !is_due && !subscription.on_change {
                continue;
            }
            let Some(value) = read(subscription) else { continue };
            if !is_due && value == subscription.last {
                continue;
            }
            subscription.due = subscription.every.map_or(Millis::NEVER, |every| now + every);
            subscription.last = value.clone();
            let sent = status_value(subscription.status.code, subscription.name.name, Some(value));
            match due.iter_mut().find(|(component, _)| *component == subscription.component) {
                Some((_, values)) => values.push(sent),
                None => due.push((subscription.component, vec![sent])),
            }
        }
        due
    }
}

/// Seconds with decimals, as text; 0 is no interval. `None` for what is none, or beyond a day.
pub(crate) fn interval(text: &str) -> Option<Option<Millis>> {
    const DAY_S: f64 = 86_400.0;
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = text.parse().ok().filter(|seconds| plain && *seconds <= DAY_S)?;
    #[allow(clippy::cast_possible_truncation)]
    let ms = (seconds * 1000.0).round() as i64;
    Some((ms > 0).then_some(Millis(ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_seconds_with_decimals() {
        assert_eq!(interval("2.5"), Some(Some(Millis(2_500))));
        assert_eq!(interval("0"), Some(None));
        for wrong in ["", "-1", "1e3", "NaN", "inf", "90000", "1,5", "."] {
            assert_eq!(interval(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_change_starts_the_interval_anew() {
        let status = clearway_rsmp::sxl::status("S0014", clearway_rsmp::Sxl::V1_1).unwrap();
        let value = (status, status.argument("status", clearway_rsmp::Sxl::V1_1).unwrap());
        let rate = Rate { every: Some(Millis::from_s(5)), on_change: true };
        let mut subscriptions = Subscriptions::default();
        assert!(subscriptions.set(Component::Main, value, rate, Millis::ZERO));
        let mut at =
            |s: i64, value: &str| !subscriptions.due(Millis::from_s(s), |_| Some(value.into())).is_empty();
        assert!(at(2, "1"), "a change");
        assert!(!at(6, "1"), "five seconds after the change, not after the subscription");
        assert!(at(7, "1"));
        assert!(!at(11, "1") && at(12, "1"));
        assert!(!subscriptions.set(Component::Main, value, rate, Millis::ZERO), "known already");
    }
}
