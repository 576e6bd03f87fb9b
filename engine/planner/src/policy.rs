//! Policy as data: who may ask for what, where and when, and how often.
//!
//! Rules are tried in their order; the first one whose conditions all hold decides. Where none fits,
//! asking is allowed. Quotas bound what rules allow, counted over the last hour or at this moment.
//! Both have names, and every grant and every refusal says which one decided.
//!
//! Evaluation allocates nothing and reads no clock: the local time is an input, the hour of a quota is
//! sixty minutes of the engine's own clock.

use clearway_certify::Class;
use clearway_network::LineId;
use clearway_signals::limits::{POLICY_LIST_MAX, POLICY_QUOTAS_MAX, POLICY_RULES_MAX};
use clearway_signals::{ControllerId, Millis, VehicleId};

use crate::event::{DutyId, LocalTime};

/// A rule or a quota, by its place in the policy: rules first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct RuleId(pub u16);

/// A set of classes of vehicles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Classes(pub u8);

impl Classes {
    /// Every class.
    pub const ALL: Self = Self(0b111);

    /// This class alone.
    #[must_use]
    pub const fn of(class: Class) -> Self {
        Self(match class {
            Class::Emergency => 1,
            Class::Tram => 2,
            Class::Bus => 4,
        })
    }

    /// With one class more.
    #[must_use]
    pub const fn with(self, class: Class) -> Self {
        Self(self.0 | Self::of(class).0)
    }

    /// Whether a class is in it.
    #[must_use]
    pub const fn contains(self, class: Class) -> bool {
        self.0 & Self::of(class).0 != 0
    }
}

/// Hours of the week, local time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hours {
    /// Bit 0 Monday to bit 6 Sunday: the days on which the hours begin.
    pub weekdays: u8,
    /// First minute of the day, 0 to 1439.
    pub from: u16,
    /// Minute of the day at which they end, 0 to 1440; not after `from`: on the next day.
    pub to: u16,
}

impl Hours {
    /// Whether an instant lies in them.
    #[must_use]
    pub const fn contain(&self, at: LocalTime) -> bool {
        let today = self.weekdays & (1 << (at.weekday % 7)) != 0;
        let yesterday = self.weekdays & (1 << ((at.weekday + 6) % 7)) != 0;
        if self.from < self.to {
            today && self.from <= at.minute && at.minute < self.to
        } else {
            (today && self.from <= at.minute) || (yesterday && at.minute < self.to)
        }
    }
}

/// What a rule does with the requests that it fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// They may be made.
    Allow {
        /// Trams and buses: only when they are at least so late, seconds; `None`: the usual threshold.
        late_s: Option<i32>,
    },
    /// They are not made.
    Refuse,
}

/// One rule. An empty list of duties, lines or controllers sets no condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Its name, for people.
    pub name: String,
    /// What it does.
    pub effect: Effect,
    /// Classes of vehicles.
    pub classes: Classes,
    /// Missions of this priority or a more urgent one.
    pub priority_max: Option<u8>,
    /// Duties of missions.
    pub duties: Vec<DutyId>,
    /// Transit lines.
    pub lines: Vec<LineId>,
    /// Controllers.
    pub controllers: Vec<ControllerId>,
    /// Hours. Unknown local time lies in none.
    pub hours: Option<Hours>,
}

/// What a quota counts together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Each vehicle by itself.
    Vehicle,
    /// These controllers.
    Zone(Vec<ControllerId>),
    /// Everything.
    City,
}

/// A bound on grants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quota {
    /// Its name, for people.
    pub name: String,
    /// Classes of vehicles that are counted, and bounded.
    pub classes: Classes,
    /// What is counted together.
    pub scope: Scope,
    /// Grants within an hour.
    pub per_hour: Option<u32>,
    /// Controllers held at once.
    pub at_once: Option<u32>,
}

/// Why a policy cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PolicyFault {
    /// More than there is room for.
    #[error("the policy has more rules, quotas or list entries than there is room for")]
    TooLarge,
}

/// The rules and quotas of a site.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    quotas: Vec<Quota>,
}

