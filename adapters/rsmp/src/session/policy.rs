//! What a supervisor accepts of sites, and what it may ask of them.

use clearway_signals::Millis;

use crate::version::{Core, Sxl};

/// A site that is accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// Its id.
    pub id: String,
    /// The version of the list that it must have; any that we know where none is given.
    pub sxl: Option<Sxl>,
}

/// Intervals and limits of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// An acknowledgement that takes longer is a disruption.
    pub ack_max: Millis,
    /// Between two watchdogs of ours.
    pub watchdog_every: Millis,
    /// A site that sends no watchdog for longer is remarked.
    pub watchdog_max: Millis,
    /// The handshake must be over by then.
    pub handshake_max: Millis,
}

impl Times {
    /// The standard's defaults; three watchdogs may be missing.
    pub const STANDARD: Self = Self {
        ack_max: Millis::from_s(30),
        watchdog_every: Millis::from_s(60),
        watchdog_max: Millis::from_s(180),
        handshake_max: Millis::from_s(30),
    };
}

/// Commands that act for good, without an expiry of their own: by waiver of a site alone.
pub const WITHOUT_EXPIRY: [&str; 5] = ["M0005", "M0006", "M0008", "M0013", "M0019"];
/// Clock, plans, tables and codes: the primary supervisor's alone.
pub const OF_PRIMARY: [&str; 14] = [
    "M0002", "M0003", "M0007", "M0014", "M0015", "M0016", "M0017", "M0018", "M0020", "M0021", "M0023",
    "M0024", "M0103", "M0104",
];

/// Which commands a supervisor may send to a site. Dark, flash, restart and orders to single signal
/// groups (M0001, M0004, M0010, M0011, M0012) belong to no role here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rights {
    /// We are the site's primary supervisor.
    pub primary: bool,
    /// Commands without expiry that the site's waiver allows.
    pub waived: Vec<String>,
}

impl Rights {
    /// Whether this command may be sent.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, code: &str) -> Result<(), &'static str> {
        if code == "M0022" {
            Ok(())
        } else if WITHOUT_EXPIRY.contains(&code) {
            let waived = self.waived.iter().any(|waived| waived == code);
            waived.then_some(()).ok_or("a command without expiry needs a waiver of the site")
        } else if OF_PRIMARY.contains(&code) {
            self.primary.then_some(()).ok_or("only the primary supervisor sends this command")
        } else {
            Err("this command is never sent")
        }
    }
}

/// The policy of a supervisor, or of one listener.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The versions of core that are spoken.
    pub cores: Vec<Core>,
    /// The sites that are accepted; every site where none are listed.
    pub sites: Option<Vec<Accepted>>,
    /// Intervals and limits.
    pub times: Times,
}

impl Default for Policy {
    fn default() -> Self {
        Self { cores: Core::ALL.to_vec(), sites: None, times: Times::STANDARD }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sxl::COMMANDS;

    #[test]
    fn a_secondary_supervisor_asks_for_priority_alone() {
        let allowed = |rights: &Rights| {
            COMMANDS
                .iter()
                .map(|entry| entry.code)
                .filter(|code| rights.check(code).is_ok())
                .collect::<Vec<_>>()
        };
        assert_eq!(allowed(&Rights::default()), ["M0022"]);
        let waived = Rights { waived: vec!["M0005".into(), "M0001".into()], ..Rights::default() };
        assert_eq!(allowed(&waived), ["M0005", "M0022"]);
        let primary = allowed(&Rights { primary: true, ..Rights::default() });
        assert!(primary.contains(&"M0104") && primary.contains(&"M0014") && !primary.contains(&"M0005"));
        let everything =
            Rights { primary: true, waived: COMMANDS.iter().map(|entry| entry.code.into()).collect() };
        for never in ["M0001", "M0004", "M0010", "M0011", "M0012", "M9999", ""] {
            assert!(everything.check(never).is_err(), "{never}");
        }
    }
}
