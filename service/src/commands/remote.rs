//! `clearway controllers` and `clearway release-all`: a running engine's API from the shell.

use std::time::{Duration, Instant};

use miette::{IntoDiagnostic, Result, WrapErr};
use serde_json::Value;

use super::Exit;
use crate::cli::{ReleaseAll, Remote};

/// An engine that does not answer within this is not there.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Neither door nor API may keep an operator waiting for longer.
const DOOR_WITHIN: Duration = Duration::from_millis(800);
/// Between two looks at what a release-all did.
const LOOK_EVERY: Duration = Duration::from_millis(100);

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
        if c["unit"].is_object() {
            let text = |key: &str| c["unit"][key].as_str().unwrap_or("-").to_owned();
            println!("      unit {} {}, version {}", text("make"), text("model"), text("version"));
            if c["armed"] != true {
                println!("      as it is now it is commissioned by: {}", text("commission"));
            }
        }
        for alarm in c["alarms"].as_array().into_iter().flatten().filter(|alarm| alarm["active"] == true) {
            let text = |key: &str| alarm[key].as_str().unwrap_or("-").to_owned();
            println!("      alarm {} of {}, priority {}", text("code"), text("component"), alarm["priority"]);
        }
    }
    Ok(Exit::Ok)
}

/// Take every own request back, and wait until each controller shows it: at the engine's own door for
/// that, which needs nothing else of the process, or by the API where there is none. Exit code 4 when
/// a controller did not show it in time.
pub fn release_all(args: &ReleaseAll) -> Result<Exit> {
    let remote = &args.remote;
    let door = door_beside(&remote.url).map(|door| format!("{door}/release-all"));
    let (url, asked) = match door.and_then(|door| Some((door.clone(), ask_door(&door)?))) {
        Some(answered) => answered,
        None => {
            let api = format!("{}/api/release-all", remote.url);
            let asked = quick_agent().post(&api).send_empty().and_then(|mut a| a.body_mut().read_json());
            (api, asked.into_diagnostic().wrap_err_with(|| unreachable(remote))?)
        }
    };
    let released = await_confirmed(&url, asked, Duration::from_secs_f64(args.within));
    let unconfirmed = released["unconfirmed"].as_array().map_or(&[][..], Vec::as_slice);
    if remote.json {
        println!("{released}");
    } else {
        println!("{} controllers released", released["released"]);
    }
    if unconfirmed.is_empty() {
        return Ok(Exit::Ok);
    }
    let names: Vec<&str> = unconfirmed.iter().filter_map(Value::as_str).collect();
    eprintln!(
        "not confirmed within {} s: {}; each one's own timer ends the call, `clearway controllers` shows them",
        args.within,
        names.join(", ")
    );
    Ok(Exit::ControllerRefused)
}

fn quick_agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(DOOR_WITHIN)).build().into()
}

/// The door's answer; `None` when nobody answers, or somebody else: who merely listens on the port
/// beside the page does not answer with a count.
fn ask_door(url: &str) -> Option<Value> {
    let answer: Value = quick_agent().post(url).send_empty().ok()?.body_mut().read_json().ok()?;
    answer["released"].is_u64().then_some(answer)
}

/// Ask again until every controller has confirmed, at most for so long; gives the last answer.
fn await_confirmed(url: &str, asked: Value, within: Duration) -> Value {
    let deadline = Instant::now() + within;
    let mut last = asked;
    while last["unconfirmed"].as_array().is_some_and(|left| !left.is_empty()) && Instant::now() < deadline {
        std::thread::sleep(LOOK_EVERY.min(deadline.saturating_duration_since(Instant::now())));
        // An answer that does not come leaves the controllers unconfirmed.
        if let Ok(answer) = quick_agent().get(url).call().and_then(|mut a| a.body_mut().read_json()) {
            last = answer;
        }
    }
    last
}
