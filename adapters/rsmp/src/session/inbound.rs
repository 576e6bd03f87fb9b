//! What comes of a site: each message is checked, answered once, and told.

use super::{Agreed, CloseReason, Event, Instant, Phase, Session, is_message_id};
use crate::codec::{DecodeError, decode, header};
use crate::frame::{
    Ack, AggregatedStatus, Alarm, CommandResponse, CoreVersion, Message, NotAck, StatusValue, StatusValues,
    Version, Watchdog,
};
use crate::sxl::{check_alarm, check_status_value};
use crate::time;
use crate::version::{Core, Sxl};

const QUALITIES: [&str; 4] = ["recent", "old", "undefined", "unknown"];

impl Session {
    /// Take one message, without its end.
    pub(super) fn take(&mut self, now: Instant, bytes: &[u8]) {
        if self.closed.is_some() {
            return;
        }
        match decode(bytes) {
            Ok(Message::MessageAck(ack)) => self.acknowledged(&ack.of),
            Ok(Message::MessageNotAck(refusal)) => self.refused(&refusal),
            Ok(Message::Version(version)) if self.phase == Phase::Opening => self.handshake(now, &version),
            // The standard: nothing but a Version is answered before the versions are exchanged.
            Ok(_) if self.phase == Phase::Opening => {}
            Ok(message) => self.judge(now, message),
            Err(error) => self.broken(now, bytes, &error),
        }
    }

    fn judge(&mut self, now: Instant, message: Message) {
        let Some(id) = message.id().map(String::from) else { return };
        match self.check(&message) {
            Err(reason) => self.reject(now, id, message.kind(), &reason),
            Ok(()) => {
                self.post(now, Message::MessageAck(Ack { of: id }));
                if matches!(message, Message::Watchdog(_)) {
                    self.watchdog_heard = now.at;
                    if !self.watchdog_sent {
                        self.send_watchdog(now);
                    }
                } else {
                    self.events.push(Event::Message(Box::new(message)));
                }
            }
        }
    }

    fn check(&self, message: &Message) -> Result<(), String> {
        let agreed = self.agreed.as_ref().ok_or("no version was agreed on")?;
        if !message.id().is_some_and(is_message_id) {
            return Err("mId is not a version 4 UUID".into());
        }
        match message {
            Message::Watchdog(Watchdog { at, .. }) => timestamp("wTs", at),
            Message::AggregatedStatus(status) => check_aggregated(status, agreed),
            Message::Alarm(alarm) => check_alarm_of_site(alarm, agreed),
            Message::StatusResponse(values) | Message::StatusUpdate(values) => check_values(values, agreed),
            Message::CommandResponse(response) => check_response(response),
            Message::Version(_) => Err("extraneous Version message".into()),
            Message::MessageAck(_) | Message::MessageNotAck(_) => Ok(()),
            Message::StatusRequest(_)
            | Message::StatusSubscribe(_)
            | Message::StatusUnsubscribe(_)
            | Message::CommandRequest(_)
            | Message::AggregatedStatusRequest(_) => {
                Err(format!("a supervisor does not serve {}", message.kind()))
            }
        }
    }

    /// A message that cannot be read. Without an id nobody can be answered.
    fn broken(&mut self, now: Instant, bytes: &[u8], error: &DecodeError) {
        let header = header(bytes).unwrap_or_default();
        let kind = header.kind.unwrap_or_default();
        let id = header.id.filter(|id| !id.is_empty());
        if self.phase == Phase::Opening {
            if kind == "Version" {
                let reason = error.to_string();
                self.refuse_version(now, id.unwrap_or_default(), &reason);
            }
            return;
        }
        // An acknowledgement is never answered, broken or not.
        match id.filter(|_| !matches!(kind.as_str(), "MessageAck" | "MessageNotAck")) {
            Some(id) => self.reject(now, id, &kind, &error.to_string()),
            None => self.events.push(Event::Rejected(error.to_string())),
        }
    }

    fn reject(&mut self, now: Instant, of: String, kind: &str, reason: &str) {
        self.post(now, Message::MessageNotAck(NotAck { of, reason: reason.into() }));
        self.events.push(Event::Rejected(format!("{kind}: {reason}")));
    }

    fn acknowledged(&mut self, of: &str) {
        let Some(index) = self.waiting.iter().position(|waiting| waiting.id == of) else { return };
        let Some(waiting) = self.waiting.remove(index) else { return };
        if waiting.kind == "Watchdog" && self.phase == Phase::Settling {
            self.phase = Phase::Ready;
            self.events.push(Event::Ready);
        }
        self.events.push(Event::Acknowledged(waiting.id));
    }

    fn refused(&mut self, refusal: &NotAck) {
        let Some(index) = self.waiting.iter().position(|waiting| waiting.id == refusal.of) else { return };
        let Some(waiting) = self.waiting.remove(index) else { return };
        if self.phase == Phase::Settling {
            let reason = format!("the site refuses our {}: {}", waiting.kind, refusal.reason);
            return self.close(CloseReason::Handshake(reason));
        }
        self.events.push(Event::Refused(waiting.id, refusal.reason.clone()));
    }

    /// The site's Version: the highest core of both, its own list where we know it, its own ids.
    fn handshake(&mut self, now: Instant, version: &Version) {
        match self.agree(version) {
            Err(reason) => self.refuse_version(now, version.id.clone(), &reason),
            Ok(agreed) => {
                self.watchdog_heard = now.at;
                self.post(now, Message::MessageAck(Ack { of: version.id.clone() }));
                let answer = Version {
                    id: self.ids.make(),
                    core: self.spoken(version),
                    sxl: version.sxl.clone(),
                    sites: version.sites.clone(),
                };
                self.phase = Phase::Settling;
                self.text_flags = !agreed.core.has_plain_flags();
                self.agreed = Some(agreed.clone());
                self.post(now, Message::Version(answer));
                self.events.push(Event::Agreed(agreed));
            }
        }
    }

