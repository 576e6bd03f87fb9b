//! What is known of a site: the latest value of each status, the state of each alarm, the aggregated
//! status. Bounded; what sites send of their buffers never replaces what is newer.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::frame::{AggregatedStatus, Alarm, StatusValues};
use crate::time;

/// Values of statuses that are kept.
const STATUSES_MAX: usize = 4_096;
/// Alarms that are kept.
const ALARMS_MAX: usize = 1_024;

/// The latest value of a status.
#[derive(Clone, PartialEq, Debug)]
pub struct Known {
    /// The value; null when the site has none.
    pub value: Value,
    /// Whether the site says that it is of now.
    pub is_recent: bool,
    /// The site's time of it, milliseconds since 1970.
    pub unix_ms: i64,
}

/// What an alarm is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Category {
    /// The equipment ("D").
    #[default]
    Technical,
    /// The traffic ("T").
    Traffic,
}

/// The state of an alarm.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlarmState {
    /// It is on.
    pub active: bool,
    /// Somebody has acknowledged it.
    pub acknowledged: bool,
    /// Messages of it are suspended.
    pub suspended: bool,
    /// 1 to 3.
    pub priority: u8,
    /// What it is about.
    pub category: Category,
    /// The site's time since which it is active or inactive, milliseconds since 1970. Where that change
    /// came while messages of it were suspended, when they were resumed.
    pub since_unix_ms: i64,
    /// The site's time of the last event, milliseconds since 1970.
    pub unix_ms: i64,
    /// Name and value, as the list gives them.
    pub values: Vec<(String, String)>,
}

/// The board of one site.
#[derive(Clone, Debug, Default)]
pub struct Board {
    statuses: BTreeMap<(String, String, String), Known>,
    alarms: BTreeMap<(String, String), AlarmState>,
    aggregated: Option<AggregatedStatus>,
}

impl Board {
    /// The latest value of a status; `None` when the site never told one.
    #[must_use]
    pub fn status(&self, component: &str, code: &str, name: &str) -> Option<&Known> {
        self.statuses.get(&(component.to_owned(), code.to_owned(), name.to_owned()))
    }

    /// The latest value of a status as text, where it is of now.
    #[must_use]
    pub fn text(&self, component: &str, code: &str, name: &str) -> Option<&str> {
        self.status(component, code, name).filter(|known| known.is_recent)?.value.as_str()
    }

    /// The alarms by component and code.
    pub fn alarms(&self) -> impl Iterator<Item = (&str, &str, &AlarmState)> {
        self.alarms.iter().map(|((component, code), state)| (component.as_str(), code.as_str(), state))
    }

    /// The state of one alarm; `None` when the site never told of it.
    #[must_use]
    pub fn alarm(&self, component: &str, code: &str) -> Option<&AlarmState> {
        self.alarms.get(&(component.to_owned(), code.to_owned()))
    }

    /// The aggregated status that came last.
    #[must_use]
    pub fn aggregated(&self) -> Option<&AggregatedStatus> {
        self.aggregated.as_ref()
    }

    /// Take values that a site sent; the session has checked them.
    pub fn note_values(&mut self, values: &StatusValues) {
        let unix_ms = time::parse(&values.at).unwrap_or(0);
        for value in &values.values {
            let key = (values.component.clone(), value.code.clone(), value.name.clone());
            let known = self.statuses.get(&key);
            let has_room = known.is_some() || self.statuses.len() < STATUSES_MAX;
            let is_recent = value.quality == "recent";
            // Clocks of sites are set forth and back: what is said of now counts whatever its time, and
            // what comes out of a buffer never replaces it.
            let is_overtaken = known.is_some_and(|known| known.is_recent || known.unix_ms > unix_ms);
            if has_room && (value.quality != "old" || !is_overtaken) {
                self.statuses.insert(key, Known { value: value.value.clone(), is_recent, unix_ms });
            }
        }
    }

    /// Take an alarm that a site sent; the session has checked it.
    pub fn note_alarm(&mut self, alarm: &Alarm) {
        let key = (alarm.component.clone(), alarm.code.clone());
        let mut state = AlarmState::of(alarm);
        let is_issue = alarm.kind.eq_ignore_ascii_case("issue");
        let is_full = self.alarms.len() == ALARMS_MAX;
        match self.alarms.get_mut(&key) {
            None if is_full => return,
            None => {}
            Some(known) if state.unix_ms < known.unix_ms => {
                // What came before the last event changes nothing, but an issue tells since when.
                if is_issue && known.active == state.active {
                    known.since_unix_ms = state.unix_ms;
                }
                return;
            }
            // The time of the message is that of an acknowledgement or suspension.
            Some(known) if !is_issue && known.active == state.active => {
                state.since_unix_ms = known.since_unix_ms;
            }
            Some(_) => {}
        }
        self.alarms.insert(key, state);
    }

