//! The bars that a run of the demonstration must clear, read from its `--json` report.

use serde_json::Value;

/// How strictly the wall-clock latencies are judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Latency {
    /// As promised: p99 ≤ 100 µs, p99.9 ≤ 1 ms.
    Promised,
    /// The median within ten times the promised p99: on a shared machine the tail is the neighbours'.
    SharedMachine,
}

/// One bar: what it says and whether the report clears it.
#[derive(PartialEq, Eq, Debug)]
pub struct Bar {
    /// The rule with the figures of this run.
    pub text: String,
    /// Whether it holds. A figure that is missing clears nothing.
    pub holds: bool,
}

const P99_US: f64 = 100.0;
const P999_US: f64 = 1000.0;

/// Judge a report.
#[must_use]
pub fn judge(report: &Value, latency: Latency) -> Vec<Bar> {
    let figure = |path: &str| report.pointer(path).and_then(Value::as_f64);
    let at_most = |path: &str, most: f64| bar(path, figure(path), "at most", Some(most));
    let travel = figure("/ev/travel_time_s");
    let mut bars = vec![
        at_most("/monitor/violations", 0.0),
        at_most("/pedestrians/clearances_cut", 0.0),
        at_most("/commands/orphaned", 0.0),
        at_most("/ev/stops", 1.0),
        bar(
            "/ev/travel_time_s",
            travel,
            "at most 55 % of no priority,",
            figure("/baseline/none/travel_time_s").map(|t| 0.55 * t),
        ),
        bar(
            "/ev/travel_time_s",
            travel,
            "not above local preemption,",
            figure("/baseline/local/travel_time_s"),
        ),
        below(
            "/cross_traffic/delay_change_pct",
            figure("/cross_traffic/delay_change_pct"),
            figure("/baseline/local/cross_delay_change_pct"),
        ),
        some("/commands/confirmed", figure("/commands/confirmed")),
    ];
    match latency {
        Latency::Promised => {
            bars.push(at_most("/latency_us/fix_to_command/p99", P99_US));
            bars.push(at_most("/latency_us/fix_to_command/p999", P999_US));
        }
        Latency::SharedMachine => bars.push(at_most("/latency_us/fix_to_command/p50", 10.0 * P99_US)),
    }
    bars
}

fn bar(path: &str, figure: Option<f64>, rule: &str, most: Option<f64>) -> Bar {
    let name = path.trim_start_matches('/').replace('/', ".");
    let (Some(figure), Some(most)) = (figure, most) else {
        return Bar {
            text: format!("{name}: {rule} … – a figure is missing in the report"), holds: false
        };
    };
    Bar { text: format!("{name} = {figure:.2}, {rule} {most:.2}"), holds: figure <= most }
}

fn below(path: &str, figure: Option<f64>, limit: Option<f64>) -> Bar {
    let clears = matches!((figure, limit), (Some(figure), Some(limit)) if figure < limit);
    Bar { holds: clears, ..bar(path, figure, "below local preemption's", limit) }
}

/// Nothing that was commanded and confirmed proves nothing.
fn some(path: &str, figure: Option<f64>) -> Bar {
    let holds = figure.is_some_and(|figure| figure > 0.0);
    Bar { holds, ..bar(path, figure, "above", Some(0.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "ev": {"travel_time_s": 130.0, "stops": 1},
            "baseline": {"none": {"travel_time_s": 260.0}, "local": {"travel_time_s": 140.0, "cross_delay_change_pct": 9.0}},
            "cross_traffic": {"delay_change_pct": 4.0},
            "pedestrians": {"clearances_cut": 0}, "monitor": {"violations": 0},
            "commands": {"orphaned": 0, "confirmed": 20},
            "latency_us": {"fix_to_command": {"p50": 30.0, "p99": 90.0, "p999": 400.0}},
        })
    }

    fn broken(report: &Value, latency: Latency) -> Vec<String> {
        judge(report, latency).into_iter().filter(|bar| !bar.holds).map(|bar| bar.text).collect()
    }

    #[test]
    fn a_report_that_keeps_its_promises_clears_every_bar() {
        assert_eq!(broken(&good(), Latency::Promised), Vec::<String>::new());
    }

    #[test]
    fn an_empty_report_clears_no_bar() {
        let bars = judge(&json!({}), Latency::Promised);
        assert!(bars.iter().all(|bar| !bar.holds));
    }

    #[test]
    fn each_broken_promise_is_named() {
        for (path, value) in [
            ("/monitor/violations", 1.0),
            ("/pedestrians/clearances_cut", 1.0),
            ("/commands/orphaned", 1.0),
            ("/commands/confirmed", 0.0),
            ("/ev/stops", 2.0),
            ("/ev/travel_time_s", 141.0),
            ("/cross_traffic/delay_change_pct", 9.0),
            ("/latency_us/fix_to_command/p99", 101.0),
            ("/latency_us/fix_to_command/p999", 1001.0),
        ] {
            let mut report = good();
            *report.pointer_mut(path).unwrap() = json!(value);
            assert!(!broken(&report, Latency::Promised).is_empty(), "{path}");
        }
    }

    #[test]
    fn on_a_shared_machine_only_the_latencies_have_slack() {
        let mut report = good();
        *report.pointer_mut("/latency_us/fix_to_command/p99").unwrap() = json!(900.0);
        assert!(broken(&report, Latency::SharedMachine).is_empty());
        assert_eq!(broken(&report, Latency::Promised).len(), 1);
    }
}
