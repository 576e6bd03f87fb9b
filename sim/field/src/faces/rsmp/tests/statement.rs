//! The conformance statement of the emulated site, made from the list's own table and the names of
//! our tests.

use std::path::Path;

use clearway_rsmp::conformance::{line, scope, versions};
use clearway_rsmp::sxl::{ALARMS, COMMANDS, Entry, STATUSES};

const SOURCES: [&str; 2] = [include_str!("commands.rs"), include_str!("priority.rs")];
/// What holds for every status and every alarm.
const EVERY_STATUS: &str = "every_value_of_every_version_is_read_and_allowed_by_the_list";
const EVERY_ALARM: &str = "every_alarm_of_the_list_can_be_raised_by_its_input";
/// The life of a priority request.
const PRIORITY: &str = "a_request_is_received_activated_and_completed_with_what_was_given";

/// The tests whose names begin with this code, or name it beside others.
fn tests_of(code: &str) -> Vec<&'static str> {
    if code == "M0022" {
        return vec![PRIORITY];
    }
    let code = code.to_lowercase();
    let names = SOURCES.iter().flat_map(|source| source.split("\nfn ").skip(1));
    let names = names.filter_map(|rest| rest.split('(').next());
    names.filter(|name| name.split('_').any(|word| word == code)).collect()
}

fn optional(entry: &Entry) -> String {
    let names: Vec<&str> = entry.arguments.iter().filter(|a| a.optional).map(|a| a.name).collect();
    if names.is_empty() { "–".into() } else { names.join(", ") }
}

fn statement() -> String {
    let mut text = String::from(
        "# RSMP site: conformance statement\n\n\
         `clearway field --protocol rsmp`, made from the code's own table of the signal exchange list; a test compares it\n\
         (`UPDATE_EXPECT=1` renews it). Everything in the list is mandatory for a site that has it; what may be left out of a\n\
         message is named. Messages of core: [rsmp-suite.md](rsmp-suite.md).\n\n\
         ## Commands\n\n| command | name | of | list | may be left out | supported | test |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for entry in COMMANDS {
        let tests: Vec<String> = tests_of(entry.code).iter().map(|name| format!("`{name}`")).collect();
        let cells = [
            entry.code,
            entry.command,
            scope(entry),
            &versions(entry),
            &optional(entry),
            "yes",
            &tests.join(", "),
        ];
        line(&mut text, &cells);
    }
    text += "\n## Statuses\n\n| status | of | list | supported | test |\n| --- | --- | --- | --- | --- |\n";
    for entry in STATUSES {
        line(&mut text, &[entry.code, scope(entry), &versions(entry), "yes", &format!("`{EVERY_STATUS}`")]);
    }
    text += "\n## Alarms\n\n| alarm | of | list | priority | supported | test |\n| --- | --- | --- | --- | --- | --- |\n";
    for entry in ALARMS {
        let priority = entry.priority.to_string();
        let cells =
            [entry.code, scope(entry), &versions(entry), &priority, "yes", &format!("`{EVERY_ALARM}`")];
        line(&mut text, &cells);
    }
    text
}

#[test]
fn every_command_of_the_list_has_a_test_that_bears_its_name() {
    let without: Vec<&str> =
        COMMANDS.iter().map(|e| e.code).filter(|code| tests_of(code).is_empty()).collect();
    assert!(without.is_empty(), "{without:?}");
    assert!(SOURCES[1].contains(&format!("fn {PRIORITY}(")));
}

#[test]
fn the_statement_is_that_of_the_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance/rsmp-site.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, statement()).expect("writable");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == statement(),
        "docs/conformance/rsmp-site.md is not what the code says: UPDATE_EXPECT=1 renews it"
    );
}
