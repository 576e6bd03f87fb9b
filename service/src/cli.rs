//! The command line: one definition for parser, help and exit codes.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clearway_signals::profile::PROFILES;

/// Green waves for emergency vehicles, priority for trams.
///
/// Exit codes: 0 ok, 1 failed, 2 usage, 3 model invalid, 4 controller refused (or did not confirm a
/// release in time), 5 budget exceeded (a bound ended a proof before its result).
#[derive(Debug, Parser)]
#[command(name = "clearway", version, about, long_about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Commands,
}

#[derive(Debug, Subcommand)]
pub enum Commands {
    /// The whole story on the shipped model, over real sockets on loopback.
    Demo(Demo),
    /// Live: feeds in, controllers out, page.
    Run(Run),
    /// Emulated controllers only, for anyone's client to talk to.
    Field(Box<Field>),
    /// Scenarios in virtual time, compared seed by seed.
    Simulate(Simulate),
    /// The engine as a part of any simulator: JSON lines in, requests out.
    Steer(Steer),
    /// The engine steering a SUMO scenario; SUMO's own tripinfo says what came of it.
    Sumo(Sumo),
    /// The quickest way between two places, what every signal on it promises, and its certificate.
    Plan(Box<crate::commands::plan::PlanArgs>),
    /// What trams and buses do when links are closed: detours, short turns, waits.
    Detour(crate::commands::detour::DetourArgs),
    /// Network models: import, check, prove.
    #[command(subcommand)]
    Network(NetworkCommand),
    /// The configuration: check it, or print its schema.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// What a running engine knows of its controllers.
    Controllers(Remote),
    /// Take every own request of a running engine back.
    ReleaseAll(ReleaseAll),
    /// The journal: verify, replay.
    #[command(subcommand)]
    Journal(JournalCommand),
}

#[derive(Debug, Args)]
pub struct Demo {
    /// No waiting at the end: the report, then out.
    #[arg(long)]
    pub headless: bool,
    /// Simulated seconds.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(60..=3600))]
    pub seconds: u32,
    /// Traffic and the emulators' timers run this much faster. For looking only: figures count at 1.
    #[arg(long, default_value_t = 1.0, value_parser = demo_speed)]
    pub speed: f64,
    /// The same seed gives the same traffic.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write the journal into this folder.
    #[arg(long)]
    pub journal: Option<PathBuf>,
    /// The report as JSON on stdout.
    #[arg(long)]
    pub json: bool,
    /// Where the page listens; port 0 lets the system choose.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: std::net::SocketAddr,
    /// The MQTT broker for the trams' feed; without it an embedded one.
    #[arg(long)]
    pub broker: Option<String>,
}

#[derive(Debug, Args)]
pub struct Run {
    /// The configuration.
    #[arg(long, default_value = "clearway.toml")]
    pub config: PathBuf,
}

/// Who helps the emergency vehicles of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SimulateControl {
    /// Nobody: signals run their plans.
    None,
    /// Each signal by itself, when the vehicle is 300 m before it.
    Local,
    /// The engine.
    Clearway,
}

