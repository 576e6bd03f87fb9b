//! What RSMP needs beyond the sites: listeners that sites connect to, options of each, and their
//! alarms on the board.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clearway_contract::actor::Clock;
use clearway_feeds::adapter::WallClock;
use clearway_network::{Controller, Network};
use clearway_rsmp::adapter::{Hub, Options};
use clearway_rsmp::board::AlarmState;
use clearway_signals::ControllerId;

use super::board::{Board, SiteReport};
use super::texts::Severity;
use crate::config::{Config, ControllerEntry};

/// Alarms and aggregated status are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What each bit of the aggregated status says (core, section "Aggregated status").
const AGGREGATED: [&str; 8] = [
    "local mode",
    "no communications",
    "high priority fault",
    "medium priority fault",
    "low priority fault",
    "connected, normal",
    "connected, idle",
    "not connected",
];

/// How one controller is reached.
#[derive(Clone, Debug)]
pub struct Reached {
    /// The listener that it connects to, by its place in the configuration.
    pub listener: usize,
    /// The adapter's options.
    pub options: Options,
}

/// How a controller is reached.
///
/// # Errors
/// A file that cannot be read or does not hold what it should; the reason for people.
pub fn reached(
    config: &Config,
    controller: &Controller,
    entry: Option<&ControllerEntry>,
) -> Result<Reached, String> {
    let rsmp = entry.and_then(|entry| entry.rsmp.clone()).unwrap_or_default();
    let wrong = |(message, cure): (String, &str)| format!("rsmp: {message}. {cure}");
    let site_id = rsmp.site_id(controller.id.0);
    Ok(Reached {
        listener: config.rsmp_listener_of(&rsmp).map_err(wrong)?,
        options: rsmp.options(config, &site_id, &controller.rows).map_err(wrong)?,
    })
}

/// Why no listener stands.
#[derive(Debug, thiserror::Error)]
#[error("RSMP cannot listen on {address}: {reason}")]
pub struct ListenError {
    /// Where.
    address: SocketAddr,
    /// Why not.
    reason: String,
}

/// Open the listeners of the configuration.
///
/// # Errors
/// The first that cannot be had.
pub async fn listen(config: &Config, clock: &Clock) -> Result<Vec<Hub>, ListenError> {
    let mut hubs = Vec::new();
    for listener in config.rsmp_listeners() {
        let failed = |reason: String| ListenError { address: listener.listen, reason };
        let options =
            listener.options(config).map_err(|(message, cure)| failed(format!("{message}. {cure}")))?;
        hubs.push(Hub::listen(options, Arc::clone(clock)).await.map_err(|error| failed(error.to_string()))?);
    }
    Ok(hubs)
}

/// A site whose alarms are watched.
pub struct Watched {
    /// Its controller.
    pub controller: ControllerId,
    /// Its id.
    pub site_id: String,
    /// Where it connects to.
    pub hub: Hub,
}

/// Bring what sites tell beside their signals onto the board, and say what changed.
pub async fn watch(sites: Vec<Watched>, board: Arc<Board>, network: Arc<Network>, wall: WallClock) {
    let mut every = tokio::time::interval(LOOK_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        for site in &sites {
            let report = site.hub.with(&site.site_id, |exchange, _| report(exchange.board()));
            let Some(report) = report else { continue };
            let before = board.site(site.controller);
            let title = network.controller(site.controller).map_or("", |controller| &controller.title);
            for (severity, text) in news(title, before.as_ref(), &report) {
                board.say(wall(), severity, text);
            }
            if before.as_ref() != Some(&report) {
                board.site_reports(site.controller, report);
            }
        }
    }
}

fn report(board: &clearway_rsmp::board::Board) -> SiteReport {
    let alarms = board.alarms().filter(|(_, _, state)| state.active || !state.acknowledged);
    let alarm = |(component, code, state): (&str, &str, &AlarmState)| crate::api::frame::AlarmDoc {
        component: component.to_owned(),
        code: code.to_owned(),
        priority: state.priority,
        active: state.active,
        acknowledged: state.acknowledged,
        suspended: state.suspended,
    };
    let bits = board.aggregated().map(|status| status.bits).unwrap_or_default();
    SiteReport {
        alarms: alarms.map(alarm).collect(),
        condition: bits.into_iter().zip(AGGREGATED).filter(|(is, _)| *is).map(|(_, word)| word).collect(),
    }
}

/// Alarms that came and went.
fn news(title: &str, before: Option<&SiteReport>, now: &SiteReport) -> Vec<(Severity, String)> {
    let is_in = |report: Option<&SiteReport>, component: &str, code: &str| {
        let alarms = report.map(|report| report.alarms.as_slice()).unwrap_or_default();
        alarms.iter().any(|alarm| alarm.active && alarm.component == component && alarm.code == code)
    };
    let active = now.alarms.iter().filter(|alarm| alarm.active);
    let came = active.filter(|alarm| !is_in(before, &alarm.component, &alarm.code)).map(|alarm| {
        let severity = if alarm.priority == 1 { Severity::Warning } else { Severity::Notice };
        let (code, component) = (&alarm.code, &alarm.component);
        (severity, format!("{title}: alarm {code} of {component}, priority {}.", alarm.priority))
    });
    let were = before.map(|report| report.alarms.as_slice()).unwrap_or_default().iter();
    let went =
        were.filter(|alarm| alarm.active && !is_in(Some(now), &alarm.component, &alarm.code)).map(|alarm| {
            (Severity::Info, format!("{title}: alarm {} of {} is over.", alarm.code, alarm.component))
        });
    came.chain(went).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::frame::AlarmDoc;

    fn alarms(codes: &[(&str, bool)]) -> SiteReport {
        let alarm = |(code, active): &(&str, bool)| AlarmDoc {
            component: "TC".into(),
            code: (*code).into(),
            priority: 1,
            active: *active,
            acknowledged: false,
            suspended: false,
        };
        SiteReport { alarms: codes.iter().map(alarm).collect(), condition: Vec::new() }
    }

    #[test]
    fn an_alarm_is_said_when_it_comes_and_when_it_goes() {
        let said = |before: &SiteReport, now: &SiteReport| -> Vec<String> {
            news("Corner", Some(before), now).into_iter().map(|(_, text)| text).collect()
        };
        let (none, on, over) = (alarms(&[]), alarms(&[("A0006", true)]), alarms(&[("A0006", false)]));
        assert_eq!(said(&none, &on), ["Corner: alarm A0006 of TC, priority 1."]);
        assert!(said(&on, &on).is_empty());
        assert_eq!(said(&on, &over), ["Corner: alarm A0006 of TC is over."]);
        assert_eq!(news("Corner", None, &on).len(), 1);
    }
}
