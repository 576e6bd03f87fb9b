//! `clearway`, the binary.
#![forbid(unsafe_code)]

mod api;
mod cli;
mod commands;
mod config;
mod demo;
mod learned;
mod live;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Commands};
use commands::Exit;

/// The system's allocator keeps an arena for each thread, and in a process that runs for months they fray.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("CLEARWAY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,rumqttd=error,async_snmp=off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome = match cli.command {
        Commands::Demo(args) => demo::run(args),
        Commands::Run(args) => commands::run::run(&args),
        Commands::Field(args) => commands::field::run(&args),
        Commands::Simulate(args) => commands::simulate::run(&args),
        Commands::Steer(_) => commands::steer::run(),
        Commands::Sumo(args) => commands::sumo::run(&args),
        Commands::Plan(args) => commands::plan::run(&args),
        Commands::Detour(args) => commands::detour::run(&args),
        Commands::Network(command) => commands::network::run(command),
        Commands::Config(command) => commands::config::run(command),
        Commands::Controllers(remote) => commands::remote::controllers(&remote),
        Commands::ReleaseAll(remote) => commands::remote::release_all(&remote),
        Commands::Journal(command) => commands::journal::run(command),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(report) => {
            eprintln!("{report:?}");
            Exit::Failed.into()
        }
    }
}
