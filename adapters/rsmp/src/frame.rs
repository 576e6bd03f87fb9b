//! The messages of RSMP core 3.1.2 to 3.2.2 (section "Basic structure").
//!
//! Integers and booleans travel as text ("14", "True"): sites refuse JSON's own. What is empty
//! travels as "" and never as null, except the aggregated status and values of unknown quality.

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A message of RSMP core.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Message {
    /// Taken, by the id of the message that is answered.
    MessageAck(Ack),
    /// Refused, with the reason.
    MessageNotAck(NotAck),
    /// Which versions a side speaks, and which site it is.
    Version(Version),
    /// A sign of life.
    Watchdog(Watchdog),
    /// The site's overall state.
    AggregatedStatus(AggregatedStatus),
    /// Asks for it.
    AggregatedStatusRequest(Addressed),
    /// An alarm, its acknowledgement, suspension or request.
    Alarm(Alarm),
    /// Commands to a component.
    CommandRequest(CommandRequest),
    /// What came of them. Not a proof that they were carried out.
    CommandResponse(CommandResponse),
    /// Asks for statuses once.
    StatusRequest(StatusRequest),
    /// The statuses that were asked for.
    StatusResponse(StatusValues),
    /// Asks for statuses as they change.
    StatusSubscribe(StatusSubscribe),
    /// Asks no longer.
    StatusUnsubscribe(StatusRequest),
    /// The statuses that were subscribed.
    StatusUpdate(StatusValues),
}

impl Message {
    /// The word in `type`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::MessageAck(_) => "MessageAck",
            Self::MessageNotAck(_) => "MessageNotAck",
            Self::Version(_) => "Version",
            Self::Watchdog(_) => "Watchdog",
            Self::AggregatedStatus(_) => "AggregatedStatus",
            Self::AggregatedStatusRequest(_) => "AggregatedStatusRequest",
            Self::Alarm(_) => "Alarm",
            Self::CommandRequest(_) => "CommandRequest",
            Self::CommandResponse(_) => "CommandResponse",
            Self::StatusRequest(_) => "StatusRequest",
            Self::StatusResponse(_) => "StatusResponse",
            Self::StatusSubscribe(_) => "StatusSubscribe",
            Self::StatusUnsubscribe(_) => "StatusUnsubscribe",
            Self::StatusUpdate(_) => "StatusUpdate",
        }
    }

    /// The component that the message is about, where it is about one.
    #[must_use]
    pub fn component(&self) -> Option<&str> {
        match self {
            Self::MessageAck(_) | Self::MessageNotAck(_) | Self::Version(_) | Self::Watchdog(_) => None,
            Self::AggregatedStatus(m) => m.component.as_deref(),
            Self::AggregatedStatusRequest(m) => Some(&m.component),
            Self::Alarm(m) => Some(&m.component),
            Self::CommandRequest(m) => Some(&m.component),
            Self::CommandResponse(m) => Some(&m.component),
            Self::StatusRequest(m) | Self::StatusUnsubscribe(m) => Some(&m.component),
            Self::StatusResponse(m) | Self::StatusUpdate(m) => Some(&m.component),
            Self::StatusSubscribe(m) => Some(&m.component),
        }
    }

    /// The id that an acknowledgement must repeat; `None` for acknowledgements themselves.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::MessageAck(_) | Self::MessageNotAck(_) => None,
            Self::Version(m) => Some(&m.id),
            Self::Watchdog(m) => Some(&m.id),
            Self::AggregatedStatus(m) => Some(&m.id),
            Self::AggregatedStatusRequest(m) => Some(&m.id),
            Self::Alarm(m) => Some(&m.id),
            Self::CommandRequest(m) => Some(&m.id),
            Self::CommandResponse(m) => Some(&m.id),
            Self::StatusRequest(m) | Self::StatusUnsubscribe(m) => Some(&m.id),
            Self::StatusResponse(m) | Self::StatusUpdate(m) => Some(&m.id),
            Self::StatusSubscribe(m) => Some(&m.id),
        }
    }
}

