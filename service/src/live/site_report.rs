//! What an RSMP site tells beside its signals, for people: alarms, aggregated status, and what became of
//! requests and emergency routes.

use clearway_feeds::WallMs;
use clearway_rsmp::board::{AlarmState, Category};
use clearway_rsmp::exchange::{Ended, Exchange};
use clearway_rsmp::priority::plainly;
use clearway_rsmp::sxl::alarm_text;
use clearway_signals::{RequestRow, RequestState, RowKind};

use super::board::SiteReport;
use super::texts::Severity;
use crate::api::frame::{AlarmCount, AlarmDoc};

/// More alarms that come at one site at once are said in one sentence.
const SAID_MAX: usize = 4;
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

/// What a site tells now.
pub(super) fn report(exchange: &Exchange, rows: &[RequestRow]) -> SiteReport {
    let board = exchange.board();
    let told = board.alarms().filter(|(_, _, state)| state.active || !state.acknowledged || state.suspended);
    let mut alarms: Vec<AlarmDoc> = told.map(alarm).collect();
    alarms.sort_by_key(|alarm| (alarm.suspended, !alarm.active, alarm.acknowledged, alarm.priority));
    let bits = board.aggregated().map(|status| status.bits).unwrap_or_default();
    SiteReport {
        count: count(&alarms),
        alarms,
        condition: bits.into_iter().zip(AGGREGATED).filter(|(is, _)| *is).map(|(_, word)| word).collect(),
        remarks: remarks(exchange, rows),
        unit: None,
    }
}

fn alarm((component, code, state): (&str, &str, &AlarmState)) -> AlarmDoc {
    AlarmDoc {
        component: component.to_owned(),
        code: code.to_owned(),
        text: alarm_text(code),
        category: match state.category {
            Category::Technical => "technical",
            Category::Traffic => "traffic",
        },
        priority: state.priority,
        active: state.active,
        acknowledged: state.acknowledged,
        suspended: state.suspended,
        since: WallMs(state.since_unix_ms).iso_ms(),
        suspended_until: None,
        values: state.values.clone(),
    }
}

/// How many alarms ask for attention; nothing where there is none.
fn count(alarms: &[AlarmDoc]) -> Option<AlarmCount> {
    if alarms.is_empty() {
        return None;
    }
    let open = || alarms.iter().filter(|alarm| !alarm.suspended);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(AlarmCount {
        active: number(open().filter(|alarm| alarm.active).count()),
        unacknowledged: number(open().filter(|alarm| !alarm.acknowledged).count()),
        suspended: number(alarms.iter().filter(|alarm| alarm.suspended).count()),
        priority: open().filter(|alarm| alarm.active).map(|alarm| alarm.priority).min(),
    })
}

/// What became of requests and routes.
fn remarks(exchange: &Exchange, rows: &[RequestRow]) -> Vec<String> {
    let mut remarks: Vec<String> = exchange.ended().map(|ended| end_of(ended, rows)).into_iter().collect();
    let (served, waiting) =
        (exchange.others_in(RequestState::Activated), exchange.others_in(RequestState::Queued));
    if served + waiting > 0 {
        remarks.push(format!("Priority requests of others: {served} served, {waiting} waiting."));
    }
    let routes = exchange.emergency_routes();
    remarks.extend(routes.iter().map(|route| format!("Emergency route {route} is active.")));
    remarks
}

/// How a request of ours ended, in a sentence.
fn end_of(ended: &Ended, rows: &[RequestRow]) -> String {
    let row = rows.get(ended.row.index());
    let kind = row.map_or("", |row| match row.kind {
        RowKind::Emergency => "emergency ",
        RowKind::Transit => "transit ",
        RowKind::Rail => "rail ",
    });
    let number = row.map_or(ended.row.0, |row| row.number);
    let request = format!("Our {kind}request (row {number})");
    let at = ended.shown.unix_ms.map(|ms| format!(" at {} UTC", time_of_day(ms))).unwrap_or_default();
    let state = ended.shown.state;
    if state != RequestState::Completed {
        let word = match state {
            RequestState::Rejected => "was rejected",
            RequestState::Timeout => "ran into its time limit",
            RequestState::Cooldown => "came too soon after another one",
            _ => "went stale",
        };
        return format!("{request} {word}{at}: {}.", plainly(state));
    }
    let given = |what: &str, seconds: Option<u8>| {
        seconds.filter(|s| *s > 0).map(|s| format!(", {what} by {s} s")).unwrap_or_default()
    };
    let by = if ended.by_us { "as we asked" } else { "by the controller itself" };
    let green = given("green longer", ended.shown.green_extended_s);
    let red = given("red shorter", ended.shown.red_reduced_s);
    format!("{request} was completed{at} {by}{green}{red}.")
}

fn time_of_day(unix_ms: i64) -> String {
    WallMs(unix_ms).iso_ms().get(11..19).unwrap_or_default().to_owned()
}

