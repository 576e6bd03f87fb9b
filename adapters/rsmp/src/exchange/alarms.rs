//! What an operator does about alarms, beside the keeper.

use super::Exchange;
use crate::board::AlarmState;
use crate::session::{AlarmAsk, Instant, Unsent};

/// Asks whose answer nobody fetched yet; the oldest is forgotten first.
const ASKS_MAX: usize = 16;

/// Asks about alarms, by the id of their message, and what the site answered.
#[derive(Clone, Debug, Default)]
pub(super) struct AlarmAsks(Vec<(String, Option<Result<(), String>>)>);

impl AlarmAsks {
    fn add(&mut self, id: String) {
        if self.0.len() == ASKS_MAX {
            self.0.remove(0);
        }
        self.0.push((id, None));
    }

    /// The site answered a message of ours.
    pub(super) fn note(&mut self, id: &str, answer: Result<(), String>) {
        if let Some((_, open)) = self.0.iter_mut().find(|(known, _)| known == id) {
            *open = Some(answer);
        }
    }

    fn take(&mut self, id: &str) -> Option<Result<(), String>> {
        let place = self.0.iter().position(|(known, answer)| known == id && answer.is_some())?;
        self.0.remove(place).1
    }
}

impl Exchange {
    /// Acknowledge, suspend, resume or request an alarm. The id is for [`Exchange::take_alarm_answer`].
    ///
    /// # Errors
    /// Why nothing was sent.
    pub fn ask_alarm(
        &mut self,
        now: Instant,
        component: &str,
        code: &str,
        ask: AlarmAsk,
    ) -> Result<String, Unsent> {
        let id = self.session.alarm(now, component, code, ask)?;
        self.alarm_asks.add(id.clone());
        Ok(id)
    }

    /// Whether the site took the ask, or why not, once it answered. That the alarm has changed shows only
    /// the board.
    pub fn take_alarm_answer(&mut self, id: &str) -> Option<Result<(), String>> {
        self.alarm_asks.take(id)
    }

    /// The state of an alarm as the site told it.
    #[must_use]
    pub fn alarm(&self, component: &str, code: &str) -> Option<&AlarmState> {
        self.board.alarm(component, code)
    }
}