impl Message {
    /// Give the message another id; acknowledgements have none.
    pub fn set_id(&mut self, id: String) {
        let place = match self {
            Self::MessageAck(_) | Self::MessageNotAck(_) => return,
            Self::Version(m) => &mut m.id,
            Self::Watchdog(m) => &mut m.id,
            Self::AggregatedStatus(m) => &mut m.id,
            Self::AggregatedStatusRequest(m) => &mut m.id,
            Self::Alarm(m) => &mut m.id,
            Self::CommandRequest(m) => &mut m.id,
            Self::CommandResponse(m) => &mut m.id,
            Self::StatusRequest(m) | Self::StatusUnsubscribe(m) => &mut m.id,
            Self::StatusResponse(m) | Self::StatusUpdate(m) => &mut m.id,
            Self::StatusSubscribe(m) => &mut m.id,
        };
        *place = id;
    }
}

/// An acknowledgement.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ack {
    /// The message that is answered.
    #[serde(rename = "oMId")]
    pub of: String,
}

/// A refusal.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NotAck {
    /// The message that is answered.
    #[serde(rename = "oMId")]
    pub of: String,
    /// Why.
    #[serde(rename = "rea", default)]
    pub reason: String,
}

/// Versions and site.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Version {
    /// A version 4 UUID, as in every message.
    #[serde(rename = "mId")]
    pub id: String,
    /// Core versions that are spoken.
    #[serde(rename = "RSMP")]
    pub core: Vec<CoreVersion>,
    /// Version of the signal exchange list.
    #[serde(rename = "SXL")]
    pub sxl: String,
    /// The site.
    #[serde(rename = "siteId")]
    pub sites: Vec<SiteId>,
}

/// A core version.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CoreVersion {
    /// "3.1.5", "3.2", "3.2.2".
    pub vers: String,
}

/// The id of a site.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SiteId {
    /// The id.
    #[serde(rename = "sId")]
    pub id: String,
}

/// A sign of life.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Watchdog {
    /// The message's id.
    #[serde(rename = "mId")]
    pub id: String,
    /// UTC with milliseconds and `Z`. The site sets its clock by its primary supervisor's.
    #[serde(rename = "wTs")]
    pub at: String,
}

/// A message to a component without more.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Addressed {
    /// The message's id.
    #[serde(rename = "mId")]
    pub id: String,
    /// The id of the object in the national system (NTS); empty where there is none.
    #[serde(rename = "ntsOId", default, deserialize_with = "text_or_null")]
    pub nts_object: String,
    /// The id of the object between the NTS and other systems; empty where there is none.
    #[serde(rename = "xNId", default, deserialize_with = "text_or_null")]
    pub external_nts: String,
    /// The component.
    #[serde(rename = "cId")]
    pub component: String,
}

/// The site's overall state.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AggregatedStatus {
    /// The message's id.
    #[serde(rename = "mId")]
    pub id: String,
    /// The id of the object in the national system (NTS); empty where there is none.
    #[serde(rename = "ntsOId", default, deserialize_with = "text_or_null")]
    pub nts_object: String,
    /// The id of the object between the NTS and other systems; empty where there is none.
    #[serde(rename = "xNId", default, deserialize_with = "text_or_null")]
    pub external_nts: String,
    /// The component; absent in old versions.
    #[serde(rename = "cId", default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// When.
    #[serde(rename = "aSTS")]
    pub at: String,
    /// Functional position.
    #[serde(rename = "fP")]
    pub position: Option<String>,
    /// Functional state.
    #[serde(rename = "fS")]
    pub state: Option<String>,
    /// Local control, communication lost, high, medium, low priority fault, in use, idle, not
    /// connected.
    ///
    /// JSON's own booleans; text ("true") in core 3.1.2, which [`crate::codec::encode_for`] writes.
    #[serde(rename = "se", deserialize_with = "bits")]
    pub bits: [bool; 8],
}

