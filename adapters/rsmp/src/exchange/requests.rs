//! Our priority requests at one controller, as S0033 shows them.

use clearway_signals::{Millis, RequestState, RowId, RowSet};

use crate::naming::{request_id, row_of_request};
use crate::priority::Shown;

/// A refusal by the controller is held against new requests for the same row this long: long enough
/// to tell whoever asks again at once, short enough for the next vehicle.
const REFUSED_FOR: Millis = Millis::from_s(2);
/// Requests of ours that are followed; a controller that shows more is answered no further.
const REQUESTS_MAX: usize = 64;

#[derive(Clone, PartialEq, Eq, Debug)]
struct Request {
    id: String,
    row: RowId,
    state: RequestState,
}

/// The requests of one connection.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    nonce: u32,
    sequence: u32,
    shown: Vec<Request>,
    /// The request of ours that was made last for a row, until it was cancelled or ended.
    made: Vec<(RowId, String)>,
    refused: Vec<(RowId, RequestState, Millis)>,
    /// A request of ours that the controller ended by itself, until it was told.
    untold: Option<(RowId, RequestState)>,
    /// The request of ours that ended last, until another one lives.
    ended: Option<Ended>,
    /// States of requests of others.
    others: Vec<RequestState>,
}

/// A request of ours that is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Its row.
    pub row: RowId,
    /// How the controller showed it at the end.
    pub shown: Shown,
    /// We had taken it back.
    pub by_us: bool,
}

impl Requests {
    /// None yet. `nonce` must differ from connection to connection.
    pub(super) fn new(nonce: u32) -> Self {
        Self {
            nonce,
            sequence: 0,
            shown: Vec::new(),
            made: Vec::new(),
            refused: Vec::new(),
            untold: None,
            ended: None,
            others: Vec::new(),
        }
    }

    /// Take the list that the controller shows.
    pub(super) fn note(&mut self, now: Millis, states: Vec<Shown>) {
        let (ours, others): (Vec<Shown>, Vec<Shown>) =
            states.into_iter().partition(|shown| row_of_request(&shown.id).is_some());
        self.others = others.into_iter().take(REQUESTS_MAX).map(|shown| shown.state).collect();
        self.refused.retain(|(_, _, until)| now < *until);
        self.shown.clear();
        for shown in ours.into_iter().take(REQUESTS_MAX) {
            let Some(row) = row_of_request(&shown.id) else { continue };
            self.shown.push(Request { id: shown.id.clone(), row, state: shown.state });
            if shown.state.is_final() {
                self.end(now, row, shown);
            }
        }
        if !self.live().is_empty() {
            self.ended = None;
        }
    }

    /// A request of ours is over.
    fn end(&mut self, now: Millis, row: RowId, shown: Shown) {
        let (id, state) = (shown.id.clone(), shown.state);
        let is_made = self.made.iter().any(|(_, made)| *made == id);
        if self.ended.as_ref().is_none_or(|ended| ended.shown.id != id) {
            self.ended = Some(Ended { row, shown, by_us: !is_made });
        }
        if !is_made {
            return;
        }
        self.made.retain(|(_, made)| *made != id);
        // Ended by the controller, not by us: it is not made again by ourselves.
        self.untold = Some((row, state));
        if !matches!(state, RequestState::Stale | RequestState::Completed) {
            self.refused.push((row, state, now + REFUSED_FOR));
        }
    }

    /// The request of ours that ended last, while none lives.
    pub(super) fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// How many requests of others are in this state.
    pub(super) fn others_in(&self, wanted: RequestState) -> usize {
        self.others.iter().filter(|state| **state == wanted).count()
    }

    /// Rows with a request of ours that is not over.
    pub(super) fn live(&self) -> RowSet {
        self.of(|state| !state.is_final())
    }

    /// Rows whose request is served.
    pub(super) fn active(&self) -> RowSet {
        self.of(|state| state == RequestState::Activated)
    }

    fn of(&self, wanted: impl Fn(RequestState) -> bool) -> RowSet {
        let matching = self.shown.iter().filter(|request| wanted(request.state));
        matching.fold(RowSet::EMPTY, |set, request| set.with(request.row))
    }

    /// The ids of the requests for a row that are not over.
    pub(super) fn ids(&self, row: RowId) -> Vec<String> {
        let live = self.shown.iter().filter(|request| request.row == row && !request.state.is_final());
        live.map(|request| request.id.clone()).collect()
    }

    /// The ids to take back for a row: those not over, and the one that was made but is not shown yet.
    pub(super) fn to_cancel(&self, row: RowId) -> Vec<String> {
        let is_shown = |id: &String| self.shown.iter().any(|request| request.id == *id);
        let unseen = self.made.iter().filter(|(made, id)| *made == row && !is_shown(id));
        let mut ids = self.ids(row);
        ids.extend(unseen.map(|(_, id)| id.clone()));
        ids
    }

