//! `[policy]`: how much is asked, for whom, where and when. `docs/policy.md` tells it with examples.

use std::collections::BTreeSet;

use clearway_certify::Class;
use clearway_network::{LineId, Network};
use clearway_planner::DutyId;
use clearway_planner::policy::{Classes, Effect, Hours, PolicyFault, Quota, Rule, Scope};
use clearway_signals::ControllerId;
use schemars::JsonSchema;
use serde::Deserialize;

use super::millis;
use super::recovery::RecoveryEntry;

/// Duties that a policy may name.
const DUTIES_MAX: usize = 64;
/// The least urgent priority.
const PRIORITY_LAST: u8 = 3;

/// How much is asked, and for whom.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Controllers asked at a time ahead of one emergency vehicle, 1 to 64.
    pub signals_ahead_max: u16,
    /// Green stands at least this long before the vehicle arrives, seconds, 0 to 60.
    pub lead_s: f64,
    /// Probability that an emergency vehicle finds its window open at a signal, per cent, 50 to 99.9.
    pub stop_free_pct: f64,
    /// That is the probability of its whole way, not of each signal.
    pub stop_free_whole_way: bool,
    /// No request is held longer, seconds, 5 to 120.
    pub hold_max_s: f64,
    /// Pause at a controller after a request that was not served, seconds, 0 to 600.
    pub lockout_s: f64,
    /// A row is kept for so long at most after its emergency vehicle has passed, where the controller is
    /// then back in its plan sooner, seconds, 0 to 15.
    pub release_hold_max_s: f64,
    /// How controllers come back into their plans.
    pub recovery: RecoveryEntry,
    /// Trams and buses later than this ask for priority, seconds, -3600 to 3600.
    pub tram_late_s: i32,
    /// Trams and buses ask when they are this near in time, seconds, 5 to 120.
    pub tram_horizon_s: f64,
    /// The site's time zone, by its IANA name, for rules with hours.
    pub time_zone: Option<String>,
    /// Zones: controllers under one name.
    #[serde(rename = "zone")]
    pub zones: Vec<ZoneEntry>,
    /// Duties: kinds of missions under one name.
    #[serde(rename = "duty")]
    pub duties: Vec<DutyEntry>,
    /// Rules, tried in their order; the first that fits decides.
    #[serde(rename = "rule")]
    pub rules: Vec<RuleEntry>,
    /// Bounds on what rules allow.
    #[serde(rename = "quota")]
    pub quotas: Vec<QuotaEntry>,
}

/// Controllers under one name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneEntry {
    /// Its name.
    pub name: String,
    /// The model's ids of its controllers.
    pub controllers: Vec<String>,
}

/// A kind of missions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DutyEntry {
    /// Its name.
    pub name: String,
    /// Beginnings of the codes of its cases (`C04`), or whole labels (`transport`). The first duty that
    /// fits counts.
    pub codes: Vec<String>,
    /// Priority of its missions where the source gives none, 0 (vital) to 3; 1 when not given.
    #[serde(default)]
    pub priority: Option<u8>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectEntry {
    /// Requests may be made.
    Allow,
    /// Requests are not made.
    Refuse,
}

/// A class of vehicles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassEntry {
    /// Emergency vehicles.
    Emergency,
    /// Trams.
    Tram,
    /// Buses.
    Bus,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeekdayEntry {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A rule. What is not given sets no condition.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// Its name: every grant and refusal that it decides says it.
    pub name: String,
    /// What it does.
    pub effect: EffectEntry,
    /// Classes of vehicles.
    #[serde(default)]
    pub classes: Vec<ClassEntry>,
    /// Missions of this priority or a more urgent one, 0 to 3.
    #[serde(default)]
    pub priority_max: Option<u8>,
    /// Names of duties.
    #[serde(default)]
    pub duties: Vec<String>,
    /// Designations of transit lines.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Names of zones.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Ids of controllers, beside those of the zones.
    #[serde(default)]
    pub controllers: Vec<String>,
    /// Days on which the hours begin; every day when not given.
    #[serde(default)]
    pub weekdays: Vec<WeekdayEntry>,
    /// Begin of the hours, local time, `hh:mm`.
    #[serde(default)]
    pub from: Option<String>,
    /// End of the hours, `hh:mm`; at or before the begin: on the next day.
    #[serde(default)]
    pub to: Option<String>,
    /// Trams and buses: only when at least so late, seconds; `tram_late_s` when not given.
    #[serde(default)]
    pub late_s: Option<i32>,
}

