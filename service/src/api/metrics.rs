//! `/metrics`: Prometheus text, made anew at each scrape from what the board and the engine know.

use clearway_contract::LinkState;
use clearway_runtime::{Ingress, Load, Percentiles};
use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::scribe::Pulse;
use crate::live::board::Board;

/// The text of one scrape.
#[must_use]
pub fn render(board: &Board, pulse: &Pulse, ingress: &Ingress) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        describe();
        engine(pulse);
        queues(ingress);
        commands(board);
        controllers(board);
        feeds(board);
        latency("fix_to_command", "all", pulse.fix_to_command);
        for (protocol, of) in [("all", &board.all), ("ntcip", &board.ntcip), ("modbus", &board.modbus)] {
            latency("fix_to_wire", protocol, of.to_wire.percentiles());
            latency("fix_to_confirmed", protocol, of.to_confirmed.percentiles());
        }
    });
    handle.render()
}

fn describe() {
    describe_gauge!("clearway_engine_up", "1 while the engine's loop turns.");
    describe_gauge!("clearway_waves", "Green waves under way.");
    describe_counter!("clearway_windows_total", "Windows of emergency calls, by whether they held.");
    describe_counter!("clearway_commands_total", "Commands by what became of them.");
    describe_counter!("clearway_events_shed_total", "Events that overload shed, by kind.");
    describe_gauge!("clearway_overloaded", "1 while events of a kind are shed.");
    describe_counter!("clearway_urgent_refused_total", "Missions, armings, closures that found no room.");
    describe_counter!(
        "clearway_events_conflated_total",
        "Positions and readings that a newer one made needless."
    );
    describe_gauge!("clearway_controllers", "Controllers by link and arming.");
    describe_counter!("clearway_feed_messages_total", "Messages by feed and result.");
    describe_counter!("clearway_feed_rejected_total", "Refused messages by feed and reason.");
    describe_gauge!("clearway_latency_seconds", "Latency of a step, by protocol and quantile.");
    describe_counter!("clearway_latency_samples_total", "How many latencies were recorded.");
}

fn engine(pulse: &Pulse) {
    gauge!("clearway_engine_up").set(if pulse.alive { 1.0 } else { 0.0 });
    #[allow(clippy::cast_precision_loss)]
    gauge!("clearway_waves").set(pulse.view.as_ref().map_or(0, |v| v.waves.len()) as f64);
    let windows = pulse.view.as_ref().map(|v| v.windows).unwrap_or_default();
    counter!("clearway_windows_total", "result" => "kept").absolute(windows.kept);
    counter!("clearway_windows_total", "result" => "early").absolute(windows.judged - windows.kept);
    counter!("clearway_commands_total", "result" => "sent").absolute(pulse.commands);
}

/// Overload: kinds are shed in the order of [`Load::ALL`], emergency vehicles and releases never.
fn queues(ingress: &Ingress) {
    for load in Load::ALL {
        counter!("clearway_events_shed_total", "kind" => load.word()).absolute(ingress.shed(load));
        gauge!("clearway_overloaded", "kind" => load.word()).set(if ingress.sheds(load) { 1.0 } else { 0.0 });
    }
    counter!("clearway_urgent_refused_total").absolute(ingress.urgent_refused());
    counter!("clearway_events_conflated_total").absolute(ingress.conflated());
}

fn commands(board: &Board) {
    let tallied = board.tallied();
    for (result, count) in
        [("written", tallied.written), ("confirmed", tallied.confirmed), ("refused", tallied.refused)]
    {
        counter!("clearway_commands_total", "result" => result).absolute(count);
    }
}

fn controllers(board: &Board) {
    let links = board.links();
    for (link, state) in
        [("up", LinkState::Up), ("down", LinkState::Down), ("connecting", LinkState::Connecting)]
    {
        for armed in [true, false] {
            let count = links.iter().filter(|l| l.state == state && l.armed == armed).count();
            #[allow(clippy::cast_precision_loss)]
            gauge!("clearway_controllers", "link" => link, "armed" => armed.to_string()).set(count as f64);
        }
    }
}

fn feeds(board: &Board) {
    for (feed, tally) in board.tallies() {
        let result = |word: &'static str| counter!("clearway_feed_messages_total", "feed" => feed.clone(), "result" => word);
        result("accepted").absolute(tally.accepted());
        result("rejected").absolute(tally.rejected());
        for (reason, count) in tally.reasons() {
            counter!("clearway_feed_rejected_total", "feed" => feed.clone(), "reason" => reason.word())
                .absolute(count);
        }
    }
}

fn latency(step: &'static str, protocol: &'static str, p: Percentiles) {
    for (quantile, us) in [("0.5", p.p50_us), ("0.99", p.p99_us), ("0.999", p.p999_us)] {
        gauge!("clearway_latency_seconds", "step" => step, "protocol" => protocol, "quantile" => quantile)
            .set(us / 1e6);
    }
    counter!("clearway_latency_samples_total", "step" => step, "protocol" => protocol).absolute(p.count);
}
