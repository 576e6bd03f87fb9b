//! `clearway journal`.

use std::path::Path;
use std::sync::Arc;

use clearway_journal::{learned, replay, verify};
use miette::{IntoDiagnostic, Result};
use serde_json::json;

use super::{Exit, load_model};
use crate::cli::JournalCommand;

/// Verify or replay.
pub fn run(command: JournalCommand) -> Result<Exit> {
    match command {
        JournalCommand::Verify { dir, json } => verify_journal(&dir, json),
        JournalCommand::Replay { dir, network, json } => replay_journal(&dir, &network, json),
        JournalCommand::Learned { dir, network, out } => write_learned(&dir, &network, out.as_deref()),
    }
}

fn verify_journal(dir: &Path, as_json: bool) -> Result<Exit> {
    let found = verify(dir).into_diagnostic()?;
    let chain: String = found.chain.iter().map(|byte| format!("{byte:02x}")).collect();
    if as_json {
        let line = json!({ "segments": found.segments, "records": found.records, "chain": chain,
                           "torn_bytes": found.torn_bytes });
        println!("{line}");
    } else {
        println!(
            "{} records in {} segments hold together; chain ends in {chain}",
            found.records, found.segments
        );
        if found.torn_bytes > 0 {
            println!(
                "the last record was cut after {} bytes: power failed while it was written",
                found.torn_bytes
            );
        }
    }
    Ok(Exit::Ok)
}

fn write_learned(dir: &Path, network: &Path, out: Option<&Path>) -> Result<Exit> {
    let Some(loaded) = load_model(network) else { return Ok(Exit::ModelInvalid) };
    let network = Arc::new(loaded.network);
    let (found, lessons) = learned(dir, Arc::clone(&network)).into_diagnostic()?;
    if let Some(divergence) = found.divergence {
        eprintln!("after {} events the replay differs: {divergence:?}", found.events);
        return Ok(Exit::Failed);
    }
    let pieces = lessons.len();
    let text = crate::learned::write(lessons.into_iter(), &network);
    match out {
        Some(file) => {
            std::fs::write(file, text).into_diagnostic()?;
            println!("{pieces} pieces from {} events in {}", found.events, file.display());
        }
        None => print!("{text}"),
    }
    Ok(Exit::Ok)
}

fn replay_journal(dir: &Path, network: &Path, as_json: bool) -> Result<Exit> {
    let Some(loaded) = load_model(network) else { return Ok(Exit::ModelInvalid) };
    let found = replay(dir, Arc::new(loaded.network)).into_diagnostic()?;
    let divergence = found.divergence.as_ref().map(|d| format!("{d:?}"));
    if as_json {
        println!(
            "{}",
            json!({ "events": found.events, "commands": found.commands, "divergence": divergence })
        );
    } else {
        match &divergence {
            None => {
                println!("{} events give the same {} commands, bit for bit", found.events, found.commands)
            }
            Some(divergence) => println!("after {} events the replay differs: {divergence}", found.events),
        }
    }
    Ok(if divergence.is_none() { Exit::Ok } else { Exit::Failed })
}
