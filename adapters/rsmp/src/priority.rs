//! The priority request (M0022) and the list of their states (S0033) of the signal exchange list
//! for traffic light controllers, 1.1 and later.

pub use clearway_contract::plainly;
use clearway_signals::{Millis, RequestState};
use serde_json::Value;

use crate::frame::{Argument, StatusValue};
use crate::time;

const COMMAND: &str = "M0022";
const LIST: &str = "S0033";
/// The highest level.
pub const LEVEL_MAX: u8 = 14;
/// The latest arrival that we announce, although the list has room for 255 s. A controller counts the
/// life of a request that nobody updates from its announced arrival: whoever announces a later one
/// leaves the request standing for longer when he falls silent. A vehicle that is further away is
/// announced so and corrected by the updates.
pub const ARRIVAL_MAX: Millis = Millis::from_s(30);

/// What a request asks priority for. Exactly one, and only with a new request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reference {
    /// A signal group, by its component id.
    SignalGroup(String),
    /// An input, numbered as in M0006. The input itself is not switched.
    Input(u8),
    /// A movement from one lane to another.
    Connection(u8),
    /// An approach, 0 to 16.
    Approach(u8),
    /// A lane in, and perhaps the lane out.
    Lane {
        /// The lane in.
        inward: u8,
        /// The lane out.
        outward: Option<u8>,
    },
    /// A priority as the controller is configured.
    Priority(u8),
}

/// What is done with a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Ask, for a kind of vehicle ("emergency", "tram", "bus").
    New {
        /// What for.
        reference: Reference,
        /// The kind of vehicle.
        vehicle: String,
    },
    /// Give a new arrival.
    Update,
    /// Take it back.
    Cancel,
}

/// The arguments of M0022. The reference goes with a new request alone, and what does not apply is
/// left out, as the list demands. The level is 14 at most, the arrival [`ARRIVAL_MAX`].
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
        Change::New { reference, vehicle } => {
            arguments.extend(named(reference).map(|(name, value)| argument(name, value)));
            arguments.push(argument("vehicleType", vehicle.clone()));
            "new"
        }
        Change::Update => "update",
        Change::Cancel => "cancel",
    };
    arguments.push(argument("type", kind.into()));
    // The level is no optional argument of the list: a cancellation has one too.
    arguments.push(argument("level", level.min(LEVEL_MAX).to_string()));
    if *change != Change::Cancel {
        let eta = arrival_in.max(Millis::ZERO).min(ARRIVAL_MAX);
        arguments.push(argument("eta", (eta.0 / 1000).to_string()));
    }
    arguments
}

/// The arguments that name a reference.
pub fn named(reference: &Reference) -> impl Iterator<Item = (&'static str, String)> {
    let (first, second) = match reference {
        Reference::SignalGroup(id) => (("signalGroupId", id.clone()), None),
        Reference::Input(number) => (("inputId", number.to_string()), None),
        Reference::Connection(number) => (("connectionId", number.to_string()), None),
        Reference::Approach(number) => (("approachId", number.to_string()), None),
        Reference::Lane { inward, outward } => {
            (("laneInId", inward.to_string()), outward.map(|lane| ("laneOutId", lane.to_string())))
        }
        Reference::Priority(number) => (("priorityId", number.to_string()), None),
    };
    core::iter::once(first).chain(second)
}

/// One request as S0033 shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: RequestState,
    /// When it came to stand there, milliseconds since 1970, where the site says so.
    pub unix_ms: Option<i64>,
    /// Green that the controller added for it, seconds, where it says so at the end.
    pub green_extended_s: Option<u8>,
    /// Red that the controller took away for it, seconds, where it says so at the end.
    pub red_reduced_s: Option<u8>,
}

/// The requests in a value of S0033. `None` when the value is another one, or not as the list has it;
/// single requests in unknown states are left out.
#[must_use]
pub fn states(value: &StatusValue) -> Option<Vec<Shown>> {
    if value.code != LIST || value.name != "status" {
        return None;
    }
    let entries = value.value.as_array()?;
    let seconds = |entry: &Value, name: &str| {
        let value = entry.get(name)?;
        // Within arrays lists differ on whether integers are text.
        value.as_u64().and_then(|s| s.try_into().ok()).or_else(|| value.as_str()?.parse().ok())
    };
    let entry = |entry: &Value| {
        Some(Shown {
            id: entry.get("r")?.as_str()?.to_owned(),
            state: state(entry.get("s")?.as_str()?)?,
            unix_ms: entry.get("t").and_then(Value::as_str).and_then(time::parse),
            green_extended_s: seconds(entry, "e"),
            red_reduced_s: seconds(entry, "d"),
        })
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

    fn pairs(arguments: &[Argument]) -> Vec<(&str, &str)> {
        arguments.iter().map(|a| (a.name.as_str(), a.value.as_str().expect("text"))).collect()
    }

    #[test]
    fn a_new_request_names_its_group_and_everything_is_text() {
        let reference = Reference::SignalGroup("A1".into());
        let change = Change::New { reference, vehicle: "emergency".into() };
        let arguments = request("amb7", &change, 20, Millis(1_900_000));
        assert_eq!(
            pairs(&arguments),
            [
                ("requestId", "amb7"),
                ("signalGroupId", "A1"),
                ("vehicleType", "emergency"),
                ("type", "new"),
                ("level", "14"),
                ("eta", "30"),
            ]
        );
    }

    #[test]
    fn an_update_or_cancel_leaves_the_reference_out() {
        let names = |change: Change| {
            request("amb7", &change, 14, Millis(2_000)).into_iter().map(|a| a.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Change::Update), ["requestId", "type", "level", "eta"]);
        assert_eq!(names(Change::Cancel), ["requestId", "type", "level"]);
    }

    #[test]
    fn a_lane_out_goes_only_with_a_lane_in() {
        let change = |outward| Change::New {
            reference: Reference::Lane { inward: 3, outward },
            vehicle: "bus".into(),
        };
        let lanes = |outward| {
            let arguments = request("b", &change(outward), 1, Millis::ZERO);
            arguments.iter().filter(|a| a.name.starts_with("lane")).count()
        };
        assert_eq!((lanes(None), lanes(Some(4))), (1, 2));
    }

    #[test]
    fn states_are_read_from_the_list() {
        let given = serde_json::json!([
            {"r": "a", "s": "queued"},
            {"r": "b", "s": "nonsense"},
            {"s": "stale"},
            {"r": "c", "s": "completed", "t": "1970-01-01T00:00:01.000Z", "e": 5, "d": "7"},
        ]);
        let list = StatusValue {
            code: "S0033".into(),
            name: "status".into(),
            value: given,
            quality: "recent".into(),
        };
        let shown = states(&list).expect("a list");
        let of = |request: &Shown| (request.id.clone(), request.state, request.unix_ms);
        assert_eq!(of(&shown[0]), ("a".into(), RequestState::Queued, None));
        assert_eq!(of(&shown[1]), ("c".into(), RequestState::Completed, Some(1_000)));
        assert_eq!((shown[1].green_extended_s, shown[1].red_reduced_s), (Some(5), Some(7)));
        assert_eq!(shown.len(), 2);
        assert_eq!(states(&StatusValue { value: Value::Null, ..list }), None);
    }
}
