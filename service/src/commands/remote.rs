//! `clearway controllers` and `clearway release-all`: a running engine's API from the shell.

use std::time::Duration;

use miette::{IntoDiagnostic, Result, WrapErr};
use serde_json::Value;

use super::Exit;
use crate::cli::Remote;

/// An engine that does not answer within this is not there.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Neither door nor API may keep an operator waiting for longer.
const DOOR_WITHIN: Duration = Duration::from_millis(800);

/// Where the door is unless the configuration says otherwise: the port after the page's.
fn door_beside(page: &str) -> Option<String> {
    let (host, port) = page.trim_end_matches('/').rsplit_once(':')?;
    Some(format!("{host}:{}", port.parse::<u16>().ok()?.checked_add(1)?))
}

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

/// Take every own request back: at the engine's own door for that, which needs nothing else of the
/// process, or by the API where there is none.
pub fn release_all(remote: &Remote) -> Result<Exit> {
    let at = |url: &str| -> Result<Value, ureq::Error> {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_global(Some(DOOR_WITHIN)).build().into();
        agent.post(url).send_empty()?.body_mut().read_json()
    };
    // Whoever else listens on the port beside the page does not answer with a count.
    let is_ours = |answer: &Value| answer["released"].is_u64();
    let door =
        door_beside(&remote.url).and_then(|door| at(&format!("{door}/release-all")).ok()).filter(is_ours);
    let released = match door {
        Some(released) => released,
        None => at(&format!("{}/api/release-all", remote.url))
            .into_diagnostic()
            .wrap_err_with(|| unreachable(remote))?,
    };
    if remote.json {
        println!("{released}");
    } else {
        println!("{} controllers released", released["released"]);
    }
    Ok(Exit::Ok)
}