/// What a quota counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PerEntry {
    /// Each vehicle by itself.
    Vehicle,
    /// The controllers of `zone`.
    Zone,
    /// Everything.
    City,
}

/// A bound on grants.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaEntry {
    /// Its name: every refusal that it decides says it.
    pub name: String,
    /// What is counted together.
    pub per: PerEntry,
    /// Classes of vehicles; all when not given.
    #[serde(default)]
    pub classes: Vec<ClassEntry>,
    /// Name of the zone, with `per = "zone"`.
    #[serde(default)]
    pub zone: Option<String>,
    /// Grants within an hour.
    #[serde(default)]
    pub per_hour: Option<u32>,
    /// Controllers held at once.
    #[serde(default)]
    pub at_once: Option<u32>,
}

/// Why a policy does not fit the network.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A name that the network or the policy does not have.
    #[error("policy: {0}")]
    Unknown(String),
    /// Too large.
    #[error("policy: {0}")]
    TooLarge(#[from] PolicyFault),
}

impl Default for Policy {
    fn default() -> Self {
        let planner = clearway_planner::Config::default();
        Self {
            signals_ahead_max: u16::try_from(planner.signals_ahead_max).unwrap_or(u16::MAX),
            lead_s: planner.lead.as_s(),
            stop_free_pct: percent(planner.stop_free_permille),
            stop_free_whole_way: planner.stop_free_whole_way,
            hold_max_s: planner.hold_max.as_s(),
            lockout_s: planner.lockout.as_s(),
            release_hold_max_s: planner.release_hold_max.as_s(),
            recovery: RecoveryEntry::default(),
            tram_late_s: planner.tram_late_s,
            tram_horizon_s: planner.tram_horizon.as_s(),
            time_zone: None,
            zones: Vec::new(),
            duties: Vec::new(),
            rules: Vec::new(),
            quotas: Vec::new(),
        }
    }
}

/// A fault of the policy: the key, what is wrong, the cure.
type PolicyFlaw = (&'static str, String, &'static str);

/// Thousandths of the engine as per cent of the file.
#[allow(clippy::cast_precision_loss)] // At most a thousand.
fn percent(permille: i64) -> f64 {
    permille as f64 / 10.0
}

/// Per cent of the file as thousandths of the engine.
#[allow(clippy::cast_possible_truncation)] // Saturates; ranges are checked.
fn permille(percent: f64) -> i64 {
    (percent * 10.0).round() as i64
}

impl Policy {
    /// The planner's settings under this policy.
    #[must_use]
    pub fn planner(&self) -> clearway_planner::Config {
        clearway_planner::Config {
            signals_ahead_max: usize::from(self.signals_ahead_max),
            lead: millis(self.lead_s),
            stop_free_permille: permille(self.stop_free_pct),
            stop_free_whole_way: self.stop_free_whole_way,
            hold_max: millis(self.hold_max_s),
            lockout: millis(self.lockout_s),
            release_hold_max: millis(self.release_hold_max_s),
            recovery: self.recovery.planner(),
            tram_late_s: self.tram_late_s,
            tram_horizon: millis(self.tram_horizon_s),
            ..clearway_planner::Config::default()
        }
    }

    /// The duties, for whoever takes missions in.
    #[must_use]
    pub fn duties(&self) -> Duties {
        Duties(self.duties.clone())
    }

    /// The site's time zone; UTC when none is given.
    #[must_use]
    pub fn zone(&self) -> Option<jiff::tz::TimeZone> {
        let Some(name) = &self.time_zone else { return Some(jiff::tz::TimeZone::UTC) };
        jiff::tz::TimeZone::get(name).ok()
    }

    /// Rules and quotas by the network's own numbers.
    ///
    /// # Errors
    /// A name that the network does not have, or more than there is room for.
    pub fn rules(&self, network: &Network) -> Result<clearway_planner::policy::Policy, PolicyError> {
        let rules = self.rules.iter().map(|rule| self.rule(rule, network)).collect::<Result<_, _>>()?;
        let quotas = self.quotas.iter().map(|quota| self.quota(quota, network)).collect::<Result<_, _>>()?;
        Ok(clearway_planner::policy::Policy::new(rules, quotas)?)
    }