    /// The request of ours that the controller ended by itself since the last call, and how.
    pub(super) fn take_end(&mut self) -> Option<(RowId, RequestState)> {
        self.untold.take()
    }

    /// Why the controller refused the last request for a row, where it was just now.
    pub(super) fn refusal(&self, now: Millis, row: RowId) -> Option<RequestState> {
        let refused = self.refused.iter().find(|(refused, _, until)| *refused == row && now < *until);
        refused.map(|(_, state, _)| *state)
    }

    /// A fresh id for a request for a row.
    pub(super) fn make(&mut self, row: RowId) -> String {
        self.sequence = self.sequence.wrapping_add(1);
        let id = request_id(row, self.nonce, self.sequence);
        self.made.retain(|(made, _)| *made != row);
        self.made.push((row, id.clone()));
        id
    }

    /// We take a request back: its end is our own doing.
    pub(super) fn cancel(&mut self, id: &str) {
        self.made.retain(|(_, made)| made != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: RowId = RowId(1);

    fn shown(id: &str, state: RequestState) -> Vec<Shown> {
        let one = |id: &str, state| Shown {
            id: id.to_owned(),
            state,
            unix_ms: None,
            green_extended_s: None,
            red_reduced_s: None,
        };
        vec![one(id, state), one("another", RequestState::Activated)]
    }

    #[test]
    fn the_end_of_a_request_is_remembered_until_another_one_lives() {
        for state in
            [RequestState::Rejected, RequestState::Timeout, RequestState::Cooldown, RequestState::Stale]
        {
            let mut requests = Requests::new(1);
            let id = requests.make(ROW);
            requests.note(Millis::ZERO, shown(&id, state));
            // End states are shown once.
            requests.note(Millis(100), shown("amb7", RequestState::Queued));
            let ended = requests.ended().expect("remembered");
            assert_eq!((ended.row, ended.shown.state, ended.by_us), (ROW, state, false));
            assert_eq!(requests.others_in(RequestState::Queued), 1);
            let next = requests.make(ROW);
            requests.note(Millis(200), shown(&next, RequestState::Received));
            assert_eq!(requests.ended(), None);
        }
    }

    #[test]
    fn s10_a_request_that_is_not_shown_yet_is_taken_back_too() {
        let mut requests = Requests::new(1);
        let (first, second) = (requests.make(ROW), requests.make(RowId(2)));
        assert_eq!(requests.to_cancel(ROW), vec![first.clone()]);
        requests.note(Millis::ZERO, shown(&first, RequestState::Queued));
        assert_eq!(requests.to_cancel(ROW), vec![first.clone()], "and once only");
        assert_eq!(requests.to_cancel(RowId(2)), vec![second]);
        requests.cancel(&first);
        requests.note(Millis(100), shown(&first, RequestState::Completed));
        assert!(requests.to_cancel(ROW).is_empty());
    }

    #[test]
    fn requests_of_others_are_not_ours() {
        let mut requests = Requests::new(1);
        requests.note(Millis::ZERO, shown("amb7", RequestState::Activated));
        assert_eq!((requests.live(), requests.active()), (RowSet::EMPTY, RowSet::EMPTY));
    }

    #[test]
    fn s17_a_request_of_an_engine_before_us_is_known_as_ours() {
        let mut requests = Requests::new(2);
        let id = Requests::new(1).make(ROW);
        requests.note(Millis::ZERO, shown(&id, RequestState::Queued));
        assert_eq!((requests.live(), requests.ids(ROW)), (RowSet::of(ROW), vec![id]));
    }

    #[test]
    fn a_rejection_is_told_and_forgotten() {
        let mut requests = Requests::new(1);
        let id = requests.make(ROW);
        requests.note(Millis::ZERO, shown(&id, RequestState::Cooldown));
        assert_eq!(requests.refusal(Millis(100), ROW), Some(RequestState::Cooldown));
        assert_eq!(requests.refusal(Millis::from_s(3), ROW), None);
        assert!(requests.live().is_empty());
        assert_eq!(requests.take_end(), Some((ROW, RequestState::Cooldown)));
    }

    #[test]
    fn s9_a_request_that_the_controller_ends_is_given_up_once() {
        let mut requests = Requests::new(1);
        let id = requests.make(ROW);
        requests.note(Millis::ZERO, shown(&id, RequestState::Stale));
        assert_eq!(requests.take_end(), Some((ROW, RequestState::Stale)));
        requests.note(Millis::ZERO, shown(&id, RequestState::Stale));
        assert_eq!(requests.take_end(), None);
    }

    #[test]
    fn a_request_that_we_took_back_ends_quietly() {
        let mut requests = Requests::new(1);
        let id = requests.make(ROW);
        requests.cancel(&id);
        requests.note(Millis::ZERO, shown(&id, RequestState::Completed));
        assert_eq!(requests.take_end(), None);
        assert_eq!(requests.refusal(Millis::ZERO, ROW), None);
    }
}
