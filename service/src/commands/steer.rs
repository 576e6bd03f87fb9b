//! `clearway steer --stdio`: JSON lines in, requests out.

use std::io::{BufReader, BufWriter, stdin, stdout};

use clearway_sumo::dialect::serve;
use clearway_sumo::steer::Settings;
use miette::{IntoDiagnostic, Result, WrapErr};

use super::Exit;

/// Answer until the input ends. Lines that cannot be used are named on stderr, with the cure.
pub fn run() -> Result<Exit> {
    let complain = |number: u64, fault: &clearway_sumo::dialect::LineFault| {
        eprintln!("line {number}: {fault}");
    };
    let input = BufReader::with_capacity(1 << 16, stdin().lock());
    let output = BufWriter::with_capacity(1 << 16, stdout().lock());
    match serve(input, output, Settings::default(), complain) {
        // The simulator went away: nobody is left to ask.
        Err(fault) if fault.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
        other => other.into_diagnostic().wrap_err("the line to the simulator broke").map(|()| Exit::Ok),
    }
}