/// An alarm, or what is done about one.
///
/// The fields from `acknowledged` on belong to what a site says; a supervisor's acknowledgement,
/// suspension, resumption or request has none of them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Alarm {
    /// The message's id.
    #[serde(rename = "mId")]
    pub id: String,
    /// The id of the object in the national system (NTS); empty where there is none.
    #[serde(rename = "ntsOId", default, deserialize_with = "text_or_null")]
    pub nts_object: String,
    /// The id of the object between the NTS and other systems; empty where there is none.
    #[serde(rename = "xNId", default, deserialize_with = "text_or_null")]
    pub external_nts: String,
    /// The component.
    #[serde(rename = "cId")]
    pub component: String,
    /// The alarm's code, "A0006".
    #[serde(rename = "aCId")]
    pub code: String,
    /// The manufacturer's own code and description.
    #[serde(rename = "xACId", default, deserialize_with = "text_or_null")]
    pub external_code: String,
    /// The code between the NTS and other systems.
    #[serde(rename = "xNACId", default, deserialize_with = "text_or_null")]
    pub external_nts_code: String,
    /// Issue, Acknowledge, Suspend, Resume or Request; before 3.2 in either case of the first letter.
    #[serde(rename = "aSp")]
    pub kind: String,
    /// "Acknowledged" or "notAcknowledged".
    #[serde(rename = "ack", default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<String>,
    /// "Active" or "inActive".
    #[serde(rename = "aS", default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// "suspended" or "notSuspended".
    #[serde(rename = "sS", default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<String>,
    /// When the event that `kind` names happened at the site, UTC.
    #[serde(rename = "aTs", default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// "T" for traffic, "D" for technical.
    #[serde(rename = "cat", default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// "1" immediate action, "2" the next shift, "3" the next planned maintenance.
    #[serde(rename = "pri", default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// The values that the list gives to this alarm.
    #[serde(rename = "rvs", default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<AlarmValue>>,
}

/// A value of an alarm.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct AlarmValue {
    /// Its name.
    #[serde(rename = "n")]
    pub name: String,
    /// The value.
    #[serde(rename = "v")]
    pub value: Value,
}

/// Commands.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CommandRequest {
    /// The message's id.
    #[serde(rename = "mId")]
    pub id: String,
    /// The id of the object in the national system (NTS); empty where there is none.
    #[serde(rename = "ntsOId", default, deserialize_with = "text_or_null")]
    pub nts_object: String,
    /// The id of the object between the NTS and other systems; empty where there is none.
    #[serde(rename = "xNId", default, deserialize_with = "text_or_null")]
    pub external_nts: String,
    /// The component.
    #[serde(rename = "cId")]
    pub component: String,
    /// The arguments of the commands.
    pub arg: Vec<Argument>,
}

/// One argument of a command.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Argument {
    /// The command, "M0022".
    #[serde(rename = "cCI")]
    pub code: String,
    /// The argument's name.
    #[serde(rename = "n")]
    pub name: String,
    /// The command's own name, "requestPriority".
    #[serde(rename = "cO")]
    pub command: String,
    /// The value.
    #[serde(rename = "v")]
    pub value: Value,
}

/// What came of commands.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CommandResponse {
    /// The message's id.
    #[serde(rename = "mId")]
    pub id: String,
    /// The id of the object in the national system (NTS); empty where there is none.
    #[serde(rename = "ntsOId", default, deserialize_with = "text_or_null")]
    pub nts_object: String,
    /// The id of the object between the NTS and other systems; empty where there is none.
    #[serde(rename = "xNId", default, deserialize_with = "text_or_null")]
    pub external_nts: String,
    /// The component.
    #[serde(rename = "cId")]
    pub component: String,
    /// When.
    #[serde(rename = "cTS")]
    pub at: String,
    /// The values that the site holds now.
    pub rvs: Vec<ReturnValue>,
}

/// A value that the site holds.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ReturnValue {
    /// The command.
    #[serde(rename = "cCI")]
    pub code: String,
    /// The argument's name.
    #[serde(rename = "n")]
    pub name: String,
    /// The value.
    #[serde(rename = "v")]
    pub value: Value,
    /// recent, old, undefined (no such component), unknown (not implemented); the value is null with
    /// the last two.
    pub age: String,
}

