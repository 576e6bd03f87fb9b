//! SVG: the way of one vehicle through time and space, and delay by approach.

use std::fmt::Write;

use clearway_network::Network;
use clearway_signals::Millis;

use super::record::{Diagram, DiagramPoint};
use super::result::{LinkResult, RunResult};
use crate::signals::Aspect;
use crate::vehicle::Class;

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 620.0;
/// Room for axes and titles.
const LEFT: f64 = 70.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 20.0;
const BOTTOM: f64 = 50.0;
const STYLE: &str = "<style>text{font:12px sans-serif;fill:#222}.h{font-size:15px;font-weight:600}\
    .g{stroke:#ddd}.car{stroke:#9aa4b2;stroke-width:.7;fill:none}.tram{stroke:#1f7a4d;stroke-width:1.6;fill:none}\
    .own{stroke:#c8102e;stroke-width:2.6;fill:none}.red{stroke:#c8102e;stroke-width:3}\
    .yellow{stroke:#e0a800;stroke-width:3}.green{stroke:#2e9e5b;stroke-width:3}</style>";

/// Escaped for XML text.
fn text(raw: &str) -> String {
    raw.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn head(title: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{0}\">{STYLE}<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\
         <text class=\"h\" x=\"{LEFT}\" y=\"24\">{0}</text>\n",
        text(title)
    )
}

/// The axes of a time-space diagram.
struct Axes {
    from_s: f64,
    seconds: f64,
    metres: f64,
}

impl Axes {
    fn x(&self, at: Millis) -> f64 {
        LEFT + (at.as_s() - self.from_s) / self.seconds * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, along_m: f64) -> f64 {
        HEIGHT - BOTTOM - along_m / self.metres * (HEIGHT - TOP - BOTTOM)
    }

    fn grid(&self, svg: &mut String) {
        let step_s = step(self.seconds, 12.0);
        let mut s = (self.from_s / step_s).ceil() * step_s;
        while s <= self.from_s + self.seconds {
            let x = LEFT + (s - self.from_s) / self.seconds * (WIDTH - LEFT - RIGHT);
            let (top, end) = (TOP, HEIGHT - BOTTOM);
            let _ = writeln!(
                svg,
                "<path class=\"g\" d=\"M{x:.1} {top}V{end}\"/><text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{s:.0}</text>",
                end + 16.0
            );
            s += step_s;
        }
        let step_m = step(self.metres, 8.0);
        let mut m = 0.0;
        while m <= self.metres {
            let y = self.y(m);
            let _ = writeln!(
                svg,
                "<path class=\"g\" d=\"M{LEFT} {y:.1}H{:.0}\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{m:.0}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0
            );
            m += step_m;
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">time, s</text>",
            WIDTH / 2.0,
            HEIGHT - 12.0
        );
        let _ = writeln!(
            svg,
            "<text transform=\"translate(16 {:.0}) rotate(-90)\" text-anchor=\"middle\">way, m</text>",
            HEIGHT / 2.0
        );
    }
}

/// A round step that divides `span` into about `parts`.
fn step(span: f64, parts: f64) -> f64 {
    let raw = (span / parts).max(1e-3);
    let power = 10.0_f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| raw <= factor * power);
    factor.unwrap_or(10.0) * power
}

