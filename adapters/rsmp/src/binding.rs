//! How one controller is reached by RSMP, and what was proved of it at commissioning: what the model
//! cannot say and a site does not tell.

use core::fmt;

use clearway_contract::Site;
use clearway_signals::{Millis, RowId, RowKind};

use crate::naming;
use crate::priority::{ARRIVAL_MAX, LEVEL_MAX, Reference};
use crate::session::Rights;

/// The level of transit requests: half of the emergency vehicles'.
const LEVEL_TRANSIT: u8 = LEVEL_MAX / 2;

/// By which of the controller's means a row is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Means {
    /// A priority request, M0022, read back from S0033. It ends by itself.
    Priority(Reference),
    /// An emergency route, M0005, read back from S0035 or S0006. It has no expiry: by waiver alone.
    EmergencyRoute(u8),
    /// An input, M0006, read back from S0003. It has no expiry: by waiver alone.
    Input(u8),
}

/// A security code. It stands in no log and in no debug output.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecurityCode(pub String);

impl fmt::Debug for SecurityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecurityCode(…)")
    }
}

/// How one controller is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// The site's id, as its Version has it.
    pub site_id: String,
    /// The component of the controller itself.
    pub main: String,
    /// The component of each detector logic that is called by another name than
    /// [`naming::detector_logic`], by its number from 1.
    pub detectors: Vec<(u8, String)>,
    /// The means of each row that is asked by another one than its default.
    pub means: Vec<(RowId, Means)>,
    /// What we may send.
    pub rights: Rights,
    /// Code of level 2, for commands that need it.
    pub security_code: SecurityCode,
    /// M0005 activates with `True`; texts differ, so that it is proved at the site.
    pub route_activates_with_true: bool,
    /// The controller drops a request that nobody updates or cancels this long after its announced
    /// arrival or its last update, whichever is later, however its supervisor fell silent: proved at
    /// commissioning for each command used. Without it the controller is not armed.
    pub request_lifetime: Option<Millis>,
    /// The longest that the controller keeps a request active, proved at commissioning.
    pub max_presence: Option<Millis>,
    /// The controller keeps minimum greens, yellows and clearances whatever is asked, as the model
    /// states.
    pub keeps_intervals: bool,
    /// The checksum (S0097) at commissioning; where none is given it must hold the model's own.
    pub checksum: Option<String>,
    /// The version text (S0095) at commissioning, for controllers whose list has no S0097.
    pub device: Option<String>,
}

impl Binding {
    /// The binding of the shipped models and their emulated controllers.
    #[must_use]
    pub fn new(site_id: &str) -> Self {
        Self {
            site_id: site_id.into(),
            main: naming::MAIN.into(),
            detectors: Vec::new(),
            means: Vec::new(),
            rights: Rights::default(),
            security_code: SecurityCode::default(),
            route_activates_with_true: true,
            request_lifetime: None,
            max_presence: None,
            keeps_intervals: true,
            checksum: None,
            device: None,
        }
    }

    /// Within this time the controller drops our requests after we fell silent: our last words may have
    /// announced an arrival as late as [`ARRIVAL_MAX`], from which the request's lifetime counts.
    #[must_use]
    pub fn dead_man(&self) -> Option<Millis> {
        self.request_lifetime.map(|lifetime| ARRIVAL_MAX + lifetime)
    }

    /// The component of detector logic `number`, from 1.
    #[must_use]
    pub fn detector(&self, number: u8) -> String {
        let given = self.detectors.iter().find(|(known, _)| *known == number);
        given.map_or_else(|| naming::detector_logic(number), |(_, component)| component.clone())
    }

    /// The means of an own row; `None` when the site has no such row.
    #[must_use]
    pub fn means_of(&self, site: &Site, row: RowId) -> Option<Means> {
        let data = site.rows.get(row.index())?;
        let given = self.means.iter().find(|(id, _)| *id == row).map(|(_, means)| means.clone());
        Some(given.unwrap_or_else(|| Means::Priority(naming::reference(data))))
    }
}

/// Level and kind of vehicle of a row's requests.
#[must_use]
pub fn rank(kind: RowKind) -> (u8, &'static str) {
    match kind {
        RowKind::Emergency => (LEVEL_MAX, "emergency"),
        RowKind::Transit | RowKind::Rail => (LEVEL_TRANSIT, "tram"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x6_a_security_code_stands_in_no_debug_output() {
        let binding = Binding { security_code: SecurityCode("canary".into()), ..Binding::new("A") };
        assert!(!format!("{binding:?}").contains("canary"));
    }

    #[test]
    fn s8_the_dead_man_counts_from_the_latest_arrival_that_is_announced() {
        let silent = Binding::new("A");
        assert_eq!(silent.dead_man(), None, "nothing was proved");
        let proved = Binding { request_lifetime: Some(Millis::from_s(10)), ..silent };
        assert_eq!(proved.dead_man(), Some(Millis::from_s(40)));
    }

    #[test]
    fn s13_an_emergency_request_outranks_a_transit_request() {
        assert!(rank(RowKind::Emergency).0 > rank(RowKind::Transit).0);
    }
}
