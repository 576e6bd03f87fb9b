//! The policy as it is written in the first record: a replay must judge as the run did.

use clearway_network::LineId;
use clearway_planner::DutyId;
use clearway_planner::policy::{Classes, Effect, Hours, Policy, Quota, Rule, Scope};
use clearway_signals::ControllerId;
use serde::{Deserialize, Serialize};

/// Mirror of `Policy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WirePolicy {
    rules: Vec<WireRule>,
    quotas: Vec<WireQuota>,
}

/// Mirror of `Rule`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct WireRule {
    name: String,
    refuses: bool,
    late_s: Option<i32>,
    classes: u8,
    priority_max: Option<u8>,
    duties: Vec<u8>,
    lines: Vec<u16>,
    controllers: Vec<u16>,
    /// Weekdays, first minute, end.
    hours: Option<(u8, u16, u16)>,
}

/// Mirror of `Quota`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct WireQuota {
    name: String,
    classes: u8,
    scope: WireScope,
    per_hour: Option<u32>,
    at_once: Option<u32>,
}

/// Mirror of `Scope`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum WireScope {
    Vehicle,
    Zone(Vec<u16>),
    City,
}

fn numbers(controllers: &[ControllerId]) -> Vec<u16> {
    controllers.iter().map(|controller| controller.0).collect()
}

fn controllers(numbers: &[u16]) -> Vec<ControllerId> {
    numbers.iter().copied().map(ControllerId).collect()
}

impl From<&Policy> for WirePolicy {
    fn from(policy: &Policy) -> Self {
        let rule = |rule: &Rule| WireRule {
            name: rule.name.clone(),
            refuses: rule.effect == Effect::Refuse,
            late_s: match rule.effect {
                Effect::Allow { late_s } => late_s,
                Effect::Refuse => None,
            },
            classes: rule.classes.0,
            priority_max: rule.priority_max,
            duties: rule.duties.iter().map(|duty| duty.0).collect(),
            lines: rule.lines.iter().map(|line| line.0).collect(),
            controllers: numbers(&rule.controllers),
            hours: rule.hours.map(|hours| (hours.weekdays, hours.from, hours.to)),
        };
        let quota = |quota: &Quota| WireQuota {
            name: quota.name.clone(),
            classes: quota.classes.0,
            scope: match &quota.scope {
                Scope::Vehicle => WireScope::Vehicle,
                Scope::Zone(zone) => WireScope::Zone(numbers(zone)),
                Scope::City => WireScope::City,
            },
            per_hour: quota.per_hour,
            at_once: quota.at_once,
        };
        Self {
            rules: policy.rules().iter().map(rule).collect(),
            quotas: policy.quotas().iter().map(quota).collect(),
        }
    }
}

impl WirePolicy {
    /// The policy again; the empty one when it is larger than any policy may be.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let rule = |wire: &WireRule| Rule {
            name: wire.name.clone(),
            effect: if wire.refuses { Effect::Refuse } else { Effect::Allow { late_s: wire.late_s } },
            classes: Classes(wire.classes),
            priority_max: wire.priority_max,
            duties: wire.duties.iter().copied().map(DutyId).collect(),
            lines: wire.lines.iter().copied().map(LineId).collect(),
            controllers: controllers(&wire.controllers),
            hours: wire.hours.map(|(weekdays, from, to)| Hours { weekdays, from, to }),
        };
        let quota = |wire: &WireQuota| Quota {
            name: wire.name.clone(),
            classes: Classes(wire.classes),
            scope: match &wire.scope {
                WireScope::Vehicle => Scope::Vehicle,
                WireScope::Zone(zone) => Scope::Zone(controllers(zone)),
                WireScope::City => Scope::City,
            },
            per_hour: wire.per_hour,
            at_once: wire.at_once,
        };
        let rules = self.rules.iter().map(rule).collect();
        Policy::new(rules, self.quotas.iter().map(quota).collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_certify::Class;

    #[test]
    fn a_policy_comes_back_as_it_was_written() {
        let rule = Rule {
            name: "no buses at the peak".into(),
            effect: Effect::Refuse,
            classes: Classes::of(Class::Bus),
            priority_max: Some(2),
            duties: vec![DutyId(3)],
            lines: vec![LineId(4), LineId(5)],
            controllers: vec![ControllerId(6)],
            hours: Some(Hours { weekdays: 0b1_1111, from: 420, to: 540 }),
        };
        let late = Rule { effect: Effect::Allow { late_s: Some(120) }, hours: None, ..rule.clone() };
        let zone = Scope::Zone(vec![ControllerId(1), ControllerId(9)]);
        let quota = |scope| Quota {
            name: "quota".into(),
            classes: Classes::ALL,
            scope,
            per_hour: Some(60),
            at_once: None,
        };
        let quotas = vec![quota(Scope::Vehicle), quota(zone), quota(Scope::City)];
        let policy = Policy::new(vec![rule, late], quotas).unwrap();
        let wire = WirePolicy::from(&policy);
        let bytes = postcard::to_stdvec(&wire).unwrap();
        assert_eq!(postcard::from_bytes::<WirePolicy>(&bytes).unwrap().policy(), policy);
    }
}
