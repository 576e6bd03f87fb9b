//! What a supervisor asks of a site. Each call gives the id whose acknowledgement will come as an
//! event; nothing is sent, and nothing is queued, while the session is not ready.

use super::{Instant, Rights, Session, UNACKNOWLEDGED_MAX};
use crate::board::AlarmState;
use crate::frame::{
    Addressed, Alarm, Argument, CommandRequest, Flag, Message, StatusName, StatusRequest, StatusSubscribe,
    Subscription,
};
use crate::sxl::{self, Mismatch};

/// Why a message was not sent.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsent {
    /// The handshake is not over, or the connection is.
    #[error("the site is not connected")]
    NotReady,
    /// Too many messages wait for their acknowledgement.
    #[error("too many messages wait for their acknowledgement")]
    Busy,
    /// The agreed version of core has no such message.
    #[error("core {0} has no such message")]
    Core(&'static str),
    /// Neither an interval nor on change: nothing would ever come.
    #[error("a subscription needs an interval or changes")]
    Pointless,
    /// The list of the site does not have it.
    #[error("{0}")]
    Mismatch(#[from] Mismatch),
    /// We may not send this command to this site.
    #[error("{0}: {1}")]
    Forbidden(String, &'static str),
}

/// A status that is wanted by subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The status.
    pub code: &'static str,
    /// The value's name.
    pub name: &'static str,
    /// Seconds between two updates; zero for none by time.
    pub every_s: u16,
    /// Also whenever the value changes.
    pub on_change: bool,
}

/// What is done about an alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlarmAsk {
    /// Somebody has seen it.
    Acknowledge,
    /// No more messages of it.
    Suspend,
    /// Messages of it again.
    Resume,
    /// Its present state; from core 3.1.5.
    Request,
}

impl AlarmAsk {
    const fn word(self) -> &'static str {
        match self {
            Self::Acknowledge => "Acknowledge",
            Self::Suspend => "Suspend",
            Self::Resume => "Resume",
            Self::Request => "Request",
        }
    }

    /// Whether a state shows what was asked for.
    #[must_use]
    pub const fn is_shown_by(self, state: &AlarmState) -> bool {
        match self {
            Self::Acknowledge => state.acknowledged,
            Self::Suspend => state.suspended,
            Self::Resume => !state.suspended,
            Self::Request => true,
        }
    }
}

impl Session {
    /// Ask for statuses once: pairs of code and name.
    ///
    /// # Errors
    /// Why nothing was sent.
    pub fn request_status(
        &mut self,
        now: Instant,
        component: &str,
        statuses: &[(&str, &str)],
    ) -> Result<String, Unsent> {
        let request = |id, names| {
            Message::StatusRequest(StatusRequest {
                id,
                component: component.into(),
                statuses: names,
                ..StatusRequest::default()
            })
        };
        let names = self.known(statuses)?;
        self.ask(now, |id| request(id, names))
    }

    /// Ask for statuses as they change or by interval.
    ///
    /// # Errors
    /// Why nothing was sent.
    pub fn subscribe(&mut self, now: Instant, component: &str, wanted: &[Wanted]) -> Result<String, Unsent> {
        let agreed = self.agreed.as_ref().ok_or(Unsent::NotReady)?;
        let (flags, sxl) = (agreed.core.has_send_on_change(), agreed.sxl);
        let mut statuses = Vec::with_capacity(wanted.len());
        for status in wanted {
            sxl::check_status_name(status.code, status.name, sxl)?;
            if status.every_s == 0 && !status.on_change {
                return Err(Unsent::Pointless);
            }
            // Before 3.1.5 the interval alone decides, and zero means on change.
            let every_s = if flags || !status.on_change { status.every_s } else { 0 };
            statuses.push(Subscription {
                code: status.code.into(),
                name: status.name.into(),
                every_s: every_s.to_string(),
                on_change: flags.then(|| self.flag(status.on_change)),
            });
        }
        self.ask(now, |id| {
            let component = component.into();
            Message::StatusSubscribe(StatusSubscribe {
                id,
                component,
                statuses,
                ..StatusSubscribe::default()
            })
        })
    }

