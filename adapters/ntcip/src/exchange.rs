//! From the keeper's asks to reads and writes of objects, and back. No I/O.

mod gate;
mod layout;
mod priority;
mod status;

use std::collections::BTreeSet;

use clearway_contract::{Answer, Ask, Site, Write};
use clearway_signals::{Channel, RequestRow, RowId};

use crate::commissioning::Commissioned;
use crate::facts::Facts;
use crate::frame::{self, Data, Name};
use crate::outputs::{Output, Outputs};
use crate::profile::Profile;
use crate::values::Values;
use layout::Layout;
use priority::Priorities;

/// One message to the device, or two that belong together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// Read these instances.
    Get(Vec<Name>),
    /// Write these, all in one message.
    Set(Vec<(Name, Data)>),
    /// Write `selector` to `control`, which changes no signal, then read `buffer`.
    Select {
        /// The object that says what the buffer is about.
        control: Name,
        /// What it shall be about.
        selector: Vec<u8>,
        /// The object to read.
        buffer: Name,
    },
}

/// The exchange with one controller over one connection.
#[derive(Clone, Debug)]
pub struct Exchange {
    site: Site,
    profile: Profile,
    outputs: Outputs,
    layout: Layout,
    priorities: Priorities,
    /// Instances that the device does not have; it is not asked for them again.
    absent: BTreeSet<Name>,
    volume_sequence: Option<i64>,
    /// Whether each detector was occupied at the reading before.
    present: Vec<bool>,
    facts: Facts,
    epoch_ms: Option<i64>,
    /// What the controller was at commissioning.
    commissioned: Option<Commissioned>,
    /// Objects in one message of a status reading.
    status_names_max: usize,
    /// Rows of the list of the user-defined backup time to read with the gate: as many as it said last
    /// while that timer was on.
    watch_rows: u8,
}

impl Exchange {
    /// For a site whose groups are phases, and the quirks of its controller.
    #[must_use]
    pub fn new(site: Site, profile: Profile) -> Self {
        Self::bound(site, profile, &[])
    }

    /// For a site whose groups are shown at `outputs`, by `GroupId`; what is not said is a phase.
    #[must_use]
    pub fn bound(site: Site, profile: Profile, outputs: &[Output]) -> Self {
        let outputs = Outputs::new(&site, outputs);
        let layout = Layout::new(&site, &profile, &outputs);
        let priorities = Priorities::new(&site, &profile);
        let profile_names_max = profile.names_max.max(1);
        Self {
            site,
            profile,
            outputs,
            layout,
            priorities,
            absent: BTreeSet::new(),
            volume_sequence: None,
            present: Vec::new(),
            facts: Facts::default(),
            epoch_ms: None,
            commissioned: None,
            status_names_max: profile_names_max,
            watch_rows: 0,
        }
    }

    /// Hold the device against what it was at commissioning; without it the version of its module must
    /// hold the model's configuration hash.
    #[must_use]
    pub fn with_commissioned(self, commissioned: Option<Commissioned>) -> Self {
        Self { commissioned, ..self }
    }

    /// Ask for at most so many objects in one message of a status reading, where the profile allows more.
    #[must_use]
    pub fn with_status_names(self, most: usize) -> Self {
        Self { status_names_max: most.clamp(1, self.status_names_max), ..self }
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What the device last said of itself.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The wall clock, milliseconds since 1970: for stamps that the device asks for, never for
    /// deadlines.
    pub fn set_wall(&mut self, epoch_ms: i64) {
        self.epoch_ms = Some(epoch_ms);
    }

    /// The device has no such instance.
    pub fn mark_absent(&mut self, name: Name) {
        self.absent.insert(name);
    }

    /// Whether the device was found to have no such instance.
    #[must_use]
    pub fn is_absent(&self, name: &Name) -> bool {
        self.absent.contains(name)
    }

    /// The messages for an ask, in order; none for one that the protocol cannot carry. A fresh
    /// connection forgets what the device was found not to have.
    pub fn requests(&mut self, ask: &Ask) -> Vec<Request> {
        match ask {
            Ask::Connect => {
                self.absent.clear();
                self.volume_sequence = None;
                self.present.clear();
                self.priorities.forget();
                Vec::new()
            }
            Ask::Gate => {
                let most = self.profile.names_max.max(1);
                let watched = (1..=self.watch_rows).map(|row| frame::WATCHED.of(row));
                let names: Vec<Name> = self.layout.names(ask).iter().copied().chain(watched).collect();
                // Between two messages a device may change: it says at the end again who it is.
                let again = self.layout.identity().filter(|_| names.len() > most);
                self.reads(names.iter().copied().chain(again), most)
            }
            Ask::Counts => self.reads(self.layout.names(ask).iter().copied(), self.profile.names_max.max(1)),
            Ask::Status => {
                let mut requests = self.reads(self.layout.names(ask).iter().copied(), self.status_names_max);
                requests.extend(self.priorities.polls());
                requests
            }
            Ask::Write(write) => self.writes(write),
        }
    }

    /// The answer to an ask that reads, from the values that came.
    pub fn answer(&mut self, ask: &Ask, values: &Values) -> Answer {
        let names = self.layout.names(ask);
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let value = values.get(name);
            if value.is_none() && !self.absent.contains(name) {
                return Answer::Failed(format!("the answer lacks {name}"));
            }
            found.push(value);
        }
        match ask {
            Ask::Gate => Answer::Gate(Box::new(self.gate(values))),
            Ask::Status => match self.priorities.see(values) {
                Ok(()) => Answer::Status(self.status(found.into_iter())),
                Err(reason) => Answer::Failed(reason),
            },
            Ask::Counts => self.counts(values),
            Ask::Connect | Ask::Write(_) => Answer::Connected,
        }
    }

    /// Reads of at most `most` objects each.
    fn reads(&self, names: impl Iterator<Item = Name>, most: usize) -> Vec<Request> {
        let present: Vec<Name> = names.filter(|name| !self.absent.contains(name)).collect();
        present.chunks(most).map(|chunk| Request::Get(chunk.to_vec())).collect()
    }

    /// Preempt rows all in one message, then each priority request by itself. A call puts off every other
    /// own row whatever readings show: they may hide what an engine before us called.
    fn writes(&mut self, write: &Write) -> Vec<Request> {
        let called = write.call().map(|call| call.row);
        let calls_preempt = preempts(&self.site).any(|(id, _)| Some(id) == called);
        let value = |id: RowId| {
            let off = self.site.own_rows().contains(id) && (calls_preempt || write.clear().contains(id));
            if Some(id) == called { Some(1) } else { off.then_some(0) }
        };
        let mut calls: Vec<(u8, i32)> =
            preempts(&self.site).filter_map(|(id, row)| Some((row.number, value(id)?))).collect();
        // What goes off stands before what goes on: some devices work through a message one by one.
        calls.sort_by_key(|(_, value)| *value);
        let data = |(number, value): &(u8, i32)| (frame::PREEMPT_CALL.of(*number), Data::Integer(*value));
        let preempts: Vec<(Name, Data)> = calls.iter().map(data).collect();
        let mut requests = Vec::new();
        if !preempts.is_empty() {
            requests.push(Request::Set(preempts));
        }
        requests.extend(self.priorities.writes(write, self.epoch_ms));
        requests
    }
}

/// The rows of a site on the preempt channel.
fn preempts(site: &Site) -> impl Iterator<Item = (RowId, &RequestRow)> {
    let rows = (0..=u8::MAX).map(RowId).zip(&site.rows);
    rows.filter(|(_, row)| row.channel == Channel::Preempt)
}

#[cfg(test)]
mod tests;
