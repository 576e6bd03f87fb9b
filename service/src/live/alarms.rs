//! Alarms of RSMP sites: brought onto the board, and what an operator does about them.
//!
//! Three things are independent of each other (RSMP core, section "Alarm messages"): whether an alarm is
//! active, whether somebody acknowledged it, whether its messages are suspended. A site suspends without
//! end; here a suspension has a reason and an end, as ISA-18.2 asks of what is shelved.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clearway_feeds::WallMs;
use clearway_feeds::adapter::WallClock;
use clearway_network::Network;
use clearway_rsmp::adapter::{AlarmDone, AlarmError, Hub};
use clearway_rsmp::session::AlarmAsk;
use clearway_runtime::Clock;
use clearway_signals::{ControllerId, Millis};

use super::board::{Board, SiteReport};
use super::site_report::{news, report};
use super::texts::Severity;
use crate::api::frame::{AlarmDoc, UnitDoc};

/// Alarms and aggregated status are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Suspensions that end by themselves.
const SHELVED_MAX: usize = 1_024;
/// A site that did not let an alarm's messages come again is asked again after this.
const RESUME_AGAIN: Millis = Millis::from_s(10);

/// A site whose alarms are watched.
pub struct Watched {
    /// Its controller.
    pub controller: ControllerId,
    /// Its id.
    pub site_id: String,
    /// Where it connects to.
    pub hub: Hub,
}

/// What an operator does about an alarm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Says that it was seen.
    Acknowledge,
    /// Wants no more messages of it for a time.
    Suspend {
        /// Why.
        reason: String,
        /// For how long.
        lasts: Millis,
    },
    /// Wants messages of it again.
    Resume,
}

/// Why nothing was done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// No such controller.
    #[error("there is no controller {0}; GET /api/network lists them")]
    UnknownController(u16),
    /// It has no alarms that we know of.
    #[error("{0} is no RSMP site: only these tell alarms")]
    NoSite(String),
    /// Too many suspensions at once.
    #[error("{SHELVED_MAX} alarms are suspended; resume one first")]
    Full,
    /// The site.
    #[error("{0}: {1}")]
    Site(String, AlarmError),
}

type Key = (u16, String, String);

/// When a suspension ends, on the engine's clock and the wall's.
#[derive(Clone, Copy, Debug)]
struct Ends {
    at: Millis,
    wall: WallMs,
}

/// The alarms of a running plant.
pub struct Alarms {
    sites: Vec<Watched>,
    board: Arc<Board>,
    network: Arc<Network>,
    clock: Clock,
    wall: WallClock,
    shelved: Mutex<BTreeMap<Key, Ends>>,
}

impl Alarms {
    /// The alarms of these sites.
    #[must_use]
    pub fn new(
        sites: Vec<Watched>,
        board: Arc<Board>,
        network: Arc<Network>,
        clock: Clock,
        wall: WallClock,
    ) -> Self {
        Self { sites, board, network, clock, wall, shelved: Mutex::default() }
    }

    /// Bring what sites tell beside their signals onto the board, say what changed, and end suspensions.
    pub async fn watch(self: Arc<Self>) {
        let mut every = tokio::time::interval(LOOK_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.sites.iter().for_each(|site| self.look_at(site));
            for key in self.due() {
                // A site that answers late must not delay the others.
                tokio::spawn(Arc::clone(&self).resume(key));
            }
        }
    }

    /// The alarms of a controller that are active, not acknowledged or suspended.
    ///
    /// # Errors
    /// When there is no such controller.
    pub fn of(&self, controller: ControllerId) -> Result<Vec<AlarmDoc>, Refusal> {
        let known = self.network.controller(controller);
        known.ok_or(Refusal::UnknownController(controller.0))?;
        Ok(self.board.site(controller).map(|report| report.alarms.clone()).unwrap_or_default())
    }

    /// What a controller says of itself, where it is an NTCIP unit.
    #[must_use]
    pub fn unit_of(&self, controller: ControllerId) -> Option<UnitDoc> {
        self.board.site(controller).and_then(|report| report.unit.clone())
    }