    fn refuse_version(&mut self, now: Instant, of: String, reason: &str) {
        if !of.is_empty() {
            self.reject(now, of, "Version", reason);
        }
        self.close(CloseReason::Handshake(reason.into()));
    }

    fn agree(&self, version: &Version) -> Result<Agreed, String> {
        if !is_message_id(&version.id) {
            return Err("mId is not a version 4 UUID".into());
        }
        let common = version.core.iter().filter_map(|core| Core::from_word(&core.vers));
        let core = common.filter(|core| self.policy.cores.contains(core)).max().ok_or_else(|| {
            let theirs: Vec<&str> = version.core.iter().map(|core| core.vers.as_str()).collect();
            let ours: Vec<&str> = self.policy.cores.iter().map(|core| core.word()).collect();
            format!("RSMP versions {} requested, {} supported", theirs.join(", "), ours.join(", "))
        })?;
        let sxl = Sxl::from_word(&version.sxl)
            .ok_or_else(|| format!("SXL version {} is not supported", version.sxl))?;
        if version.sites.is_empty() || version.sites.iter().any(|site| site.id.is_empty()) {
            return Err("no site id".into());
        }
        for site in &version.sites {
            let Some(accepted) = &self.policy.sites else { break };
            let expected = accepted
                .iter()
                .find(|accepted| accepted.id == site.id)
                .ok_or_else(|| format!("site id {} is unknown", site.id))?;
            if let Some(wanted) = expected.sxl.filter(|wanted| *wanted != sxl) {
                return Err(format!("SXL version {} requested, {} expected", version.sxl, wanted.word()));
            }
        }
        let sites = version.sites.iter().map(|site| site.id.clone()).collect();
        Ok(Agreed { core, sxl, sites })
    }

    /// The versions that we speak, in the site's own spelling where it has the same.
    fn spoken(&self, version: &Version) -> Vec<CoreVersion> {
        let word = |core: &Core| {
            let theirs = version.core.iter().find(|theirs| Core::from_word(&theirs.vers) == Some(*core));
            theirs.map_or_else(|| core.word().to_owned(), |theirs| theirs.vers.clone())
        };
        self.policy.cores.iter().map(|core| CoreVersion { vers: word(core) }).collect()
    }
}

fn timestamp(name: &str, text: &str) -> Result<(), String> {
    time::parse(text).map(|_| ()).ok_or_else(|| format!("{name} is no timestamp in UTC with three decimals"))
}

fn check_aggregated(status: &AggregatedStatus, agreed: &Agreed) -> Result<(), String> {
    if status.component.as_deref().unwrap_or_default().is_empty() && agreed.core.has_arrays() {
        return Err("AggregatedStatus lacks cId".into());
    }
    timestamp("aSTS", &status.at)
}

fn check_values(values: &StatusValues, agreed: &Agreed) -> Result<(), String> {
    timestamp("sTs", &values.at)?;
    values.values.iter().try_for_each(|value| check_value(value, agreed))
}

fn check_value(value: &StatusValue, agreed: &Agreed) -> Result<(), String> {
    if !QUALITIES.contains(&value.quality.as_str()) {
        return Err(format!("{} has the unknown quality {:?}", value.code, value.quality));
    }
    if value.value.is_array() && !agreed.core.has_arrays() {
        return Err(format!("core {} has no arrays", agreed.core.word()));
    }
    check_status_value(value, agreed.sxl).map_err(|mismatch| mismatch.to_string())
}

fn check_response(response: &CommandResponse) -> Result<(), String> {
    timestamp("cTS", &response.at)?;
    match response.rvs.iter().find(|value| !QUALITIES.contains(&value.age.as_str())) {
        Some(value) => Err(format!("{} has the unknown age {:?}", value.code, value.age)),
        None => Ok(()),
    }
}

/// An alarm that a site tells: all fields, each with one of its words.
fn check_alarm_of_site(alarm: &Alarm, agreed: &Agreed) -> Result<(), String> {
    let strict = agreed.core.is_case_sensitive();
    let is = |word: &str, wanted: &str| word == wanted || !strict && word.eq_ignore_ascii_case(wanted);
    let one_of = |name: &str, given: Option<&str>, words: &[&str]| {
        let given = given.ok_or_else(|| format!("Alarm lacks {name}"))?;
        let known = words.iter().any(|word| is(given, word));
        known.then_some(()).ok_or_else(|| format!("{name} is {given:?}"))
    };
    one_of("aSp", Some(&alarm.kind), &["Issue", "Acknowledge", "Suspend", "Resume"])?;
    one_of("ack", alarm.acknowledged.as_deref(), &["Acknowledged", "notAcknowledged"])?;
    one_of("aS", alarm.state.as_deref(), &["Active", "inActive"])?;
    // The standard's own examples of 3.2 write both.
    one_of("sS", alarm.suspended.as_deref(), &["suspended", "Suspended", "notSuspended"])?;
    one_of("cat", alarm.category.as_deref(), &["T", "D"])?;
    one_of("pri", alarm.priority.as_deref(), &["1", "2", "3"])?;
    timestamp("aTs", alarm.at.as_deref().unwrap_or_default())?;
    if alarm.values.is_none() {
        return Err("Alarm lacks rvs".into());
    }
    check_alarm(alarm, agreed.sxl).map_err(|mismatch| mismatch.to_string())
}
