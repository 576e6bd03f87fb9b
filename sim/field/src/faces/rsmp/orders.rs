//! Reading commands by the table of the signal exchange list, a little more tolerant than a supervisor
//! may be: the names that supervisors in the field use, and a cancellation or update without a level.
//!
//! What is missing, unknown, of another type or out of range is refused as a whole, before anything is
//! done.

use std::collections::BTreeMap;

use clearway_rsmp::Sxl;
use clearway_rsmp::frame::Argument;
use clearway_rsmp::sxl::{self, Entry, Scope, Type};
use serde_json::Value;

/// Longest text of one argument.
const TEXT_MAX: usize = 16 * 1024;

/// Names that supervisors in the field use beside the list's own.
const OTHER_NAMES: [(&str, &str); 2] = [("M0013", "setInputs"), ("M0017", "setDayTable")];

/// One command with checked arguments.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// Which.
    pub order: &'static Entry,
    values: BTreeMap<&'static str, &'a str>,
}

impl Given<'_> {
    /// The text of an argument; `None` where it was left out.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).copied()
    }

    /// Whether an argument is "True".
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("True")
    }

    /// The number of an argument; `None` where it was left out.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// The number of an argument as a byte; `None` where it was left out or is no single byte.
    #[must_use]
    pub fn byte(&self, name: &str) -> Option<u8> {
        self.number(name).and_then(|number| u8::try_from(number).ok())
    }
}

/// Check the arguments of a request: the commands in it, in the order of their first argument.
///
/// # Errors
/// A sentence for people.
pub fn check<'a>(arguments: &'a [Argument], of: Scope, sxl: Sxl) -> Result<Vec<Given<'a>>, String> {
    if arguments.is_empty() {
        return Err("a command without arguments".into());
    }
    let mut given: Vec<Given<'a>> = Vec::new();
    for argument in arguments {
        let order = find(argument, of, sxl)?;
        let field = order
            .argument(&argument.name, sxl)
            .ok_or_else(|| format!("{} has no argument {}", order.code, argument.name))?;
        let text = text_of(argument)?;
        check_type(order.code, field, text)?;
        let place = given.iter().position(|given| given.order.code == order.code).unwrap_or_else(|| {
            given.push(Given { order, values: BTreeMap::new() });
            given.len() - 1
        });
        if given[place].values.insert(field.name, text).is_some() {
            return Err(format!("{}: argument {} twice", order.code, field.name));
        }
    }
    given.iter().try_for_each(|given| check_whole(given, sxl))?;
    Ok(given)
}

fn check_whole(given: &Given<'_>, sxl: Sxl) -> Result<(), String> {
    let is_change = given.order.code == "M0022" && given.text("type") != Some("new");
    let missing = given.order.arguments.iter().find(|argument| {
        let needed = argument.is_in(sxl) && !argument.optional && !(is_change && argument.name == "level");
        needed && !given.values.contains_key(argument.name)
    });
    match missing {
        Some(missing) => Err(format!("{}: argument {} is missing", given.order.code, missing.name)),
        None => Ok(()),
    }
}

fn find(argument: &Argument, of: Scope, sxl: Sxl) -> Result<&'static Entry, String> {
    let code = &argument.code;
    let order = sxl::command(code, sxl)
        .ok_or_else(|| format!("unknown command {code} in list version {}", sxl.word()))?;
    let name = argument.command.as_str();
    if order.command != name && !OTHER_NAMES.contains(&(order.code, name)) {
        return Err(format!("{code} is {}, not {name}", order.command));
    }
    if order.scope == of { Ok(order) } else { Err(format!("this kind of component takes no {code}")) }
}

fn text_of(argument: &Argument) -> Result<&str, String> {
    match &argument.value {
        Value::String(text) if text.len() <= TEXT_MAX => Ok(text),
        Value::String(_) => Err(format!("{}: argument {} is too long", argument.code, argument.name)),
        _ => Err(format!("{}: argument {} must travel as text", argument.code, argument.name)),
    }
}

fn check_type(code: &str, field: &sxl::Argument, text: &str) -> Result<(), String> {
    let name = field.name;
    match field.value {
        Type::Boolean if !matches!(text, "True" | "False") => {
            Err(format!("{code}: {name} must be True or False, not {text:?}"))
        }
        Type::Word(words) | Type::Words(words) if !words.is_empty() && !words.contains(&text) => {
            Err(format!("{code}: {name} must be one of {words:?}, not {text:?}"))
        }
        Type::Integer(least, most) | Type::Integers(least, most) => match text.parse::<i32>() {
            Ok(number) if (least..=most).contains(&number) => Ok(()),
            _ => Err(format!("{code}: {name} must be a number from {least} to {most}, not {text:?}")),
        },
        _ => Ok(()),
    }
}