/// Alarms that came and went.
pub(super) fn news(title: &str, before: Option<&SiteReport>, now: &SiteReport) -> Vec<(Severity, String)> {
    let is_in = |report: Option<&SiteReport>, alarm: &AlarmDoc| {
        let alarms = report.map(|report| report.alarms.as_slice()).unwrap_or_default();
        alarms.iter().any(|a| a.active && a.component == alarm.component && a.code == alarm.code)
    };
    let came = now.alarms.iter().filter(|alarm| alarm.active && !is_in(before, alarm));
    let were = before.map(|report| report.alarms.as_slice()).unwrap_or_default().iter();
    let went = were.filter(|alarm| alarm.active && !is_in(Some(now), alarm));
    let severity = |priority: u8| if priority == 1 { Severity::Warning } else { Severity::Notice };
    let sentence = |alarm: &AlarmDoc| {
        let AlarmDoc { code, component, priority, text, .. } = alarm;
        (severity(*priority), format!("{title}: alarm {code} of {component}, priority {priority}: {text}."))
    };
    let over = |alarm: &AlarmDoc| {
        (Severity::Info, format!("{title}: alarm {} of {} is over.", alarm.code, alarm.component))
    };
    let (came, went): (Vec<&AlarmDoc>, Vec<&AlarmDoc>) = (came.collect(), went.collect());
    let mut said = Vec::new();
    match came.iter().min_by_key(|alarm| alarm.priority) {
        Some(first) if came.len() > SAID_MAX => {
            let (count, AlarmDoc { code, component, .. }) = (came.len(), first);
            let text = format!("{title}: {count} alarms at once, the most urgent {code} of {component}.");
            said.push((severity(first.priority), text));
        }
        _ => said.extend(came.into_iter().map(sentence)),
    }
    match went.len() {
        count if count > SAID_MAX => {
            said.push((Severity::Info, format!("{title}: {count} alarms are over.")));
        }
        _ => said.extend(went.into_iter().map(over)),
    }
    said
}

#[cfg(test)]
mod tests {
    use clearway_rsmp::priority::Shown;
    use clearway_signals::RowId;

    use super::*;

    fn alarms(codes: &[(&str, bool)]) -> SiteReport {
        let one = |(code, active): &(&str, bool)| {
            let state = AlarmState { active: *active, priority: 2, ..AlarmState::default() };
            alarm(("TC", code, &state))
        };
        let alarms: Vec<AlarmDoc> = codes.iter().map(one).collect();
        SiteReport { count: count(&alarms), alarms, ..SiteReport::default() }
    }

    fn said(before: &SiteReport, now: &SiteReport) -> Vec<String> {
        news("Corner", Some(before), now).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn an_alarm_is_said_when_it_comes_and_when_it_goes() {
        let (none, on, over) = (alarms(&[]), alarms(&[("A0010", true)]), alarms(&[("A0010", false)]));
        assert_eq!(said(&none, &on), ["Corner: alarm A0010 of TC, priority 2: door open."]);
        assert!(said(&on, &on).is_empty());
        assert_eq!(said(&on, &over), ["Corner: alarm A0010 of TC is over."]);
        assert_eq!(news("Corner", None, &on).len(), 1);
    }

    #[test]
    fn a_flood_of_alarms_is_one_sentence() {
        let codes: Vec<String> = (1..=9).map(|n| format!("A000{n}")).collect();
        let flood: Vec<(&str, bool)> = codes.iter().map(|code| (code.as_str(), true)).collect();
        let (none, on) = (alarms(&[]), alarms(&flood));
        assert_eq!(said(&none, &on), ["Corner: 9 alarms at once, the most urgent A0001 of TC."]);
        assert_eq!(said(&on, &none), ["Corner: 9 alarms are over."]);
    }

    #[test]
    fn what_is_suspended_asks_for_no_attention() {
        assert_eq!(count(&[]), None);
        let mut report = alarms(&[("A0001", true), ("A0002", true), ("A0010", false)]);
        (report.alarms[0].suspended, report.alarms[1].acknowledged) = (true, true);
        let counted = AlarmCount { active: 1, unacknowledged: 1, suspended: 1, priority: Some(2) };
        assert_eq!(count(&report.alarms), Some(counted));
    }

    #[test]
    fn every_end_of_a_request_is_said_in_plain_words() {
        let said = |state: RequestState, by_us: bool| {
            let shown = Shown {
                id: "cw-0-0-1".into(),
                state,
                unix_ms: Some(1_772_359_200_000),
                green_extended_s: (state == RequestState::Completed).then_some(5),
                red_reduced_s: None,
            };
            end_of(&Ended { row: RowId(3), shown, by_us }, &[])
        };
        for (state, by_us, sentence) in [
            (RequestState::Rejected, false, "was rejected at 10:00:00 UTC: the controller cannot grant it."),
            (
                RequestState::Timeout,
                false,
                "ran into its time limit at 10:00:00 UTC: it waited too long behind others, and the \
                 controller dropped it unserved.",
            ),
            (
                RequestState::Cooldown,
                false,
                "came too soon after another one at 10:00:00 UTC: the controller has just served a similar \
                 one and grants no other yet.",
            ),
            (
                RequestState::Stale,
                false,
                "went stale at 10:00:00 UTC: it was served too long without an end, and the controller \
                 dropped it.",
            ),
            (
                RequestState::Completed,
                true,
                "was completed at 10:00:00 UTC as we asked, green longer by 5 s.",
            ),
        ] {
            assert_eq!(said(state, by_us), format!("Our request (row 3) {sentence}"));
        }
    }
}
