//! RSMP messages of a supervisor (core 3.2; signal exchange list for traffic light controllers).

use crate::allow::{Passed, Refused};
use crate::json::{Json, parse};

/// What every argument of a command has.
const ARGUMENT: [&str; 4] = ["cCI", "n", "cO", "v"];
/// Whatever names what a priority request is for.
const REFERENCES: [&str; 7] =
    ["signalGroupId", "inputId", "connectionId", "approachId", "laneInId", "laneOutId", "priorityId"];
/// The other arguments of a priority request.
const REQUEST: [&str; 5] = ["requestId", "type", "level", "eta", "vehicleType"];
const LEVEL_MAX: u16 = 14;
const ETA_MAX_S: u16 = 255;

/// What one site lets out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RsmpAllow {
    /// The component that commands may go to.
    pub component: String,
    /// What the ids of our requests begin with.
    pub request_prefix: String,
    /// The references of own rows: argument and value; several in one row (lane in and out) as
    /// several entries.
    pub references: Vec<(String, String)>,
    /// Emergency routes that a waiver allows (M0005).
    pub routes: Vec<u8>,
    /// Inputs that a waiver allows (M0006).
    pub inputs: Vec<u8>,
    /// Codes of other commands that a primary supervisor may send.
    pub commands: Vec<&'static str>,
}

/// Whether one outgoing message, without its form feed, passes: acknowledgements, versions,
/// watchdogs, questions and what is done about alarms; commands only as priority requests of own
/// rows, and as what a waiver allows.
///
/// # Errors
/// Why it does not.
pub fn check_packet(bytes: &[u8], allow: &RsmpAllow) -> Result<Passed, Refused> {
    let message = parse(bytes)?;
    if message.text("mType") != Some("rSMsg") {
        return Err(Refused::Malformed("another protocol"));
    }
    match message.text("type") {
        Some(
            "Version"
            | "Watchdog"
            | "MessageAck"
            | "MessageNotAck"
            | "StatusRequest"
            | "StatusSubscribe"
            | "StatusUnsubscribe"
            | "AggregatedStatusRequest",
        ) => Ok(Passed::Read),
        Some("Alarm") => match message.text("aSp") {
            Some("Acknowledge" | "Suspend" | "Resume" | "Request") => Ok(Passed::Read),
            _ => Err(Refused::NotAllowed("an alarm of our own")),
        },
        Some("CommandRequest") => check_command(&message, allow).map(|()| Passed::Write),
        _ => Err(Refused::Unused("RSMP message type")),
    }
}

fn check_command(message: &Json, allow: &RsmpAllow) -> Result<(), Refused> {
    if message.text("cId") != Some(&allow.component) {
        return Err(Refused::NotAllowed("a command to another component"));
    }
    let arguments = message.list("arg").filter(|arguments| !arguments.is_empty());
    let arguments = arguments.ok_or(Refused::Malformed("a command without arguments"))?;
    let command = Command::read(arguments)?;
    match (command.code, command.name) {
        ("M0022", "requestPriority") => command.check_request(allow),
        ("M0005", "setEmergency") => command.check_switch("emergencyroute", &allow.routes),
        ("M0006", "setInput") => command.check_switch("input", &allow.inputs),
        (code, _) if allow.commands.contains(&code) => Ok(()),
        _ => Err(Refused::NotAllowed("a command that is not ours to send")),
    }
}

/// One command with its arguments.
struct Command<'a> {
    code: &'a str,
    name: &'a str,
    arguments: Vec<(&'a str, &'a str)>,
}

impl<'a> Command<'a> {
    /// All arguments belong to one command, each stands once and is text.
    fn read(arguments: &'a [Json]) -> Result<Self, Refused> {
        let malformed = || Refused::Malformed("an argument of a command");
        let mut command: Option<Self> = None;
        for argument in arguments {
            let whole = argument.has_only(&ARGUMENT).then_some(()).and_then(|()| {
                let text = |name| argument.text(name);
                Some((text("cCI")?, text("cO")?, text("n")?, text("v")?))
            });
            let (code, name, key, value) = whole.ok_or_else(malformed)?;
            let command = command.get_or_insert(Self { code, name, arguments: Vec::new() });
            if command.code != code || command.name != name {
                return Err(Refused::NotAllowed("several commands in one message"));
            }
            if command.get(key).is_some() {
                return Err(malformed());
            }
            command.arguments.push((key, value));
        }
        command.ok_or_else(malformed)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.arguments.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    fn check_request(&self, allow: &RsmpAllow) -> Result<(), Refused> {
        let known = |key: &str| REQUEST.contains(&key) || REFERENCES.contains(&key);
        if !self.arguments.iter().all(|(key, _)| known(key)) {
            return Err(Refused::NotAllowed("an unknown argument of a priority request"));
        }
        let id = self.get("requestId").unwrap_or_default();
        if allow.request_prefix.is_empty() || !id.starts_with(&allow.request_prefix) {
            return Err(Refused::NotAllowed("a request that is not ours"));
        }
        if !self.get("level").is_some_and(|level| is_number(level, LEVEL_MAX)) {
            return Err(Refused::Value("priority level"));
        }
        if !self.get("eta").is_none_or(|eta| is_number(eta, ETA_MAX_S)) {
            return Err(Refused::Value("arrival"));
        }
        let mut references = self.arguments.iter().filter(|(key, _)| REFERENCES.contains(key)).peekable();
        match self.get("type") {
            Some("new") if references.peek().is_none() => Err(Refused::NotAllowed("a request for nothing")),
            Some("new") => {
                let ours = |(key, value): &(&str, &str)| {
                    allow.references.iter().any(|(name, number)| name == key && number == value)
                };
                let all = references.all(ours);
                all.then_some(()).ok_or(Refused::NotAllowed("a request for a row that is not ours"))
            }
            Some("update" | "cancel") if references.peek().is_none() => Ok(()),
            _ => Err(Refused::Value("kind of request")),
        }
    }

    fn check_switch(&self, name: &str, allowed: &[u8]) -> Result<(), Refused> {
        let expected = |key: &str| key == "status" || key == "securityCode" || key == name;
        if !self.arguments.iter().all(|(key, _)| expected(key)) {
            return Err(Refused::NotAllowed("an unknown argument of a command"));
        }
        if !matches!(self.get("status"), Some("True" | "False")) {
            return Err(Refused::Value("status of a command"));
        }
        let number = self.get(name).filter(|word| is_number(word, 255)).and_then(|word| word.parse().ok());
        let ours = number.is_some_and(|number: u8| allowed.contains(&number));
        ours.then_some(()).ok_or(Refused::NotAllowed("a command without expiry and waiver"))
    }
}

fn is_number(word: &str, most: u16) -> bool {
    let digits = !word.is_empty() && word.len() <= 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    digits && word.parse().is_ok_and(|number: u16| number <= most)
}

#[cfg(test)]
mod tests;
