//! Where a priority request stands in a controller's own words, the fifteen of NTCIP 1211, and what they
//! mean for the life of the request. The Clearway register map of Modbus uses the same words.

use clearway_signals::{RequestState, RequestStep};

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)+) => {
        /// The state of a request in the priority server (NTCIP 1211, 1 to 15).
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        pub enum PrsStatus {
            $($(#[$doc])* $name = $code,)+
        }

        impl PrsStatus {
            /// All fifteen.
            pub const ALL: [Self; 15] = [$(Self::$name),+];

            /// From the value on the wire.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    /// No such request.
    IdleNotValid = 1;
    /// Waits.
    ReadyQueued = 2;
    /// Waits behind one of higher priority.
    ReadyOverridden = 3;
    /// Served: the coordinator adjusts for it.
    ActiveProcessing = 4;
    /// Served, and about to end because it was cancelled.
    ActiveCancel = 5;
    /// Served, and about to end because of one of higher priority.
    ActiveOverride = 6;
    /// Served on although one of higher priority came.
    ActiveNotOverridden = 7;
    /// Over: cancelled.
    ClosedCanceled = 8;
    /// Over: too soon after the last of its class.
    ReserviceError = 9;
    /// Over: outlived its time to live.
    ClosedTimeToLiveError = 10;
    /// Over: its times do not fit.
    ClosedTimerError = 11;
    /// Over: there is no such strategy.
    ClosedStrategyError = 12;
    /// Over: served.
    ClosedCompleted = 13;
    /// Served without any adjustment: the plan fits as it is.
    ActiveAdjustNotNeeded = 14;
    /// Over: the controller flashes.
    ClosedFlash = 15;
}

impl PrsStatus {
    /// The value on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether the priority server still holds the request.
    #[must_use]
    pub const fn is_held(self) -> bool {
        self.is_waiting() || self.is_active()
    }

    /// Whether the request waits.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::ReadyQueued | Self::ReadyOverridden)
    }

    /// Whether the request is served.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(
            self,
            Self::ActiveProcessing
                | Self::ActiveCancel
                | Self::ActiveOverride
                | Self::ActiveNotOverridden
                | Self::ActiveAdjustNotNeeded
        )
    }

    /// Whether the request is over; the row still shows it until it is cleared.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        !self.is_held() && !matches!(self, Self::IdleNotValid)
    }

    /// Where a request stands that stood at `from` when this status is read. Only steps of the
    /// request's life cycle are taken; a service that was missed between two readings is made up.
    #[must_use]
    pub fn state(self, from: RequestState) -> RequestState {
        if self.is_waiting() {
            return from.next(RequestStep::Queue).unwrap_or(from);
        }
        if self.is_active() {
            return from.next(RequestStep::Activate).unwrap_or(from);
        }
        let served = from == RequestState::Activated;
        let step = match self {
            Self::ClosedCompleted => return completed(from),
            Self::ClosedCanceled if served => RequestStep::Complete,
            _ if served => RequestStep::Lose,
            Self::ReserviceError if from == RequestState::Received => RequestStep::Cool,
            Self::ClosedTimerError | Self::ClosedStrategyError | Self::ClosedFlash
                if from == RequestState::Received =>
            {
                RequestStep::Reject
            }
            // Not known yet: the request may still be on its way.
            Self::IdleNotValid if from == RequestState::Received => return from,
            _ => RequestStep::Expire,
        };
        from.next(step).unwrap_or(from)
    }
}

fn completed(from: RequestState) -> RequestState {
    let active = from.next(RequestStep::Activate).unwrap_or(from);
    active.next(RequestStep::Complete).unwrap_or(active)
}

/// The life of one request of ours, as far as the controller has told it. The controller's word alone
/// moves it; nothing is known of a request that we do not make.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Life(Option<RequestState>);

impl Life {
    /// We ask. What lives goes on; what is over begins anew.
    pub fn ask(&mut self) {
        self.0.get_or_insert_default();
    }

    /// We take it back: what comes of it now is our own doing.
    pub fn withdraw(&mut self) {
        self.0 = None;
    }

    /// A status was read. Gives how the controller ended the request, once.
    pub fn see(&mut self, status: PrsStatus) -> Option<RequestState> {
        let from = self.0?;
        // Who knows nothing of it may have restarted: it is asked again, not given up.
        if status == PrsStatus::IdleNotValid {
            self.0 = Some(RequestState::Received);
            return None;
        }
        let state = status.state(from);
        let end = Some(state).filter(|state| state.is_final());
        self.0 = Some(state).filter(|_| end.is_none());
        end
    }
}

