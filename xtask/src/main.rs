//! Project tasks: `cargo xtask demo | test | bench | model | dst | tidy`.
#![forbid(unsafe_code)]

mod bars;
mod bench;
mod console;
mod counts;
mod demo;
mod dst;
mod fuzz;
mod live;
mod model;
mod process;
mod setup;
mod test;
mod tidy;
mod tiers;
mod validate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Clearway's project tasks")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the page if needed and run the demonstration; arguments go to `clearway demo`.
    Demo {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Install what the tests need and run every kind of test.
    Test(test::Options),
    /// Run the benchmarks and print the README's table.
    Bench(bench::Options),
    /// Rebuild a shipped network model from its source.
    Model {
        #[arg(value_enum)]
        model: model::Model,
    },
    /// Run seeds of the fault simulation (docs/faults.md); arguments go to it.
    Dst {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure the simulator against its field's formulas and against SUMO; write sim/VALIDATION.md.
    Validate,
    /// Check the rules of the repository.
    Tidy,
}

/// Exit code when a budget is exceeded, as `clearway` has it too.
const OVER_BUDGET: u8 = 5;

/// Why a task failed, for people.
pub type Failure = String;

fn main() -> ExitCode {
    let root = root();
    let done: Result<bool, Failure> = match Cli::parse().task {
        Task::Demo { args } => demo::run(&root, &args).map(|()| true),
        Task::Test(options) => test::run(&root, &options),
        Task::Bench(options) => match bench::run(&root, &options) {
            Ok(false) => return ExitCode::from(OVER_BUDGET),
            done => done,
        },
        Task::Model { model } => model::run(&root, model).map(|()| true),
        Task::Dst { args } => dst::run(&root, &args).map(|()| true),
        Task::Validate => validate::run(&root),
        Task::Tidy => tidy::run(&root).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        // What failed has been said.
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace: the folder above this package. Cargo names it when it runs us; what it named when it
/// built us may be another checkout that shares the target folder.
fn root() -> PathBuf {
    let built_in = || Path::new(env!("CARGO_MANIFEST_DIR")).into();
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(built_in, PathBuf::from);
    package.parent().unwrap_or(&package).to_path_buf()
}
