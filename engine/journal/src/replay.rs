//! Replay: the recorded events through a fresh engine must give the recorded commands, bit for bit.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use clearway_network::Network;
use clearway_planner::learn::Lesson;
use clearway_planner::{Engine, Event, Output};
use clearway_signals::{Epoch, Millis};

use crate::reader::{Entries, JournalError};
use crate::wire::{Entry, WireCommand, network_hash};

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Events applied.
    pub events: u64,
    /// Commands compared and found equal.
    pub commands: u64,
    /// The first difference.
    pub divergence: Option<Divergence>,
}

/// A difference between the journal and the replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Divergence {
    /// The journal does not begin with its start record.
    NoStart,
    /// The journal was written on another network model.
    OtherNetwork(String),
    /// The engine gave another command than was recorded.
    Command {
        /// Number of the event, from 1.
        event: u64,
        /// What was recorded.
        recorded: Option<WireCommand>,
        /// What the engine gives now.
        replayed: Option<WireCommand>,
    },
}

/// Replay a journal on the network that it was recorded on.
///
/// # Errors
/// A damaged journal, or what the disk said.
pub fn replay(dir: &Path, network: Arc<Network>) -> Result<Replayed, JournalError> {
    Ok(replayed(dir, network)?.0)
}

/// Replay a journal, and tell what the engine had learned at its end; nothing when the replay differs.
///
/// # Errors
/// A damaged journal, or what the disk said.
pub fn learned(dir: &Path, network: Arc<Network>) -> Result<(Replayed, Vec<Lesson>), JournalError> {
    let (found, engine) = replayed(dir, network)?;
    let engine = engine.filter(|_| found.divergence.is_none());
    Ok((found, engine.map(|engine| engine.learned().lessons().collect()).unwrap_or_default()))
}

fn replayed(dir: &Path, network: Arc<Network>) -> Result<(Replayed, Option<Engine>), JournalError> {
    let mut entries = Entries::open(dir)?;
    let mut found = Replayed { events: 0, commands: 0, divergence: None };
    let start = match entries.next().transpose()? {
        Some(Entry::Start(start)) => start,
        _ => return Ok((Replayed { divergence: Some(Divergence::NoStart), ..found }, None)),
    };
    if start.network_hash != network_hash(&network) {
        found.divergence = Some(Divergence::OtherNetwork(start.network));
        return Ok((found, None));
    }
    let mut engine = Engine::new(network, start.vehicle_infos(), start.planner_config(), Epoch(start.epoch))
        .with_policy(start.policy.policy());
    let mut out = Output::default();
    let mut expected: VecDeque<WireCommand> = VecDeque::new();
    for entry in entries {
        match entry? {
            Entry::Start(_) => {}
            Entry::Event(at, wire) => {
                if let Some(missing) = expected.pop_front() {
                    found.divergence = Some(differs(found.events, None, Some(missing)));
                    return Ok((found, None));
                }
                out.clear();
                engine.apply(&Event::from(&wire), Millis(at), &mut out);
                found.events += 1;
                expected.extend(out.commands().iter().map(WireCommand::from));
            }
            Entry::Command(_, recorded) => {
                let replayed = expected.pop_front();
                if replayed != Some(recorded) {
                    found.divergence = Some(differs(found.events, Some(recorded), replayed));
                    return Ok((found, None));
                }
                found.commands += 1;
            }
        }
    }
    Ok((found, Some(engine)))
}

fn differs(event: u64, recorded: Option<WireCommand>, replayed: Option<WireCommand>) -> Divergence {
    Divergence::Command { event, recorded, replayed }
}
