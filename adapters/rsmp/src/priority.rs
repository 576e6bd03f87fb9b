//! The priority request (M0022) and the list of their states (S0033) of the signal exchange list
//! for traffic light controllers.

use clearway_signals::{Millis, RequestState};
use serde_json::Value;

use crate::frame::{Argument, StatusValue};

const COMMAND: &str = "M0022";
const LIST: &str = "S0033";
const LEVEL_MAX: u8 = 14;
const ETA_MAX_S: i64 = 255;

/// What is done with a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Ask for a signal group, for a kind of vehicle ("emergency", "tram", "bus").
    New {
        /// The signal group's id at the site.
        group: String,
        /// The kind of vehicle.
        vehicle: String,
    },
    /// Give a new arrival.
    Update,
    /// Take it back.
    Cancel,
}

/// The arguments of M0022. The reference goes with a new request alone, and what does not apply is
/// left out, as the list demands. The level is 14 at most, the arrival 255 s.
#[must_use]
pub fn request(id: &str, change: &Change, level: u8, arrival_in: Millis) -> Vec<Argument> {
    let argument = |name: &str, value: String| Argument {
        code: COMMAND.into(),
        name: name.into(),
        command: "requestPriority".into(),
        value: Value::String(value),
    };
    let mut arguments = vec![argument("requestId", id.into())];
    let kind = match change {
        Change::New { group, vehicle } => {
            arguments.push(argument("signalGroupId", group.clone()));
            arguments.push(argument("vehicleType", vehicle.clone()));
            "new"
        }
        Change::Update => "update",
        Change::Cancel => "cancel",
    };
    arguments.push(argument("type", kind.into()));
    if *change != Change::Cancel {
        let eta_s = (arrival_in.0.max(0) / 1000).min(ETA_MAX_S);
        arguments.push(argument("level", level.min(LEVEL_MAX).to_string()));
        arguments.push(argument("eta", eta_s.to_string()));
    }
    arguments
}

/// The states in a value of S0033: request id and state. `None` when the value is another one, or
/// not as the list has it; unknown states of single requests are left out.
#[must_use]
pub fn states(value: &StatusValue) -> Option<Vec<(String, RequestState)>> {
    if value.code != LIST || value.name != "status" {
        return None;
    }
    let entries = value.value.as_array()?;
    let entry = |entry: &Value| {
        let request = entry.get("r")?.as_str()?;
        Some((request.to_owned(), state(entry.get("s")?.as_str()?)?))
    };
    Some(entries.iter().filter_map(entry).collect())
}

fn state(word: &str) -> Option<RequestState> {
    [
        RequestState::Received,
        RequestState::Queued,
        RequestState::Activated,
        RequestState::Completed,
        RequestState::Timeout,
        RequestState::Rejected,
        RequestState::Cooldown,
        RequestState::Stale,
    ]
    .into_iter()
    .find(|state| state.word() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_request_names_its_group_and_everything_is_text() {
        let change = Change::New { group: "A1".into(), vehicle: "emergency".into() };
        let arguments = request("amb7", &change, 20, Millis(1_900_000));
        let pairs: Vec<(&str, &str)> =
            arguments.iter().map(|a| (a.name.as_str(), a.value.as_str().expect("text"))).collect();
        assert_eq!(
            pairs,
            [
                ("requestId", "amb7"),
                ("signalGroupId", "A1"),
                ("vehicleType", "emergency"),
                ("type", "new"),
                ("level", "14"),
                ("eta", "255"),
            ]
        );
    }

    #[test]
    fn an_update_or_cancel_leaves_the_reference_out() {
        let names = |change: Change| {
            request("amb7", &change, 14, Millis(2_000)).into_iter().map(|a| a.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Change::Update), ["requestId", "type", "level", "eta"]);
        assert_eq!(names(Change::Cancel), ["requestId", "type"]);
    }

    #[test]
    fn states_are_read_from_the_list() {
        let list = StatusValue {
            code: "S0033".into(),
            name: "status".into(),
            value: serde_json::json!([{"r": "a", "s": "queued"}, {"r": "b", "s": "nonsense"}, {"s": "stale"}]),
            quality: "recent".into(),
        };
        assert_eq!(states(&list), Some(vec![("a".into(), RequestState::Queued)]));
        assert_eq!(states(&StatusValue { value: Value::Null, ..list }), None);
    }
}