/// A request that is to be judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asking {
    /// The vehicle's class.
    pub class: Class,
    /// The mission's priority.
    pub priority: Option<u8>,
    /// The mission's duty.
    pub duty: Option<DutyId>,
    /// The line of a tram or bus.
    pub line: Option<LineId>,
    /// Where.
    pub controller: ControllerId,
    /// When; `None` while the local time is not known.
    pub at: Option<LocalTime>,
}

/// What the rules say of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ruling {
    /// Which rule decided; `None`: none fits.
    pub rule: Option<RuleId>,
    /// What it does.
    pub effect: Effect,
}

impl Ruling {
    /// The rule that refuses, if one does.
    #[must_use]
    pub fn refused_by(&self) -> Option<RuleId> {
        self.rule.filter(|_| self.effect == Effect::Refuse)
    }

    /// The lateness from which it allows to ask, or the usual one.
    #[must_use]
    pub fn late_s(&self, usual_s: i32) -> i32 {
        match self.effect {
            Effect::Allow { late_s: Some(late_s) } => late_s,
            _ => usual_s,
        }
    }
}

impl Policy {
    /// A policy of rules, tried in their order, and quotas.
    ///
    /// # Errors
    /// When there are more than [`POLICY_RULES_MAX`] rules, [`POLICY_QUOTAS_MAX`] quotas or
    /// [`POLICY_LIST_MAX`] entries in a list.
    pub fn new(rules: Vec<Rule>, quotas: Vec<Quota>) -> Result<Self, PolicyFault> {
        let lists = rules.iter().flat_map(|r| [r.duties.len(), r.lines.len(), r.controllers.len()]);
        let zones = quotas.iter().map(|q| if let Scope::Zone(zone) = &q.scope { zone.len() } else { 0 });
        let fits = rules.len() <= POLICY_RULES_MAX
            && quotas.len() <= POLICY_QUOTAS_MAX
            && lists.chain(zones).all(|entries| entries <= POLICY_LIST_MAX);
        if fits { Ok(Self { rules, quotas }) } else { Err(PolicyFault::TooLarge) }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The quotas.
    #[must_use]
    pub fn quotas(&self) -> &[Quota] {
        &self.quotas
    }

    /// The name of a rule or quota.
    #[must_use]
    pub fn name(&self, rule: RuleId) -> &str {
        let at = usize::from(rule.0);
        let quota = || at.checked_sub(self.rules.len()).and_then(|at| self.quotas.get(at));
        match self.rules.get(at) {
            Some(rule) => &rule.name,
            None => quota().map_or("unknown", |quota| &quota.name),
        }
    }

    /// What the rules say of a request.
    #[must_use]
    pub fn rule(&self, asking: &Asking) -> Ruling {
        let found = (0..).zip(&self.rules).find(|(_, rule)| rule.fits(asking));
        match found {
            Some((at, rule)) => Ruling { rule: Some(RuleId(at)), effect: rule.effect },
            None => Ruling { rule: None, effect: Effect::Allow { late_s: None } },
        }
    }

    fn quota_id(&self, quota: usize) -> RuleId {
        RuleId(u16::try_from(self.rules.len() + quota).unwrap_or(u16::MAX))
    }
}

impl Rule {
    fn fits(&self, asking: &Asking) -> bool {
        fn one_of<T: PartialEq>(list: &[T], item: Option<T>) -> bool {
            list.is_empty() || item.is_some_and(|item| list.contains(&item))
        }
        self.classes.contains(asking.class)
            && self.priority_max.is_none_or(|max| asking.priority.is_some_and(|priority| priority <= max))
            && one_of(&self.duties, asking.duty)
            && one_of(&self.lines, asking.line)
            && one_of(&self.controllers, Some(asking.controller))
            && self.hours.is_none_or(|hours| asking.at.is_some_and(|at| hours.contain(at)))
    }
}

/// Stretches of an hour that are counted apart.
const STRETCHES: usize = 12;
/// The length of one of them.
const STRETCH: Millis = Millis::from_s(300);

/// Grants within the last hour, to five minutes.
#[derive(Clone, Copy, Debug, Default)]
struct Hour {
    counts: [u32; STRETCHES],
    /// Number of the stretch that is counted now.
    stretch: i64,
}

impl Hour {
    fn advance(&mut self, now: Millis) {
        let stretch = now.0.div_euclid(STRETCH.0);
        let over = (stretch - self.stretch).clamp(0, STRETCHES as i64);
        for n in 1..=over {
            self.counts[Self::slot(self.stretch + n)] = 0;
        }
        if over == STRETCHES as i64 {
            self.counts = [0; STRETCHES];
        }
        self.stretch = self.stretch.max(stretch);
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn slot(stretch: i64) -> usize {
        stretch.rem_euclid(STRETCHES as i64) as usize
    }

    fn count(&mut self, now: Millis) -> u32 {
        self.advance(now);
        self.counts.iter().sum()
    }

    fn add(&mut self, now: Millis) {
        self.advance(now);
        let slot = Self::slot(self.stretch);
        self.counts[slot] = self.counts[slot].saturating_add(1);
    }
}

/// What was granted so far, as far as the quotas need it.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// For each quota one hour, or one for each vehicle.
    hours: Vec<Vec<Hour>>,
}

/// What a quota is asked about: whose grant, where, when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Its class.
    pub class: Class,
    /// The controller.
    pub controller: ControllerId,
    /// The engine's clock.
    pub now: Millis,
}