/// The time-space diagram of a mission: grey cars, green trams, the vehicle red; a bar at each stop line.
#[must_use]
pub fn time_space(diagram: &Diagram, title: &str) -> String {
    let axes = Axes {
        from_s: diagram.from.as_s(),
        seconds: (diagram.until - diagram.from).as_s().max(1.0),
        metres: diagram.length_m.max(1.0),
    };
    let mut svg = head(&format!("{title}: {}", diagram.name), HEIGHT);
    axes.grid(&mut svg);
    for (own, class, points) in &diagram.vehicles {
        let class = match (own, class) {
            (true, _) => "own",
            (false, Class::Tram) => "tram",
            (false, Class::Car | Class::Emergency) => "car",
        };
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"{}\"/>", path(&axes, points));
    }
    for (at_m, changes) in &diagram.lines {
        bar(&axes, *at_m, changes, diagram.until, &mut svg);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A vehicle's path; it breaks where the vehicle was elsewhere for a while.
fn path(axes: &Axes, points: &[DiagramPoint]) -> String {
    const GAP: Millis = Millis(5_000);
    let mut d = String::new();
    let mut last: Option<Millis> = None;
    for point in points {
        let joins = last.is_some_and(|last| point.at - last <= GAP);
        let _ = write!(
            d,
            "{}{:.1} {:.1}",
            if joins { 'L' } else { 'M' },
            axes.x(point.at),
            axes.y(point.along_m)
        );
        last = Some(point.at);
    }
    d
}

fn bar(axes: &Axes, at_m: f64, changes: &[(Millis, Aspect)], until: Millis, svg: &mut String) {
    let y = axes.y(at_m);
    for (index, &(at, aspect)) in changes.iter().enumerate() {
        let end = changes.get(index + 1).map_or(until, |next| next.0).min(until);
        let start = at.max(Millis((axes.from_s * 1000.0) as i64));
        let class = match aspect {
            Aspect::Green => "green",
            Aspect::Yellow | Aspect::RedYellow => "yellow",
            Aspect::Red | Aspect::Clearance | Aspect::Dark => "red",
        };
        if end > start {
            let _ = writeln!(
                svg,
                "<path class=\"{class}\" d=\"M{:.1} {y:.1}H{:.1}\"/>",
                axes.x(start),
                axes.x(end)
            );
        }
    }
}

/// Colours of the kinds of control, in their order.
const COLOURS: [&str; 3] = ["#9aa4b2", "#e0a800", "#1769aa"];

/// Mean delay by approach, one bar for each run given; approaches in order of the first run's total
/// delay, `approaches` of them.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn delay_by_approach(network: &Network, runs: &[&RunResult], approaches: usize) -> String {
    let signalled = |link: &LinkResult| network.leaving(link.link).any(|(_, m)| m.signal.is_some());
    let Some(first) = runs.first() else { return String::new() };
    let mut worst: Vec<&LinkResult> = first.links.iter().filter(|l| l.vehicles > 0 && signalled(l)).collect();
    let total = |link: &LinkResult| link.delay_s_mean * link.vehicles as f64;
    worst.sort_by(|a, b| total(b).total_cmp(&total(a)).then(a.link.cmp(&b.link)));
    worst.truncate(approaches);
    let row = 14.0 * runs.len() as f64 + 8.0;
    let height = TOP + BOTTOM + row * worst.len() as f64;
    let delay =
        |run: &RunResult, link: &LinkResult| run.links.get(link.link.index()).map_or(0.0, |l| l.delay_s_mean);
    let highest = worst.iter().flat_map(|link| runs.iter().map(|run| delay(run, link))).fold(1.0, f64::max);
    let name_m = 210.0;
    let scale = (WIDTH - RIGHT - name_m - 60.0) / highest;
    let mut svg = head("Mean delay of a car by approach, s", height);
    for (index, link) in worst.iter().enumerate() {
        let y = TOP + row * index as f64;
        let data = network.link(link.link);
        let street = if data.street.is_empty() { &data.name } else { &data.street };
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{} ({})</text>",
            name_m - 8.0,
            y + row / 2.0,
            text(street),
            text(&data.name)
        );
        for (number, run) in runs.iter().enumerate() {
            let seconds = delay(run, link);
            let (top, wide) = (y + 14.0 * number as f64, seconds * scale);
            let colour = COLOURS[number % COLOURS.len()];
            let _ = writeln!(
                svg,
                "<rect x=\"{name_m}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"11\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{:.1}\">{seconds:.1}</text>",
                name_m + wide + 4.0,
                top + 10.0
            );
        }
    }
    for (number, run) in runs.iter().enumerate() {
        let x = name_m + 150.0 * number as f64;
        let colour = COLOURS[number % COLOURS.len()];
        let y = height - 24.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y:.0}\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{:.0}\" y=\"{:.0}\">{}</text>",
            x + 18.0,
            y + 11.0,
            run.control.name()
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_names_are_escaped() {
        assert_eq!([step(100.0, 10.0), step(330.0, 8.0), step(7.0, 10.0)], [10.0, 50.0, 1.0]);
        assert_eq!(text("a<b & c>"), "a&lt;b &amp; c&gt;");
    }
}