    /// Do something about an alarm. It is said in the log before it leaves, and again if it failed.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn act(
        &self,
        controller: ControllerId,
        component: &str,
        code: &str,
        act: Act,
    ) -> Result<AlarmDone, Refusal> {
        let title = self.title(controller)?;
        let site = self.sites.iter().find(|site| site.controller == controller);
        let site = site.ok_or_else(|| Refusal::NoSite(title.clone()))?;
        let alarm = format!("alarm {code} of {component} at {title}");
        let (ask, said) = match &act {
            Act::Acknowledge => (AlarmAsk::Acknowledge, format!("An operator acknowledges {alarm}.")),
            Act::Resume => (AlarmAsk::Resume, format!("An operator resumes {alarm}.")),
            Act::Suspend { reason, lasts } => {
                self.room_for_one()?;
                let minutes = (lasts.0 + 59_999) / 60_000;
                (AlarmAsk::Suspend, format!("An operator suspends {alarm} for {minutes} min: {reason}."))
            }
        };
        self.board.say((self.wall)(), Severity::Notice, said);
        let done = site.hub.alarm(&site.site_id, component, code, ask).await.map_err(|error| {
            let failed = format!("Nothing was done about {alarm}: {error}.");
            self.board.say((self.wall)(), Severity::Warning, failed);
            Refusal::Site(title.clone(), error)
        })?;
        let key = (controller.0, component.to_owned(), code.to_owned());
        match act {
            Act::Acknowledge => {}
            Act::Suspend { lasts, .. } => {
                let (at, wall) = (self.clock.now().0 + lasts, WallMs((self.wall)().0 + lasts.0));
                self.shelved().insert(key, Ends { at, wall });
            }
            Act::Resume => drop(self.shelved().remove(&key)),
        }
        self.look_at(site);
        Ok(done)
    }

    fn title(&self, controller: ControllerId) -> Result<String, Refusal> {
        let known = self.network.controller(controller).map(|known| known.title.clone());
        known.ok_or(Refusal::UnknownController(controller.0))
    }

    /// A panic while the list was held leaves a suspension without end at worst: go on with it.
    fn shelved(&self) -> MutexGuard<'_, BTreeMap<Key, Ends>> {
        self.shelved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room_for_one(&self) -> Result<(), Refusal> {
        if self.shelved().len() < SHELVED_MAX { Ok(()) } else { Err(Refusal::Full) }
    }

    /// What a site tells now; nothing changes while it is away or has not yet told its alarms.
    fn look_at(&self, site: &Watched) {
        let Some(controller) = self.network.controller(site.controller) else { return };
        let told = site
            .hub
            .with(&site.site_id, |exchange, now| {
                exchange.has_told_alarms(now).then(|| report(exchange, &controller.rows))
            })
            .flatten();
        let Some(mut now) = told else { return };
        self.note_ends(site.controller, &mut now);
        let before = self.board.site(site.controller);
        if before.as_deref() == Some(&now) {
            return;
        }
        for (severity, text) in news(&controller.title, before.as_deref(), &now) {
            self.board.say((self.wall)(), severity, text);
        }
        self.board.site_reports(site.controller, now);
    }

    /// Say of suspensions when they end, and forget those that are over.
    fn note_ends(&self, controller: ControllerId, report: &mut SiteReport) {
        let mut shelved = self.shelved();
        if shelved.is_empty() {
            return;
        }
        shelved.retain(|(of, component, code), _| {
            let is_this = |alarm: &AlarmDoc| alarm.component == *component && alarm.code == *code;
            *of != controller.0 || report.alarms.iter().any(|alarm| alarm.suspended && is_this(alarm))
        });
        for alarm in report.alarms.iter_mut().filter(|alarm| alarm.suspended) {
            let key = (controller.0, alarm.component.clone(), alarm.code.clone());
            alarm.suspended_until = shelved.get(&key).map(|ends| ends.wall.iso_ms());
        }
    }

    /// The suspensions that are over. They are due again later, unless the site then shows their end.
    fn due(&self) -> Vec<Key> {
        let now = self.clock.now().0;
        let mut shelved = self.shelved();
        let over = shelved.iter_mut().filter(|(_, ends)| ends.at <= now);
        over.map(|(key, ends)| {
            ends.at = now + RESUME_AGAIN;
            key.clone()
        })
        .collect()
    }

    async fn resume(self: Arc<Self>, (controller, component, code): Key) {
        let Some(site) = self.sites.iter().find(|site| site.controller.0 == controller) else { return };
        let done = site.hub.alarm(&site.site_id, &component, &code, AlarmAsk::Resume).await;
        if done == Ok(AlarmDone::Shown) {
            let title = self.title(site.controller).unwrap_or_default();
            let said = format!("{title}: the suspension of alarm {code} of {component} is over.");
            self.board.say((self.wall)(), Severity::Info, said);
            self.shelved().remove(&(controller, component, code));
            self.look_at(site);
        }
    }
}

#[cfg(test)]
mod tests;
