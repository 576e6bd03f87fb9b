//! The life of a request, as RSMP SXL TLC S0033 gives it.

/// Where a request stands. Only the controller's own status moves it past `Received`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum RequestState {
    /// Planned by us, not yet seen by the controller.
    #[default]
    Received,
    /// The controller knows of it and serves something else first.
    Queued,
    /// The controller serves it.
    Activated,
    /// Served and released.
    Completed,
    /// Never served in its time.
    Timeout,
    /// Refused by the controller or by a rule of ours.
    Rejected,
    /// Refused because a request was served just before.
    Cooldown,
    /// Was served; its end was never confirmed, or it outlived its maximum presence.
    Stale,
}

/// What happened to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum RequestStep {
    /// The status shows the call, not yet the service.
    Queue,
    /// The status shows the service.
    Activate,
    /// Released after service and read back.
    Complete,
    /// Its time ran out unserved, or it was withdrawn.
    Expire,
    /// Refused.
    Reject,
    /// Refused: too soon after the last.
    Cool,
    /// Its service is no longer confirmed.
    Lose,
}

impl RequestState {
    /// Whether the request is over.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Received | Self::Queued | Self::Activated)
    }

    /// The next state; `None` when the life cycle has no such step from here.
    #[must_use]
    pub const fn next(self, step: RequestStep) -> Option<Self> {
        use RequestState as S;
        use RequestStep as T;
        match (self, step) {
            (S::Received, T::Queue) => Some(S::Queued),
            (S::Received | S::Queued, T::Activate) => Some(S::Activated),
            (S::Received, T::Reject) => Some(S::Rejected),
            (S::Received, T::Cool) => Some(S::Cooldown),
            (S::Received | S::Queued, T::Expire) => Some(S::Timeout),
            (S::Activated, T::Complete) => Some(S::Completed),
            (S::Activated, T::Lose) => Some(S::Stale),
            _ => None,
        }
    }

    /// The word that RSMP and our API use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Queued => "queued",
            Self::Activated => "activated",
            Self::Completed => "completed",
            Self::Timeout => "timeout",
            Self::Rejected => "rejected",
            Self::Cooldown => "cooldown",
            Self::Stale => "stale",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_request_never_moves_again() {
        for state in [
            RequestState::Completed,
            RequestState::Timeout,
            RequestState::Rejected,
            RequestState::Cooldown,
            RequestState::Stale,
        ] {
            for step in [
                RequestStep::Queue,
                RequestStep::Activate,
                RequestStep::Complete,
                RequestStep::Expire,
                RequestStep::Reject,
                RequestStep::Cool,
                RequestStep::Lose,
            ] {
                assert!(state.is_final());
                assert_eq!(state.next(step), None);
            }
        }
    }

    #[test]
    fn a_queued_request_is_served_or_times_out() {
        assert_eq!(RequestState::Queued.next(RequestStep::Activate), Some(RequestState::Activated));
        assert_eq!(RequestState::Queued.next(RequestStep::Expire), Some(RequestState::Timeout));
        assert_eq!(RequestState::Queued.next(RequestStep::Complete), None);
    }
}
