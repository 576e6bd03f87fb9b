//! What an operator does about an alarm: sent over the site's connection, beside its keeper.
//!
//! The site answers twice (core, section "Alarm messages"): it acknowledges the message, then it tells the
//! alarm's new state. Only the second shows that it did what was asked.

use std::time::Duration;

use super::Hub;
use crate::session::{AlarmAsk, Unsent};

/// A site that does not answer within this time is given no longer; nothing is sent again by itself.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// The new state follows the answer within this time.
const SHOWN_WITHIN: Duration = Duration::from_secs(2);

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlarmDone {
    /// The site shows the alarm as it was asked for.
    Shown,
    /// The site took it, and has not yet shown it.
    Taken,
}

/// Why nothing was done, or nobody knows.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AlarmError {
    /// No connection, or it broke before the answer.
    #[error("the site is not connected")]
    NotConnected,
    /// The site never told of such an alarm over this connection.
    #[error("the site knows no alarm {1} of {0}")]
    Unknown(String, String),
    /// It could not be sent.
    #[error("{0}")]
    Unsent(#[from] Unsent),
    /// The site refused, and why.
    #[error("the site refused: {0}")]
    Refused(String),
    /// No answer in time; whether the site did it is not known.
    #[error("the site did not answer in time")]
    NoAnswer,
}

impl Hub {
    /// Acknowledge, suspend, resume or request an alarm that the site told of. An acknowledgement or
    /// suspension holds for every event of this alarm at this component.
    ///
    /// # Errors
    /// Why it was not done, or that nobody knows.
    pub async fn alarm(
        &self,
        site_id: &str,
        component: &str,
        code: &str,
        ask: AlarmAsk,
    ) -> Result<AlarmDone, AlarmError> {
        let conversation = self.conversation(site_id).ok_or(AlarmError::NotConnected)?;
        let id = conversation.with(|exchange, now| {
            if exchange.alarm(component, code).is_none() {
                return Err(AlarmError::Unknown(component.into(), code.into()));
            }
            Ok(exchange.ask_alarm(now, component, code, ask)?)
        })?;
        match conversation.until(ANSWER_WITHIN, |exchange| exchange.take_alarm_answer(&id)).await {
            Some(Ok(())) => {}
            Some(Err(reason)) => return Err(AlarmError::Refused(reason)),
            None if conversation.is_over() => return Err(AlarmError::NotConnected),
            None => return Err(AlarmError::NoAnswer),
        }
        let shown = conversation
            .until(SHOWN_WITHIN, |exchange| {
                exchange.alarm(component, code).filter(|state| ask.is_shown_by(state)).map(|_| ())
            })
            .await;
        Ok(if shown.is_some() { AlarmDone::Shown } else { AlarmDone::Taken })
    }
}