    fn rule(&self, entry: &RuleEntry, network: &Network) -> Result<Rule, PolicyError> {
        let unknown = |what: &str, name: &str| {
            PolicyError::Unknown(format!("rule `{}` names {what} `{name}`, which does not exist", entry.name))
        };
        let mut controllers = Vec::new();
        for zone in &entry.zones {
            controllers.extend(self.zone_of(zone, network).ok_or_else(|| unknown("the zone", zone))?);
        }
        for name in &entry.controllers {
            controllers.push(controller(network, name).ok_or_else(|| unknown("the controller", name))?);
        }
        let mut lines = Vec::new();
        for name in &entry.lines {
            let known = lines.len();
            lines.extend(lines_of(network, name));
            if lines.len() == known {
                return Err(unknown("the line", name));
            }
        }
        let duty = |name: &String| self.duty(name).ok_or_else(|| unknown("the duty", name));
        Ok(Rule {
            name: entry.name.clone(),
            effect: match entry.effect {
                EffectEntry::Allow => Effect::Allow { late_s: entry.late_s },
                EffectEntry::Refuse => Effect::Refuse,
            },
            classes: classes(&entry.classes),
            priority_max: entry.priority_max,
            duties: entry.duties.iter().map(duty).collect::<Result<_, _>>()?,
            lines,
            controllers,
            hours: entry.hours(),
        })
    }

    fn quota(&self, entry: &QuotaEntry, network: &Network) -> Result<Quota, PolicyError> {
        let zone = entry.zone.as_deref().unwrap_or_default();
        let unknown = || {
            PolicyError::Unknown(format!(
                "quota `{}` names the zone `{zone}`, which does not exist",
                entry.name
            ))
        };
        let scope = match entry.per {
            PerEntry::Vehicle => Scope::Vehicle,
            PerEntry::City => Scope::City,
            PerEntry::Zone => Scope::Zone(self.zone_of(zone, network).ok_or_else(unknown)?),
        };
        let (per_hour, at_once) = (entry.per_hour, entry.at_once);
        Ok(Quota { name: entry.name.clone(), classes: classes(&entry.classes), scope, per_hour, at_once })
    }

    fn zone_of(&self, name: &str, network: &Network) -> Option<Vec<ControllerId>> {
        let zone = self.zones.iter().find(|zone| zone.name == name)?;
        zone.controllers.iter().map(|id| controller(network, id)).collect()
    }

    fn duty(&self, name: &str) -> Option<DutyId> {
        let at = self.duties.iter().position(|duty| duty.name == name)?;
        u8::try_from(at).ok().map(DutyId)
    }

    /// What is wrong with it, as far as it shows without the network.
    #[must_use]
    pub fn faults(&self, model_controllers: Option<&[&str]>) -> Vec<PolicyFlaw> {
        let mut faults = Vec::new();
        if self.zone().is_none() {
            let name = self.time_zone.as_deref().unwrap_or_default();
            let cure = "Write an IANA name, as in `Europe/Helsinki`; the system's time zone data is read.";
            faults.push(("time_zone", format!("`{name}` is no time zone known here"), cure));
        }
        if self.duties.len() > DUTIES_MAX {
            let message = format!("{} duties; at most {DUTIES_MAX}", self.duties.len());
            faults.push(("duty", message, "Join some."));
        }
        self.name_faults(&mut faults);
        self.range_faults(&mut faults);
        self.reference_faults(model_controllers, &mut faults);
        faults
    }

