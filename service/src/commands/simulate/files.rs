//! Files of a simulation: CSV and SVG, of the first seed of each kind of control.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use clearway_traffic::experiment::{Recording, RunResult, picture, table};
use clearway_traffic::scenario::{Prepared, Scenario};
use miette::{IntoDiagnostic, Result, WrapErr};

use crate::cli::Simulate;

/// Write what the command line asks for.
pub fn write(
    args: &Simulate,
    prepared: &Prepared,
    scenario: &Scenario,
    done: &[(RunResult, Recording)],
) -> Result<()> {
    let Some(first_seed) = done.first().map(|(run, _)| run.seed) else { return Ok(()) };
    let first: Vec<&(RunResult, Recording)> = done.iter().filter(|(run, _)| run.seed == first_seed).collect();
    if let Some(dir) = &args.csv {
        create(dir)?;
        for (run, recording) in &first {
            csv(dir, prepared, run, recording)?;
        }
    }
    if let Some(dir) = &args.svg {
        create(dir)?;
        for (run, recording) in &first {
            if let Some(diagram) = &recording.diagram {
                let title = format!("{}, {}", scenario.name, run.control.name());
                let name = format!("{}-{}-time-space.svg", run.control.name(), run.seed);
                save(dir, &name, |out| out.write_all(picture::time_space(diagram, &title).as_bytes()))?;
            }
        }
        let runs: Vec<&RunResult> = first.iter().map(|(run, _)| run).collect();
        let approaches = usize::from(scenario.measure.approaches);
        let drawn = picture::delay_by_approach(&prepared.network, &runs, approaches);
        save(dir, "delay-by-approach.svg", |out| out.write_all(drawn.as_bytes()))?;
    }
    Ok(())
}

fn csv(dir: &Path, prepared: &Prepared, run: &RunResult, recording: &Recording) -> Result<()> {
    let name = |what: &str| format!("{}-{}-{what}.csv", run.control.name(), run.seed);
    let network = &prepared.network;
    save(dir, &name("trajectories"), |out| table::trajectories(network, recording, out))?;
    save(dir, &name("signals"), |out| table::signals(network, recording, out))?;
    save(dir, &name("links"), |out| table::links(network, run, out))?;
    save(dir, &name("missions"), |out| table::missions(run, out))?;
    save(dir, &name("trips"), |out| table::trips(recording, out))?;
    if recording.truncated {
        eprintln!("{}: more points than are kept; the last ones are missing", name("trajectories"));
    }
    Ok(())
}

fn create(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).into_diagnostic().wrap_err_with(|| format!("{} cannot be made", dir.display()))
}

fn save(dir: &Path, name: &str, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let path = dir.join(name);
    let file = File::create(&path);
    file.and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    })
    .into_diagnostic()
    .wrap_err_with(|| format!("{} cannot be written", path.display()))
}