impl Usage {
    /// Nothing granted yet, with room for `vehicles` vehicles.
    #[must_use]
    pub fn new(policy: &Policy, vehicles: usize) -> Self {
        let places = |quota: &Quota| match (&quota.scope, quota.per_hour) {
            (_, None) => 0,
            (Scope::Vehicle, Some(_)) => vehicles,
            (Scope::Zone(_) | Scope::City, Some(_)) => 1,
        };
        Self { hours: policy.quotas.iter().map(|quota| vec![Hour::default(); places(quota)]).collect() }
    }

    /// The first quota that a grant would break. `held` lists the controllers that are held now, with
    /// the vehicle and its class.
    pub fn broken<I>(&mut self, policy: &Policy, grant: &Grant, held: impl Fn() -> I) -> Option<RuleId>
    where
        I: Iterator<Item = (ControllerId, VehicleId, Class)>,
    {
        let broken = policy.quotas.iter().zip(&mut self.hours).position(|(quota, hours)| {
            if !quota.bounds(grant) {
                return false;
            }
            let hour = hours.get_mut(quota.place(grant));
            let spent = hour.zip(quota.per_hour).is_some_and(|(hour, max)| hour.count(grant.now) >= max);
            let full = quota.at_once.is_some_and(|max| {
                let counted = held().filter(|held| quota.counts(grant, held)).take(max as usize).count();
                counted >= max as usize
            });
            spent || full
        })?;
        Some(policy.quota_id(broken))
    }

    /// A grant was made.
    pub fn note(&mut self, policy: &Policy, grant: &Grant) {
        for (quota, hours) in policy.quotas.iter().zip(&mut self.hours) {
            if let Some(hour) = hours.get_mut(quota.place(grant)).filter(|_| quota.bounds(grant)) {
                hour.add(grant.now);
            }
        }
    }
}

impl Quota {
    fn bounds(&self, grant: &Grant) -> bool {
        self.classes.contains(grant.class) && self.covers(grant.controller)
    }

    fn covers(&self, controller: ControllerId) -> bool {
        if let Scope::Zone(zone) = &self.scope { zone.contains(&controller) } else { true }
    }

    fn place(&self, grant: &Grant) -> usize {
        if self.scope == Scope::Vehicle { grant.vehicle.index() } else { 0 }
    }

    fn counts(&self, grant: &Grant, (controller, vehicle, class): &(ControllerId, VehicleId, Class)) -> bool {
        let same = self.scope != Scope::Vehicle || *vehicle == grant.vehicle;
        same && self.classes.contains(*class) && self.covers(*controller)
    }
}

#[cfg(test)]
mod tests;