    fn name_faults(&self, faults: &mut Vec<PolicyFlaw>) {
        let mut twice = |key: &'static str, names: Vec<&String>| {
            let mut known = BTreeSet::new();
            for name in names {
                if name.trim().is_empty() || !known.insert(name) {
                    let message = format!("a {key} is named `{name}` twice, or has no name");
                    faults.push((
                        key,
                        message,
                        "Give each one its own name: people read it in every reason.",
                    ));
                }
            }
        };
        twice("zone", self.zones.iter().map(|zone| &zone.name).collect());
        twice("duty", self.duties.iter().map(|duty| &duty.name).collect());
        let quotas = self.quotas.iter().map(|quota| &quota.name);
        twice("rule", self.rules.iter().map(|rule| &rule.name).chain(quotas).collect());
    }

    fn range_faults(&self, faults: &mut Vec<PolicyFlaw>) {
        let duties = self.duties.iter().map(|duty| ("duty", &duty.name, duty.priority));
        let rules = self.rules.iter().map(|rule| ("rule", &rule.name, rule.priority_max));
        for (key, name, priority) in duties.chain(rules) {
            if priority.is_some_and(|priority| priority > PRIORITY_LAST) {
                faults.push((key, format!("`{name}`: no such priority"), "Write 0 (vital) to 3."));
            }
        }
        for rule in &self.rules {
            let timed = rule.from.is_some() || rule.to.is_some() || !rule.weekdays.is_empty();
            if timed && rule.hours().is_none() {
                let message = format!("`{}`: its hours are not two times of day", rule.name);
                faults.push(("rule", message, "Write both, as in from = \"07:00\", to = \"09:30\"."));
            }
            if timed && self.time_zone.is_none() {
                let message = format!("`{}` has hours, and the site has no time zone", rule.name);
                faults.push(("rule", message, "Write time_zone = \"Europe/Helsinki\" into [policy]."));
            }
            if rule.late_s.is_some() && rule.effect == EffectEntry::Refuse {
                let message = format!("`{}` refuses, and yet has a lateness", rule.name);
                faults.push(("rule", message, "Remove late_s, or write effect = \"allow\"."));
            }
        }
        for quota in &self.quotas {
            if quota.per_hour.is_none() && quota.at_once.is_none() {
                let message = format!("`{}` bounds nothing", quota.name);
                faults.push(("quota", message, "Give per_hour, at_once, or both."));
            }
            if (quota.per == PerEntry::Zone) != quota.zone.is_some() {
                let message = format!("`{}`: zone and per = \"zone\" belong together", quota.name);
                faults.push(("quota", message, "Give both or neither."));
            }
        }
    }

    fn reference_faults(&self, model_controllers: Option<&[&str]>, faults: &mut Vec<PolicyFlaw>) {
        let known_zone = |name: &String| self.zones.iter().any(|zone| zone.name == *name);
        let named = self
            .rules
            .iter()
            .flat_map(|r| &r.zones)
            .chain(self.quotas.iter().filter_map(|q| q.zone.as_ref()));
        for name in named.filter(|name| !known_zone(name)) {
            faults.push((
                "zone",
                format!("there is no zone `{name}`"),
                "Write a [[policy.zone]] of that name.",
            ));
        }
        for name in self.rules.iter().flat_map(|rule| &rule.duties).filter(|name| self.duty(name).is_none()) {
            faults.push((
                "duty",
                format!("there is no duty `{name}`"),
                "Write a [[policy.duty]] of that name.",
            ));
        }
        let Some(known) = model_controllers else { return };
        let zones = self.zones.iter().flat_map(|zone| &zone.controllers);
        for id in zones.chain(self.rules.iter().flat_map(|rule| &rule.controllers)) {
            if !known.contains(&id.as_str()) {
                let cure = "Use an id of the model's signal_controller table.";
                faults.push(("zone", format!("the model has no controller `{id}`"), cure));
            }
        }
    }
}

impl RuleEntry {
    fn hours(&self) -> Option<Hours> {
        let (from, to) = (minute(self.from.as_deref()?)?, minute(self.to.as_deref()?)?);
        let days = self.weekdays.iter().fold(0, |set, day| set | 1 << (*day as u8));
        let weekdays = if self.weekdays.is_empty() { 0b111_1111 } else { days };
        (from < 1_440).then_some(Hours { weekdays, from, to })
    }
}

/// `hh:mm` as minutes of the day, 00:00 to 24:00.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| {
        let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| is_number)
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= 1_440).then_some(minute)
}

fn classes(entries: &[ClassEntry]) -> Classes {
    let class = |entry: &ClassEntry| match entry {
        ClassEntry::Emergency => Class::Emergency,
        ClassEntry::Tram => Class::Tram,
        ClassEntry::Bus => Class::Bus,
    };
    if entries.is_empty() { Classes::ALL } else { entries.iter().map(class).fold(Classes(0), Classes::with) }
}

fn controller(network: &Network, name: &str) -> Option<ControllerId> {
    network.controllers.iter().find(|controller| controller.name == name).map(|controller| controller.id)
}

fn lines_of<'a>(network: &'a Network, designation: &'a str) -> impl Iterator<Item = LineId> + 'a {
    let lines = (0..).map(LineId).zip(&network.lines);
    lines.filter(move |(_, line)| line.designation == designation).map(|(id, _)| id)
}

/// The duties of a policy.
#[derive(Clone, Debug, Default)]
pub struct Duties(Vec<DutyEntry>);

impl Duties {
    /// The duty of a case, by its code or its label, and the priority of its missions where the source
    /// gives none.
    #[must_use]
    pub fn find(&self, code: &str, label: &str) -> Option<(DutyId, Option<u8>)> {
        let fits = |beginning: &String| {
            let of_code = !beginning.is_empty() && code.starts_with(beginning.as_str());
            of_code || label.eq_ignore_ascii_case(beginning)
        };
        let at = self.0.iter().position(|duty| duty.codes.iter().any(fits))?;
        Some((DutyId(u8::try_from(at).ok()?), self.0[at].priority))
    }
}

#[cfg(test)]
mod tests;
