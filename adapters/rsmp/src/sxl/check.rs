//! Whether a message says what the list allows.

use serde_json::Value;

use super::{Argument, Entry, Type, alarm, command, status};
use crate::frame;
use crate::version::Sxl;

/// How a message differs from the list.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Mismatch {
    /// No such status, command or alarm in this version.
    #[error("{0} is not in the signal exchange list")]
    Code(String),
    /// No such argument or value.
    #[error("{code} has no {name:?}")]
    Name {
        /// The entry.
        code: String,
        /// The argument or value.
        name: String,
    },
    /// The command's own name is another one.
    #[error("the command of {code} is {expected:?}")]
    Command {
        /// The entry.
        code: String,
        /// The name that it has.
        expected: &'static str,
    },
    /// An argument that must be there is not.
    #[error("{code} lacks {name:?}")]
    Missing {
        /// The entry.
        code: String,
        /// The argument.
        name: &'static str,
    },
    /// A value that is not of its type or out of its range.
    #[error("{code} {name}: the value is not allowed")]
    Value {
        /// The entry.
        code: String,
        /// The argument or value.
        name: String,
    },
}

/// Whether the list has this value of this status.
///
/// # Errors
/// How it differs.
pub fn check_status_name(code: &str, name: &str, sxl: Sxl) -> Result<(), Mismatch> {
    let entry = status(code, sxl).ok_or_else(|| Mismatch::Code(code.into()))?;
    argument(entry, name, sxl).map(|_| ())
}

/// Whether a value of a status is one that the list allows. Null goes with the qualities that say
/// that there is no value.
///
/// # Errors
/// How it differs.
pub fn check_status_value(value: &frame::StatusValue, sxl: Sxl) -> Result<(), Mismatch> {
    if matches!(value.quality.as_str(), "undefined" | "unknown") {
        return Ok(());
    }
    let entry = status(&value.code, sxl).ok_or_else(|| Mismatch::Code(value.code.clone()))?;
    check(entry, &value.name, &value.value, sxl)
}

/// Whether the arguments are whole commands of the list.
///
/// # Errors
/// The first difference.
pub fn check_command(arguments: &[frame::Argument], sxl: Sxl) -> Result<(), Mismatch> {
    for given in arguments {
        let entry = command(&given.code, sxl).ok_or_else(|| Mismatch::Code(given.code.clone()))?;
        if entry.command != given.command {
            return Err(Mismatch::Command { code: given.code.clone(), expected: entry.command });
        }
        check(entry, &given.name, &given.value, sxl)?;
        let missing = entry.arguments.iter().find(|argument| {
            let there = arguments.iter().any(|a| a.code == given.code && a.name == argument.name);
            argument.is_in(sxl) && !argument.optional && !there
        });
        if let Some(argument) = missing {
            return Err(Mismatch::Missing { code: given.code.clone(), name: argument.name });
        }
    }
    Ok(())
}

/// Whether the values of an alarm are those of the list.
///
/// # Errors
/// The first difference.
pub fn check_alarm(given: &frame::Alarm, sxl: Sxl) -> Result<(), Mismatch> {
    let entry = alarm(&given.code, sxl).ok_or_else(|| Mismatch::Code(given.code.clone()))?;
    let values = given.values.iter().flatten();
    values.into_iter().try_for_each(|value| check(entry, &value.name, &value.value, sxl))
}

fn check(entry: &'static Entry, name: &str, value: &Value, sxl: Sxl) -> Result<(), Mismatch> {
    let argument = argument(entry, name, sxl)?;
    let fits = allows(argument.value, value);
    fits.then_some(()).ok_or_else(|| Mismatch::Value { code: entry.code.into(), name: name.into() })
}

fn argument(entry: &'static Entry, name: &str, sxl: Sxl) -> Result<&'static Argument, Mismatch> {
    let found = entry.argument(name, sxl);
    found.ok_or_else(|| Mismatch::Name { code: entry.code.into(), name: name.into() })
}

fn allows(expected: Type, value: &Value) -> bool {
    if expected == Type::Array {
        return value.is_array();
    }
    let Some(text) = value.as_str() else { return false };
    match expected {
        Type::Text | Type::Array => true,
        Type::Word(words) => words.contains(&text),
        Type::Integer(least, most) => integer(text, least, most),
        Type::Boolean => boolean(text),
        Type::Integers(least, most) => text.split(',').all(|part| integer(part, least, most)),
        Type::Booleans => text.split(',').all(boolean),
        Type::Words(words) => text.split(',').all(|part| words.is_empty() || words.contains(&part)),
        Type::Timestamp => crate::time::parse(text).is_some(),
        Type::Base64 => text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)),
    }
}

fn boolean(text: &str) -> bool {
    matches!(text, "True" | "False")
}

fn integer(text: &str, least: i32, most: i32) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let written = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    written && text.parse().is_ok_and(|number: i32| (least..=most).contains(&number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::priority::{Change, request};
    use crate::sxl::{ALARMS, COMMANDS, STATUSES};
    use clearway_signals::Millis;

    fn value(code: &str, name: &str, value: Value) -> Result<(), Mismatch> {
        let quality = "recent".into();
        let value = frame::StatusValue { code: code.into(), name: name.into(), value, quality };
        check_status_value(&value, Sxl::V1_1)
    }

    #[test]
    fn values_are_held_against_their_types() {
        assert_eq!(value("S0001", "stage", json!("12")), Ok(()));
        assert_eq!(value("S0007", "status", json!("True,False")), Ok(()));
        assert_eq!(value("S0205", "vehicles", json!("0,-1,65535")), Ok(()));
        assert_eq!(value("S0097", "timestamp", json!("2026-03-01T10:00:00.000Z")), Ok(()));
        for (code, name, wrong) in [
            ("S0001", "stage", json!(12)),
            ("S0001", "stage", json!("+12")),
            ("S0001", "stage", json!("1000")),
            ("S0005", "status", json!(true)),
            ("S0005", "status", json!("true")),
            ("S0033", "status", json!("[]")),
            ("S0097", "timestamp", json!("yesterday")),
            ("S0020", "controlmode", json!("asleep")),
        ] {
            assert!(matches!(value(code, name, wrong), Err(Mismatch::Value { .. })), "{code} {name}");
        }
        assert!(matches!(value("S0001", "other", json!("")), Err(Mismatch::Name { .. })));
        assert!(matches!(value("S0035", "emergencyroutes", json!([])), Err(Mismatch::Code(_))));
    }

    #[test]
    fn a_command_is_whole_and_has_its_own_name() {
        let mut arguments = request("a", &Change::Update, 1, Millis::ZERO);
        assert_eq!(check_command(&arguments, Sxl::V1_1), Ok(()));
        assert!(matches!(check_command(&arguments, Sxl::V1_0_15), Err(Mismatch::Code(_))));
        arguments[0].command = "ask".into();
        assert!(matches!(check_command(&arguments, Sxl::V1_1), Err(Mismatch::Command { .. })));
        arguments.remove(0);
        let missing = Mismatch::Missing { code: "M0022".into(), name: "requestId" };
        assert_eq!(check_command(&arguments, Sxl::V1_1), Err(missing));
    }

    #[test]
    fn codes_stand_once_and_in_order() {
        for entries in [STATUSES, COMMANDS, ALARMS] {
            assert!(entries.windows(2).all(|pair| pair[0].code < pair[1].code));
        }
    }
}