#[derive(Debug, Subcommand)]
pub enum SimulateTask {
    /// Print the JSON Schema of a scenario.
    Schema,
    /// Measure the simulator against the formulas of its field.
    Validate {
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Draw delay and fundamental diagram.
        #[arg(long)]
        svg: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Simulate {
    #[command(subcommand)]
    pub task: Option<SimulateTask>,
    /// The scenario (docs/simulate.md).
    #[arg(long)]
    pub scenario: Option<PathBuf>,
    /// Another network model than the scenario's.
    #[arg(long)]
    pub network: Option<PathBuf>,
    /// Kinds of control to compare, with commas between; the scenario's when not given.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub control: Vec<SimulateControl>,
    /// The first seed.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Runs of each kind of control, each with the next seed.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: Option<u16>,
    /// Runs at the same time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// As JSON: the same scenario and seed give the same bytes.
    #[arg(long)]
    pub json: bool,
    /// With JSON: how fast the runs were, too.
    #[arg(long)]
    pub timing: bool,
    /// Tables of the first seed into this folder: trajectories, signals, links, missions.
    #[arg(long)]
    pub csv: Option<PathBuf>,
    /// Pictures of the first seed into this folder: time-space diagrams, delay by approach.
    #[arg(long)]
    pub svg: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Steer {
    /// Speak on standard input and output, one JSON object a line (docs/sumo.md).
    #[arg(long, required = true)]
    pub stdio: bool,
}

/// Who controls SUMO's traffic lights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SumoControl {
    /// Their own programs.
    None,
    /// Each light by itself, when an emergency vehicle is 300 m away.
    Local,
    /// The engine.
    Clearway,
}

#[derive(Debug, Args)]
pub struct Sumo {
    /// The scenario.
    #[arg(long)]
    pub sumocfg: PathBuf,
    /// Who controls the lights.
    #[arg(long, value_enum, default_value_t = SumoControl::Clearway)]
    pub control: SumoControl,
    /// Emergency vehicles to add: a SUMO route file.
    #[arg(long)]
    pub emergency: Option<PathBuf>,
    /// SUMO's seed; the scenario's own when not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where SUMO writes its tripinfo; a temporary file when not given.
    #[arg(long)]
    pub tripinfo: Option<PathBuf>,
    /// SUMO's program; else the one in SUMO_HOME or on the path.
    #[arg(long)]
    pub sumo: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FieldProtocol {
    /// NTCIP 1202 over SNMP.
    Ntcip,
    /// The Clearway register map over Modbus TCP.
    Modbus,
    /// RSMP: each controller connects to the supervisors.
    Rsmp,
    /// As the model says, controller by controller.
    Model,
}

#[derive(Debug, Args)]
pub struct Field {
    /// The network model.
    #[arg(long)]
    pub network: PathBuf,
    /// What the controllers speak.
    #[arg(long, value_enum, default_value_t = FieldProtocol::Model)]
    pub protocol: FieldProtocol,
    /// The address that they listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// Controller n of the model listens on this port plus n; without it the system chooses.
    #[arg(long)]
    pub base_port: Option<u16>,
    /// SNMP community.
    #[arg(long, default_value = crate::live::sites::COMMUNITY_DEFAULT)]
    pub community: String,
    /// Timers run this much faster.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// End after this many seconds; without it at Ctrl-C.
    #[arg(long)]
    pub seconds: Option<u32>,
    /// What started where, and what the monitors counted, as JSON lines on stdout.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub rsmp: crate::commands::field::RsmpArgs,
    #[command(flatten)]
    pub doors: crate::commands::field::DoorArgs,
    #[command(flatten)]
    pub faults: crate::commands::field::FaultArgs,
}

#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// Make a model from other data.
    Import {
        /// The kind of data.
        #[arg(value_enum)]
        kind: ImportKind,
        /// The file.
        source: PathBuf,
        /// The folder of the model.
        #[arg(long)]
        out: PathBuf,
        /// The model's name; the folder's when not given.
        #[arg(long)]
        name: Option<String>,
        /// Whose signals the generated controllers show: yellow, minimum greens, walking speed. Only for
        /// OpenStreetMap; `fi-default` when not given.
        #[arg(long, value_parser = PossibleValuesParser::new(PROFILES.map(|profile| profile.name)))]
        profile: Option<String>,
    },
    /// Check a model and print everything that is wrong with it.
    Check {
        /// The folder of the model.
        dir: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Explore every state of every junction's sequencer and print what is proved.
    Prove {
        /// The folder of the model.
        dir: PathBuf,
        /// Only this controller, with the history of each row's slowest entry.
        #[arg(long)]
        controller: Option<String>,
        /// A junction with more states than this is proved in parts.
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
        states: u32,
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Draw what is broken, or without a fault the slowest entry.
        #[arg(long)]
        svg: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportKind {
    /// OpenStreetMap, as `.osm.pbf`.
    Osm,
    /// SUMO, as `.sumocfg` or `.net.xml`; vehicles become a scenario beside the model.
    Sumo,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print everything that is wrong with a configuration.
    Check {
        /// The file.
        #[arg(default_value = "clearway.toml")]
        file: PathBuf,
    },
    /// Print the JSON Schema of the configuration.
    Schema,
}

#[derive(Debug, Args)]
pub struct Remote {
    /// The running engine.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReleaseAll {
    #[command(flatten)]
    pub remote: Remote,
    /// Wait this many seconds for every controller to show that it is released.
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = confirm_within)]
    pub within: f64,
}

#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Check every record.
    Verify {
        /// The folder of the journal.
        dir: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Apply the events to a fresh engine and compare its commands with the recorded ones.
    Replay {
        /// The folder of the journal.
        dir: PathBuf,
        /// The network model that it was recorded on.
        #[arg(long)]
        network: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write what the engine had learned at the journal's end, for the next start (`learned` in
    /// clearway.toml).
    Learned {
        /// The folder of the journal.
        dir: PathBuf,
        /// The network model that it was recorded on.
        #[arg(long)]
        network: PathBuf,
        /// The file; without it the text goes to standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=100.0).contains(&speed) => Ok(speed),
        _ => Err("give a number from 0.1 to 100".into()),
    }
}

/// Beyond four times real speed a fire engine is faster than any that is believed.
fn demo_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=4.0).contains(&speed) => Ok(speed),
        _ => Err("give a number from 0.1 to 4".into()),
    }
}

/// Beyond a minute every controller's own timer has ended the call.
fn confirm_within(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=60.0).contains(&seconds) => Ok(seconds),
        _ => Err("give a number of seconds from 0 to 60".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Exit;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_the_exit_codes_that_there_are_and_no_others() {
        let help = Cli::command().render_long_help().to_string();
        let told = help.split_once("Exit codes:").and_then(|(_, rest)| rest.split_once("\n\n")).unwrap().0;
        let digits: Vec<u8> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        // 2 is clap's own.
        let mut ours: Vec<u8> = Exit::ALL.iter().map(|exit| *exit as u8).chain([2]).collect();
        ours.sort_unstable();
        assert_eq!(digits, ours, "{told}");
    }
}
