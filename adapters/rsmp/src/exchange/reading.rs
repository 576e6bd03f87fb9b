//! From what a site has told to what the keeper and the gate read.

use clearway_contract::{Entry, GateFinding, GateReading, GateRow, RowReading, Site, StatusReading};
use clearway_signals::{
    Channel, ControllerStatus, GroupKind, GroupSet, Millis, Mode, Owner, PreemptState, RequestRow,
    RequestState, RowId, RowSet,
};

use super::requests::Requests;
use crate::binding::{Binding, Means};
use crate::board::Board;
use crate::naming;
use crate::session::Agreed;

/// What one site shows now.
pub(super) struct Reading<'a> {
    pub(super) site: &'a Site,
    pub(super) binding: &'a Binding,
    pub(super) board: &'a Board,
    pub(super) requests: &'a Requests,
}

impl Reading<'_> {
    fn text(&self, code: &str, name: &str) -> Option<&str> {
        self.board.text(&self.binding.main, code, name)
    }

    /// The operating mode: the state that most forbids requests wins; unknown unless everything
    /// that decides it is known.
    pub(super) fn mode(&self) -> Mode {
        let any = |code: &str| Some(self.text(code, "status")?.split(',').any(|word| word == "True"));
        let known = || {
            let police = self.text("S0013", "status")?.split(',').any(|word| word != "0");
            let all_off = !any("S0007")?;
            let control = self.text("S0020", "controlmode")?;
            let says = |mode: &str| control.split(',').any(|word| word == mode);
            Some(if all_off {
                Mode::Dark
            } else if says("failure") {
                Mode::Fault
            } else if any("S0011")? {
                Mode::Flash
            } else if any("S0005")? || says("startup") {
                Mode::Startup
            } else if police || any("S0008")? || any("S0012")? || says("test") {
                Mode::Manual
            } else if control.split(',').all(|word| word == "control") {
                Mode::Normal
            } else {
                Mode::Unknown
            })
        };
        known().unwrap_or(Mode::Unknown)
    }

    /// The reading that the keeper sees; `ended` is a request that the site ended itself.
    pub(super) fn status(&self, ended: Option<(RowId, RequestState)>) -> StatusReading {
        let (greens, yellows, clearing) = self.groups();
        let calls = self.calls();
        let served = self.served();
        // Priority is no preemption: it shows as the served row, and the controller stays in its plan.
        let preempt = match served.filter(|row| self.preempts(*row)) {
            Some(row) if self.dwells(row, greens) => PreemptState::Dwell,
            Some(_) => PreemptState::EntryStarted,
            None if calls.iter().any(|row| self.preempts(row)) => PreemptState::NotActiveWithCall,
            None => PreemptState::NotActive,
        };
        let status = ControllerStatus {
            mode: self.mode(),
            greens,
            yellows,
            clearing,
            active: served,
            preempt,
            ..ControllerStatus::default()
        };
        StatusReading { status, calls, outlived: RowSet::EMPTY, ended, current: true, uptime: None }
    }

    /// The groups in green, yellow and pedestrian clearance, from S0001's letters.
    fn groups(&self) -> (GroupSet, GroupSet, GroupSet) {
        let letters = self.text("S0001", "signalgroupstatus").unwrap_or_default().as_bytes();
        let (mut greens, mut yellows, mut clearing) = (GroupSet::EMPTY, GroupSet::EMPTY, GroupSet::EMPTY);
        let numbered = (0..=u8::MAX).map(clearway_signals::GroupId).zip(&self.site.group_numbers);
        for ((id, number), group) in numbered.zip(&self.site.groups) {
            let letter = usize::from(*number).checked_sub(1).and_then(|index| letters.get(index));
            match letter {
                Some(b'1'..=b'8') => greens = greens.with(id),
                Some(b'9') if group.kind == GroupKind::Pedestrian => clearing = clearing.with(id),
                Some(b'9') => greens = greens.with(id),
                Some(b'N' | b'O') => yellows = yellows.with(id),
                _ => {}
            }
        }
        (greens, yellows, clearing)
    }

    /// Own rows that the site holds on our account.
    fn calls(&self) -> RowSet {
        let by_waiver = self.site.own_rows().iter().filter(|row| self.is_switched_on(*row));
        by_waiver.fold(self.requests.live(), RowSet::with)
    }

    /// The row that is served: one of ours first, else an emergency route of others.
    fn served(&self) -> Option<RowId> {
        let ours = self.requests.active().iter().next();
        let own = self.site.own_rows();
        ours.or_else(|| own.iter().find(|row| self.is_switched_on(*row))).or_else(|| {
            let rows = (0..=u8::MAX).map(RowId).zip(&self.site.rows);
            let foreign =
                rows.filter(|(_, row)| row.owner == Owner::Other && row.channel == Channel::Preempt);
            foreign.filter(|(_, row)| self.route_is_on(row.number)).map(|(id, _)| id).next()
        })
    }

    fn preempts(&self, row: RowId) -> bool {
        self.site.rows.get(row.index()).is_some_and(|row| row.channel == Channel::Preempt)
    }

    fn dwells(&self, row: RowId, greens: GroupSet) -> bool {
        self.site.rows.get(row.index()).is_some_and(|row| row.dwell.is_subset(greens))
    }

    /// Whether a row that is asked without expiry is on.
    pub(super) fn is_switched_on(&self, row: RowId) -> bool {
        match self.binding.means_of(self.site, row) {
            Some(Means::EmergencyRoute(number)) => self.route_is_on(number),
            Some(Means::Input(number)) => {
                let inputs = self.text("S0003", "inputstatus").unwrap_or_default().as_bytes();
                usize::from(number).checked_sub(1).and_then(|index| inputs.get(index)) == Some(&b'1')
            }
            Some(Means::Priority(_)) | None => false,
        }
    }

    fn route_is_on(&self, number: u8) -> bool {
        self.routes().contains(&number)
    }

    /// The emergency routes that are active.
    pub(super) fn routes(&self) -> Vec<u8> {
        let routes = self.board.status(&self.binding.main, "S0035", "emergencyroutes");
        // Within arrays lists differ on whether integers are text.
        let number = |id: &serde_json::Value| {
            id.as_u64().and_then(|id| u8::try_from(id).ok()).or_else(|| id.as_str()?.parse().ok())
        };
        match routes.and_then(|known| known.value.as_array()) {
            Some(routes) => routes.iter().filter_map(|route| number(route.get("id")?)).collect(),
            None if self.text("S0006", "status") == Some("True") => {
                let stage = self.text("S0006", "emergencystage").and_then(|word| word.parse().ok());
                stage.into_iter().collect()
            }
            None => Vec::new(),
        }
    }
}