    /// Take an aggregated status.
    pub fn note_aggregated(&mut self, status: &AggregatedStatus) {
        self.aggregated = Some(status.clone());
    }
}

impl AlarmState {
    /// As a message of a site has it.
    fn of(alarm: &Alarm) -> Self {
        let is = |word: &Option<String>, wanted: &str| {
            word.as_ref().is_some_and(|word| word.eq_ignore_ascii_case(wanted))
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let values = alarm.values.iter().flatten().map(|value| (value.name.clone(), text(&value.value)));
        let unix_ms = alarm.at.as_deref().and_then(time::parse).unwrap_or(0);
        Self {
            active: is(&alarm.state, "active"),
            acknowledged: is(&alarm.acknowledged, "acknowledged"),
            suspended: is(&alarm.suspended, "suspended"),
            priority: alarm.priority.as_deref().and_then(|word| word.parse().ok()).unwrap_or(0),
            category: if is(&alarm.category, "T") { Category::Traffic } else { Category::Technical },
            since_unix_ms: unix_ms,
            unix_ms,
            values: values.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::frame::StatusValue;

    fn values(second: u8, stage: &str, quality: &str) -> StatusValues {
        let value = StatusValue {
            code: "S0001".into(),
            name: "stage".into(),
            value: json!(stage),
            quality: quality.into(),
        };
        let at = format!("2026-03-01T10:00:{second:02}.000Z");
        StatusValues { component: "TC".into(), at, values: vec![value], ..StatusValues::default() }
    }

    #[test]
    fn what_was_buffered_never_replaces_what_is_newer() {
        let mut board = Board::default();
        board.note_values(&values(20, "2", "recent"));
        board.note_values(&values(10, "1", "old"));
        assert_eq!(board.text("TC", "S0001", "stage"), Some("2"));
        board.note_values(&values(30, "3", "old"));
        assert_eq!(board.text("TC", "S0001", "stage"), Some("2"), "its clock was ahead then");
        board.note_values(&values(5, "4", "recent"));
        assert_eq!(board.text("TC", "S0001", "stage"), Some("4"));
        board.note_values(&values(3, "", "unknown"));
        assert_eq!(board.text("TC", "S0001", "stage"), None);
    }

    fn event(second: u8, kind: &str, state: &str, acknowledged: &str) -> Alarm {
        Alarm {
            component: "TC".into(),
            code: "A0010".into(),
            kind: kind.into(),
            state: Some(state.into()),
            acknowledged: Some(acknowledged.into()),
            suspended: Some("notSuspended".into()),
            at: Some(format!("2026-03-01T10:00:{second:02}.000Z")),
            category: Some("D".into()),
            priority: Some("3".into()),
            values: Some(Vec::new()),
            ..Alarm::default()
        }
    }

    #[test]
    fn an_alarm_follows_its_last_event() {
        let mut board = Board::default();
        board.note_alarm(&event(10, "Issue", "Active", "notAcknowledged"));
        board.note_alarm(&event(20, "Acknowledge", "Active", "Acknowledged"));
        board.note_alarm(&event(5, "Issue", "inActive", "notAcknowledged"));
        let (component, code, state) = board.alarms().next().expect("an alarm");
        assert_eq!((component, code), ("TC", "A0010"));
        assert!(state.active && state.acknowledged && !state.suspended);
    }

    #[test]
    fn an_alarm_is_active_since_it_was_issued_whatever_was_done_about_it() {
        let since = |events: &[Alarm]| {
            let mut board = Board::default();
            events.iter().for_each(|event| board.note_alarm(event));
            let since = board.alarm("TC", "A0010").expect("an alarm").since_unix_ms;
            time::timestamp(since)[17..19].to_owned()
        };
        let issued = event(10, "Issue", "Active", "notAcknowledged");
        let acknowledged = event(20, "Acknowledge", "Active", "Acknowledged");
        assert_eq!(since(&[issued.clone(), acknowledged.clone()]), "10");
        assert_eq!(since(&[acknowledged.clone(), issued.clone()]), "10", "told anew");
        let over = event(30, "Suspend", "inActive", "Acknowledged");
        assert_eq!(since(&[issued, acknowledged, over]), "30", "it ended while it was suspended");
    }

    #[test]
    fn a_site_cannot_make_the_board_grow_without_end() {
        let mut board = Board::default();
        for index in 0..2 * STATUSES_MAX {
            let mut one = values(1, "1", "recent");
            one.component = index.to_string();
            board.note_values(&one);
        }
        assert_eq!(board.statuses.len(), STATUSES_MAX);
    }
}
