//! The conformance statement of the supervisor, made from the tables that the code itself uses.

use std::fmt::Write;

use crate::exchange::{COUNTED, COUNTED_ONE, IDENTITY, SWITCHED, WATCHED};
use crate::session::{OF_PRIMARY, Rights, WITHOUT_EXPIRY};
use crate::sxl::{ALARMS, COMMANDS, Entry, STATUSES, Scope};

/// A message of core: who sends it, since when, what is done with it, and the test that holds it.
struct Row {
    message: &'static str,
    sent: &'static str,
    received: &'static str,
    since: &'static str,
    test: &'static str,
}

const fn row(
    message: &'static str,
    sent: &'static str,
    received: &'static str,
    since: &'static str,
    test: &'static str,
) -> Row {
    Row { message, sent, received, since, test }
}

const MESSAGES: [Row; 14] = [
    row("Version", "yes", "yes", "3.1.2", "the_handshake_goes_in_the_order_of_the_standard"),
    row("Watchdog", "yes", "yes", "3.1.2", "watchdogs_are_sent_by_interval_and_expected"),
    row("MessageAck", "yes", "yes", "3.1.2", "each_message_is_answered_exactly_once"),
    row(
        "MessageNotAck",
        "yes",
        "yes",
        "3.1.2",
        "what_a_supervisor_does_not_serve_is_refused_and_so_is_what_nobody_knows",
    ),
    row("AggregatedStatus", "–", "yes", "3.1.2", "the_handshake_goes_in_the_order_of_the_standard"),
    row("AggregatedStatusRequest", "yes", "refused", "3.1.5", "what_a_version_does_not_know_is_not_sent"),
    row(
        "Alarm: Issue",
        "–",
        "yes",
        "3.1.2",
        "alarms_are_acknowledged_as_messages_and_refused_when_they_are_not_whole",
    ),
    row(
        "Alarm: Acknowledge, Suspend, Resume",
        "yes",
        "yes",
        "3.1.2",
        "what_a_version_does_not_know_is_not_sent",
    ),
    row("Alarm: Request", "yes", "refused", "3.1.5", "what_a_version_does_not_know_is_not_sent"),
    row(
        "StatusRequest / StatusResponse",
        "request",
        "response",
        "3.1.2",
        "a_status_reading_asks_for_the_read_back_alone",
    ),
    row("StatusSubscribe", "yes", "refused", "3.1.2", "subscriptions_say_on_change_only_where_core_knows_it"),
    row("StatusUnsubscribe", "yes", "refused", "3.1.2", "everything_that_is_sent_fits_our_own_schemas"),
    row("StatusUpdate", "–", "yes", "3.1.2", "statuses_are_refused_when_the_list_does_not_have_them"),
    row(
        "CommandRequest / CommandResponse",
        "request",
        "response",
        "3.1.2",
        "a_request_is_new_once_then_updated_then_cancelled",
    ),
];

/// The statement, in Markdown.
#[must_use]
pub fn statement() -> String {
    let mut text = String::from(
        "# RSMP supervisor: conformance statement\n\n\
         Made from the code's own tables; a test compares it (`UPDATE_EXPECT=1` renews it). Core 3.1.2, 3.1.3,\n\
         3.1.4, 3.1.5, 3.2, 3.2.1, 3.2.2; signal exchange list for traffic light controllers 1.0.7 to 1.2.1.\n\n\
         ## Messages of core\n\n\
         | message | sent | received | since core | test |\n| --- | --- | --- | --- | --- |\n",
    );
    for row in &MESSAGES {
        line(&mut text, &[row.message, row.sent, row.received, row.since, &format!("`{}`", row.test)]);
    }
    text += "\n## Statuses\n\nEvery status is acknowledged, checked against the list and kept. What the engine uses:\n\n\
             | status | of | list | use |\n| --- | --- | --- | --- |\n";
    for entry in STATUSES {
        line(&mut text, &[entry.code, scope(entry), &versions(entry), used(entry.code)]);
    }
    text += "\n## Commands\n\n| command | name | of | list | security code | sent |\n\
             | --- | --- | --- | --- | --- | --- |\n";
    for entry in COMMANDS {
        let security = if entry.security == 0 { "–".to_owned() } else { entry.security.to_string() };
        line(
            &mut text,
            &[entry.code, entry.command, scope(entry), &versions(entry), &security, sent(entry.code)],
        );
    }
    text += "\n## Alarms\n\nEvery alarm is acknowledged, checked against the list and kept; an operator can acknowledge,\n\
             suspend, resume and request it.\n\n| alarm | of | list | priority |\n| --- | --- | --- | --- |\n";
    for entry in ALARMS {
        line(&mut text, &[entry.code, scope(entry), &versions(entry), &entry.priority.to_string()]);
    }
    text
}

/// Add a row to a table in Markdown.
pub fn line(text: &mut String, cells: &[&str]) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

/// What an entry of the list is of.
#[must_use]
pub fn scope(entry: &Entry) -> &'static str {
    match entry.scope {
        Scope::Controller => "controller",
        Scope::SignalGroup => "signal group",
        Scope::DetectorLogic => "detector logic",
    }
}

/// The versions of the list that have an entry.
#[must_use]
pub fn versions(entry: &Entry) -> String {
    match entry.until {
        None => format!("{} on", entry.since.word()),
        Some(until) => format!("{} to {}", entry.since.word(), until.word()),
    }
}

fn used(code: &str) -> &'static str {
    let is_in = |names: &[(&str, &str)]| names.iter().any(|(listed, _)| *listed == code);
    if is_in(&WATCHED) {
        "subscribed"
    } else if COUNTED.iter().any(|wanted| wanted.code == code) {
        "subscribed: the queue estimate"
    } else if COUNTED_ONE.iter().any(|wanted| wanted.code == code) {
        "subscribed where the site does not serve S0205: the queue estimate"
    } else if is_in(&IDENTITY) {
        "read before arming"
    } else if is_in(&SWITCHED) {
        "read back, by waiver"
    } else {
        "–"
    }
}

fn sent(code: &str) -> &'static str {
    if Rights::default().check(code).is_ok() {
        "always"
    } else if WITHOUT_EXPIRY.contains(&code) {
        "by waiver of the site"
    } else if OF_PRIMARY.contains(&code) {
        "as primary supervisor"
    } else {
        "never"
    }
}

#[cfg(test)]
mod tests {
    use clearway_contract::kit::sources::Sources;

    use super::*;

    #[test]
    fn the_statement_is_that_of_the_code() {
        expect_test::expect_file!["../../../docs/conformance/rsmp-supervisor.md"].assert_eq(&statement());
    }

    #[test]
    fn every_named_test_exists() {
        let sources = Sources::of(&["adapters/rsmp/src", "adapters/rsmp/tests"]);
        assert_eq!(sources.missing(MESSAGES.iter().map(|row| row.test)), [""; 0]);
    }
}