/// What the arming gate judges.
impl Reading<'_> {
    pub(super) fn gate(&self, agreed: &Agreed) -> GateReading {
        let needs_priority = self
            .site
            .own_rows()
            .iter()
            .any(|row| matches!(self.binding.means_of(self.site, row), Some(Means::Priority(_))));
        let rows = (0..=u8::MAX).map(RowId).zip(&self.site.rows).map(|(id, row)| self.row(id, row));
        let device = self.text("S0095", "status").unwrap_or("a controller that does not name itself");
        let (configuration_hash, found) = self.configuration();
        GateReading {
            device: format!("{device}, core {}, list {}", agreed.core.word(), agreed.sxl.word()),
            protocol_fits: !needs_priority || (agreed.core.has_arrays() && agreed.sxl.has_priority()),
            configuration_hash,
            mode: self.mode(),
            remote_enabled: true,
            dead_man: self.binding.dead_man(),
            dead_man_watches_calls: true,
            phases: None,
            rows: rows.collect(),
            clock_offset: None,
            found,
        }
    }

    /// The model's hash where the controller is the one that was commissioned, else the one that it
    /// names; and what changed since commissioning.
    fn configuration(&self) -> (Option<u32>, Vec<GateFinding>) {
        let checksum = self.text("S0097", "checksum");
        let commissioned = [
            ("S0095", self.text("S0095", "status"), &self.binding.device),
            ("S0097", checksum, &self.binding.checksum),
        ];
        let changed = commissioned.into_iter().filter_map(|(code, found, wanted)| {
            let (found, wanted) = (found.unwrap_or_default(), wanted.as_deref()?);
            let reason = format!("{code} is `{found}`, `{wanted}` at commissioning");
            (found != wanted).then_some(GateFinding { row: GateRow::Identity, reason })
        });
        let changed: Vec<GateFinding> = changed.collect();
        let hash = match (checksum, &self.binding.checksum, &self.binding.device) {
            (Some(found), None, _) => naming::configuration_hash(found),
            (_, Some(_), _) | (None, None, Some(_)) if changed.is_empty() => {
                Some(self.site.junction().configuration_hash())
            }
            _ => None,
        };
        (hash, changed)
    }

    /// A row: the list tells nothing of it, so that the model's word and the commissioning stand;
    /// only whether the reference can exist at the site is read.
    fn row(&self, id: RowId, row: &RequestRow) -> RowReading {
        let own = self.site.own_rows().contains(id);
        RowReading {
            present: !own || self.exists(id),
            kind: Some(row.kind),
            non_locking: true,
            enabled: true,
            remote: own,
            flash_dwell: false,
            // Rail is the controller's own affair: no level of a request reaches it.
            overrides: true,
            link: 0,
            delay: whole_s(row.delay),
            min_duration: row.min_duration,
            min_dwell: row.min_dwell,
            max_presence: self.binding.max_presence.unwrap_or(Millis::ZERO),
            dwell: row.dwell,
            unknown_outputs: 0,
            entry: Entry::Keeps(self.binding.keeps_intervals),
        }
    }

    fn exists(&self, row: RowId) -> bool {
        let groups = self.text("S0017", "number").and_then(|word| word.parse::<usize>().ok());
        let highest = self.site.group_numbers.iter().max().copied().map_or(0, usize::from);
        let groups_fit = groups.is_some_and(|number| number >= highest);
        let inputs = self.text("S0003", "inputstatus").map_or(0, str::len);
        groups_fit
            && match self.binding.means_of(self.site, row) {
                Some(Means::Input(number)) => usize::from(number) <= inputs,
                Some(Means::Priority(_) | Means::EmergencyRoute(_)) => true,
                None => false,
            }
    }
}

fn whole_s(time: Millis) -> Millis {
    Millis::from_s((time + Millis(999)).0 / 1000)
}
