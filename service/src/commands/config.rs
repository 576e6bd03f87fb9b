//! `clearway config`.

use miette::{IntoDiagnostic, Result};

use super::Exit;
use crate::cli::ConfigCommand;
use crate::config::Config;

/// Check, or print the schema.
pub fn run(command: ConfigCommand) -> Result<Exit> {
    match command {
        ConfigCommand::Check { file } => {
            let config = Config::load(&file)?;
            let dir = config.resolve(&config.network);
            let Some(loaded) = super::load_model(&dir) else { return Ok(Exit::ModelInvalid) };
            let names: Vec<&str> = loaded.network.controllers.iter().map(|c| c.name.as_str()).collect();
            config.check(Some(&names))?;
            println!("{}: no fault found", file.display());
            Ok(Exit::Ok)
        }
        ConfigCommand::Schema => {
            println!("{}", serde_json::to_string_pretty(&Config::schema()).into_diagnostic()?);
            Ok(Exit::Ok)
        }
    }
}