/// Statuses that are asked for, or no longer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StatusRequest {
    /// The message's id.
    #[serde(rename = "mId")]
    pub id: String,
    /// The id of the object in the national system (NTS); empty where there is none.
    #[serde(rename = "ntsOId", default, deserialize_with = "text_or_null")]
    pub nts_object: String,
    /// The id of the object between the NTS and other systems; empty where there is none.
    #[serde(rename = "xNId", default, deserialize_with = "text_or_null")]
    pub external_nts: String,
    /// The component.
    #[serde(rename = "cId")]
    pub component: String,
    /// The statuses.
    #[serde(rename = "sS")]
    pub statuses: Vec<StatusName>,
}

/// A status by name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StatusName {
    /// The status, "S0033".
    #[serde(rename = "sCI")]
    pub code: String,
    /// The value's name.
    #[serde(rename = "n")]
    pub name: String,
}

/// Statuses that are subscribed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StatusSubscribe {
    /// The message's id.
    #[serde(rename = "mId")]
    pub id: String,
    /// The id of the object in the national system (NTS); empty where there is none.
    #[serde(rename = "ntsOId", default, deserialize_with = "text_or_null")]
    pub nts_object: String,
    /// The id of the object between the NTS and other systems; empty where there is none.
    #[serde(rename = "xNId", default, deserialize_with = "text_or_null")]
    pub external_nts: String,
    /// The component.
    #[serde(rename = "cId")]
    pub component: String,
    /// The subscriptions.
    #[serde(rename = "sS")]
    pub statuses: Vec<Subscription>,
}

/// One subscription.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Subscription {
    /// The status.
    #[serde(rename = "sCI")]
    pub code: String,
    /// The value's name.
    #[serde(rename = "n")]
    pub name: String,
    /// Seconds between two updates, as text; "0": only on change.
    #[serde(rename = "uRt")]
    pub every_s: String,
    /// Also on change; from 3.1.5.
    #[serde(rename = "sOc", default, skip_serializing_if = "Option::is_none")]
    pub on_change: Option<Flag>,
}

/// A flag: JSON's own boolean, as the text of core 3.2 has it, or "True" and "False", as the schemas of
/// 3.1.5 had it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Flag {
    /// JSON's own.
    Boolean(bool),
    /// As text.
    Text(String),
}

impl Flag {
    /// Whether it is on; `None` when it says neither.
    #[must_use]
    pub fn is_on(&self) -> Option<bool> {
        match self {
            Self::Boolean(on) => Some(*on),
            Self::Text(text) => match text.as_str() {
                "True" | "true" => Some(true),
                "False" | "false" => Some(false),
                _ => None,
            },
        }
    }
}

fn bits<'de, D: Deserializer<'de>>(source: D) -> Result<[bool; 8], D::Error> {
    let mut bits = [false; 8];
    for (bit, flag) in bits.iter_mut().zip(<[Flag; 8]>::deserialize(source)?) {
        *bit = flag.is_on().ok_or_else(|| serde::de::Error::custom("se holds more than booleans"))?;
    }
    Ok(bits)
}

/// Values of statuses.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct StatusValues {
    /// The message's id.
    #[serde(rename = "mId")]
    pub id: String,
    /// The id of the object in the national system (NTS); empty where there is none.
    #[serde(rename = "ntsOId", default, deserialize_with = "text_or_null")]
    pub nts_object: String,
    /// The id of the object between the NTS and other systems; empty where there is none.
    #[serde(rename = "xNId", default, deserialize_with = "text_or_null")]
    pub external_nts: String,
    /// The component.
    #[serde(rename = "cId")]
    pub component: String,
    /// When.
    #[serde(rename = "sTs")]
    pub at: String,
    /// The values.
    #[serde(rename = "sS")]
    pub values: Vec<StatusValue>,
}

/// The value of a status.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct StatusValue {
    /// The status.
    #[serde(rename = "sCI")]
    pub code: String,
    /// The value's name.
    #[serde(rename = "n")]
    pub name: String,
    /// Text; from 3.2 an array too.
    #[serde(rename = "s")]
    pub value: Value,
    /// recent, old (buffered), undefined (no such component), unknown (not implemented); the value is
    /// null with the last two.
    #[serde(rename = "q")]
    pub quality: String,
}

fn text_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}
