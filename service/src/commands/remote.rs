//! `clearway controllers` and `clearway release-all`: a running engine's API from the shell.

use std::time::Duration;

use miette::{IntoDiagnostic, Result, WrapErr};
use serde_json::Value;

use super::Exit;
use crate::cli::Remote;

/// An engine that does not answer within this is not there.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(ANSWER_WITHIN)).build().into()
}

fn unreachable(remote: &Remote) -> String {
    format!("no engine answers at {}; start one by `clearway run`, or name another by --url", remote.url)
}

/// What the engine knows of its controllers.
pub fn controllers(remote: &Remote) -> Result<Exit> {
    let url = format!("{}/api/controllers", remote.url);
    let mut answer = agent().get(&url).call().into_diagnostic().wrap_err_with(|| unreachable(remote))?;
    let controllers: Vec<Value> = answer.body_mut().read_json().into_diagnostic()?;
    if remote.json {
        println!("{}", Value::Array(controllers));
        return Ok(Exit::Ok);
    }
    println!(
        "{:>4}  {:<10} {:<8} {:<9} {:>8}  {:<24} why not",
        "id", "link", "armed", "mode", "age", "aspects"
    );
    for c in &controllers {
        let text = |key: &str| c[key].as_str().unwrap_or("-").to_owned();
        let age = c["age_ms"].as_i64().map_or("-".into(), |ms| format!("{:.1} s", ms as f64 / 1000.0));
        let armed = if c["armed"] == true { "armed" } else { "no" };
        println!(
            "{:>4}  {:<10} {:<8} {:<9} {:>8}  {:<24} {}",
            c["id"],
            text("link"),
            armed,
            text("mode"),
            age,
            text("aspects"),
            text("why")
        );
        for alarm in c["alarms"].as_array().into_iter().flatten().filter(|alarm| alarm["active"] == true) {
            let text = |key: &str| alarm[key].as_str().unwrap_or("-").to_owned();
            println!("      alarm {} of {}, priority {}", text("code"), text("component"), alarm["priority"]);
        }
    }
    Ok(Exit::Ok)
}

/// Take every own request back.
pub fn release_all(remote: &Remote) -> Result<Exit> {
    let url = format!("{}/api/release-all", remote.url);
    let mut answer =
        agent().post(&url).send_empty().into_diagnostic().wrap_err_with(|| unreachable(remote))?;
    let released: Value = answer.body_mut().read_json().into_diagnostic()?;
    if remote.json {
        println!("{released}");
    } else {
        println!("{} controllers released", released["released"]);
    }
    Ok(Exit::Ok)
}