    fn flag(&self, on: bool) -> Flag {
        match (self.text_flags, on) {
            (false, on) => Flag::Boolean(on),
            (true, true) => Flag::Text("True".into()),
            (true, false) => Flag::Text("False".into()),
        }
    }

    /// Whether flags travel as text to this site; as JSON's own booleans else.
    #[must_use]
    pub fn has_text_flags(&self) -> bool {
        self.text_flags
    }

    /// Send flags to this site as text, or as JSON's own booleans: published schemas differ, so that a
    /// refused subscription is worth another try with the other.
    pub fn set_text_flags(&mut self, text: bool) {
        self.text_flags = text;
    }

    /// Ask for statuses no longer.
    ///
    /// # Errors
    /// Why nothing was sent.
    pub fn unsubscribe(
        &mut self,
        now: Instant,
        component: &str,
        statuses: &[(&str, &str)],
    ) -> Result<String, Unsent> {
        let statuses = self.known(statuses)?;
        self.ask(now, |id| {
            let component = component.into();
            Message::StatusUnsubscribe(StatusRequest { id, component, statuses, ..StatusRequest::default() })
        })
    }

    /// Send commands that the rights allow and the list has.
    ///
    /// # Errors
    /// Why nothing was sent.
    pub fn command(
        &mut self,
        now: Instant,
        rights: &Rights,
        component: &str,
        arg: Vec<Argument>,
    ) -> Result<String, Unsent> {
        let agreed = self.agreed.as_ref().ok_or(Unsent::NotReady)?;
        for argument in &arg {
            let forbidden = |reason| Unsent::Forbidden(argument.code.clone(), reason);
            rights.check(&argument.code).map_err(forbidden)?;
        }
        sxl::check_command(&arg, agreed.sxl)?;
        self.ask(now, |id| {
            let component = component.into();
            Message::CommandRequest(CommandRequest { id, component, arg, ..CommandRequest::default() })
        })
    }

    /// Do something about an alarm.
    ///
    /// # Errors
    /// Why nothing was sent.
    pub fn alarm(
        &mut self,
        now: Instant,
        component: &str,
        code: &str,
        ask: AlarmAsk,
    ) -> Result<String, Unsent> {
        let agreed = self.agreed.as_ref().ok_or(Unsent::NotReady)?;
        if ask == AlarmAsk::Request && !agreed.core.has_send_on_change() {
            return Err(Unsent::Core(agreed.core.word()));
        }
        if sxl::alarm(code, agreed.sxl).is_none() {
            return Err(Mismatch::Code(code.into()).into());
        }
        self.ask(now, |id| {
            let (component, code, kind) = (component.into(), code.into(), ask.word().into());
            Message::Alarm(Alarm { id, component, code, kind, ..Alarm::default() })
        })
    }

    /// Ask for the aggregated status; from core 3.1.5.
    ///
    /// # Errors
    /// Why nothing was sent.
    pub fn request_aggregated_status(&mut self, now: Instant, component: &str) -> Result<String, Unsent> {
        let agreed = self.agreed.as_ref().ok_or(Unsent::NotReady)?;
        if !agreed.core.has_send_on_change() {
            return Err(Unsent::Core(agreed.core.word()));
        }
        self.ask(now, |id| {
            let component = component.into();
            Message::AggregatedStatusRequest(Addressed { id, component, ..Addressed::default() })
        })
    }

    fn known(&self, statuses: &[(&str, &str)]) -> Result<Vec<StatusName>, Unsent> {
        let sxl = self.agreed.as_ref().ok_or(Unsent::NotReady)?.sxl;
        let named = |(code, name): &(&str, &str)| {
            sxl::check_status_name(code, name, sxl)?;
            Ok(StatusName { code: (*code).into(), name: (*name).into() })
        };
        statuses.iter().map(named).collect()
    }

    fn ask(&mut self, now: Instant, make: impl FnOnce(String) -> Message) -> Result<String, Unsent> {
        if !self.is_ready() {
            return Err(Unsent::NotReady);
        }
        // One place is kept for the watchdog.
        if self.waiting.len() + 1 >= UNACKNOWLEDGED_MAX {
            return Err(Unsent::Busy);
        }
        let id = self.ids.make();
        self.post(now, make(id.clone()));
        self.closed.is_none().then_some(id).ok_or(Unsent::NotReady)
    }
}
