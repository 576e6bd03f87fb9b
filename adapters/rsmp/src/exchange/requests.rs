//! Our priority requests at one controller, as S0033 shows them.

use clearway_signals::{Millis, RequestState, RowId, RowSet};

use crate::naming::{request_id, row_of_request};

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
    outlived: RowSet,
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
            outlived: RowSet::EMPTY,
        }
    }

    /// Take the list that the controller shows.
    pub(super) fn note(&mut self, now: Millis, states: Vec<(String, RequestState)>) {
        let ours = states.into_iter().filter_map(|(id, state)| {
            let row = row_of_request(&id)?;
            Some(Request { id, row, state })
        });
        self.shown = ours.take(REQUESTS_MAX).collect();
        self.refused.retain(|(_, _, until)| now < *until);
        for request in &self.shown {
            let is_ours = |(_, id): &(RowId, String)| *id == request.id;
            if !request.state.is_final() || !self.made.iter().any(is_ours) {
                continue;
            }
            self.made.retain(|made| !is_ours(made));
            match request.state {
                // Ended by the controller, not by us: it is not made again by ourselves.
                RequestState::Stale | RequestState::Completed => {
                    self.outlived = self.outlived.with(request.row);
                }
                state => self.refused.push((request.row, state, now + REFUSED_FOR)),
            }
        }
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

    /// Rows whose request the controller ended by itself since the last call.
    pub(super) fn take_outlived(&mut self) -> RowSet {
        core::mem::take(&mut self.outlived)
    }

    /// Why the controller refused the last request for a row, where it was just now.
    pub(super) fn refusal(&self, now: Millis, row: RowId) -> Option<&'static str> {
        let refused = self.refused.iter().find(|(refused, _, until)| *refused == row && now < *until);
        refused.map(|(_, state, _)| state.word())
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

    fn shown(id: &str, state: RequestState) -> Vec<(String, RequestState)> {
        vec![(id.to_owned(), state), ("another".into(), RequestState::Activated)]
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
        assert_eq!(requests.refusal(Millis(100), ROW), Some("cooldown"));
        assert_eq!(requests.refusal(Millis::from_s(3), ROW), None);
        assert!(requests.live().is_empty() && requests.take_outlived().is_empty());
    }

    #[test]
    fn s9_a_request_that_the_controller_ends_is_given_up_once() {
        let mut requests = Requests::new(1);
        let id = requests.make(ROW);
        requests.note(Millis::ZERO, shown(&id, RequestState::Stale));
        assert_eq!(requests.take_outlived(), RowSet::of(ROW));
        requests.note(Millis::ZERO, shown(&id, RequestState::Stale));
        assert!(requests.take_outlived().is_empty());
    }

    #[test]
    fn a_request_that_we_took_back_ends_quietly() {
        let mut requests = Requests::new(1);
        let id = requests.make(ROW);
        requests.cancel(&id);
        requests.note(Millis::ZERO, shown(&id, RequestState::Completed));
        assert!(requests.take_outlived().is_empty());
        assert_eq!(requests.refusal(Millis::ZERO, ROW), None);
    }
}