/// What a state says of a request, as the rest of a sentence that begins with it.
#[must_use]
pub const fn plainly(state: RequestState) -> &'static str {
    match state {
        RequestState::Received => "the controller has it and has not decided yet",
        RequestState::Queued => "the controller serves something else first",
        RequestState::Activated => "the controller serves it",
        RequestState::Completed => "the controller has served it to its end",
        RequestState::Timeout => "it waited too long behind others, and the controller dropped it unserved",
        RequestState::Rejected => "the controller cannot grant it",
        RequestState::Cooldown => "the controller has just served a similar one and grants no other yet",
        RequestState::Stale => "it was served too long without an end, and the controller dropped it",
    }
}

#[cfg(test)]
mod tests {
    use clearway_signals::RequestState as S;

    use super::*;

    #[test]
    fn all_fifteen_codes_have_their_place_in_the_life_of_a_request() {
        let expected = [
            (1, S::Received, S::Timeout, S::Stale),
            (2, S::Queued, S::Queued, S::Activated),
            (3, S::Queued, S::Queued, S::Activated),
            (4, S::Activated, S::Activated, S::Activated),
            (5, S::Activated, S::Activated, S::Activated),
            (6, S::Activated, S::Activated, S::Activated),
            (7, S::Activated, S::Activated, S::Activated),
            (8, S::Timeout, S::Timeout, S::Completed),
            (9, S::Cooldown, S::Timeout, S::Stale),
            (10, S::Timeout, S::Timeout, S::Stale),
            (11, S::Rejected, S::Timeout, S::Stale),
            (12, S::Rejected, S::Timeout, S::Stale),
            (13, S::Completed, S::Completed, S::Completed),
            (14, S::Activated, S::Activated, S::Activated),
            (15, S::Rejected, S::Timeout, S::Stale),
        ];
        for (code, received, queued, activated) in expected {
            let status = PrsStatus::from_code(code).unwrap();
            assert_eq!(status.code(), code);
            assert_eq!(status.state(S::Received), received, "{status:?}");
            assert_eq!(status.state(S::Queued), queued, "{status:?}");
            assert_eq!(status.state(S::Activated), activated, "{status:?}");
        }
        assert_eq!(PrsStatus::from_code(0).or(PrsStatus::from_code(16)), None);
    }

    #[test]
    fn a_request_that_is_over_stays_over_whatever_is_read() {
        for status in PrsStatus::ALL {
            for over in [S::Completed, S::Timeout, S::Rejected, S::Cooldown, S::Stale] {
                assert_eq!(status.state(over), over);
            }
            let kinds = [status.is_waiting(), status.is_active(), status.is_closed()];
            assert_eq!(
                kinds.iter().filter(|kind| **kind).count(),
                usize::from(status.code() != 1),
                "{status:?}"
            );
        }
    }

    #[test]
    fn a_life_ends_once_and_begins_anew_when_we_ask_again() {
        let mut life = Life::default();
        assert_eq!(life.see(PrsStatus::ClosedFlash), None, "not ours");
        life.ask();
        assert_eq!(life.see(PrsStatus::ReadyQueued), None);
        assert_eq!(life.see(PrsStatus::ActiveProcessing), None);
        life.ask();
        assert_eq!(life.see(PrsStatus::ClosedTimeToLiveError), Some(S::Stale), "it was served");
        assert_eq!(life.see(PrsStatus::ClosedTimeToLiveError), None);
        life.ask();
        assert_eq!(life.see(PrsStatus::ClosedTimeToLiveError), Some(S::Timeout), "another one, never served");
    }

    #[test]
    fn the_end_of_what_we_took_back_is_no_news() {
        let mut life = Life::default();
        life.ask();
        life.withdraw();
        assert_eq!(life.see(PrsStatus::ClosedCanceled), None);
    }

    #[test]
    fn a_server_that_forgot_a_request_is_asked_again() {
        let mut life = Life::default();
        life.ask();
        assert_eq!(life.see(PrsStatus::ActiveProcessing), None);
        assert_eq!(life.see(PrsStatus::IdleNotValid), None);
        assert_eq!(life.see(PrsStatus::ClosedStrategyError), Some(S::Rejected), "from the start");
    }
}
