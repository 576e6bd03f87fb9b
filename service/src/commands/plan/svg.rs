//! A way over time: the vehicle climbs from stop line to stop line, each with its plan and its promise.

use std::fmt::Write;

use clearway_network::{Controller, Network};
use clearway_planner::wave::{Skip, WaveSignal};
use clearway_signals::{GroupSet, Millis};

use super::{Planned, clock};

const LEFT: f64 = 250.0;
const TOP: f64 = 50.0;
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 640.0;
/// Before the departure and after the arrival.
const MARGIN: Millis = Millis(10_000);
/// The plans are drawn in steps of this.
const STEP: Millis = Millis(500);

/// Time to the right, distance upwards.
struct Scale {
    begins: Millis,
    ends: Millis,
    from_mm: i64,
    to_mm: i64,
}

impl Scale {
    #[allow(clippy::cast_precision_loss)]
    fn x(&self, at: Millis) -> f64 {
        let at = at.0.clamp(self.begins.0, self.ends.0) - self.begins.0;
        LEFT + WIDTH * at as f64 / (self.ends - self.begins).0.max(1) as f64
    }

    #[allow(clippy::cast_precision_loss)]
    fn y(&self, mm: i64) -> f64 {
        TOP + HEIGHT * (1.0 - (mm - self.from_mm) as f64 / (self.to_mm - self.from_mm).max(1) as f64)
    }
}

/// Draw a way that leaves at `depart`.
pub fn draw(network: &Network, depart: Millis, planned: &Planned) -> String {
    let way = &planned.way;
    let arrives = planned.arrives();
    let signals = planned.outlook.as_ref().map_or(&[][..], |outlook| &outlook.signals[..]);
    let ends = signals.iter().filter(|s| s.skip == Skip::No).map(|s| s.release_at).fold(arrives, Millis::max);
    let scale = Scale {
        begins: depart - MARGIN,
        ends: ends + MARGIN,
        from_mm: way.from_mm,
        to_mm: way.from_mm + way.length_mm(network),
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{:.0}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"20\" font-size=\"14\">{}: leaves {}, arrives {}</text>\n\
         <text x=\"8\" y=\"36\" fill=\"#546e7a\">thin: the plan's own green and red; amber: called; \
         green: promised; line: the vehicle, early and late shaded</text>\n",
        LEFT + WIDTH + 20.0,
        TOP + HEIGHT + 40.0,
        escape(&network.name),
        clock(depart),
        clock(arrives)
    );
    draw_times(&mut svg, &scale, depart);
    for signal in signals {
        if let Some(controller) = network.controller(signal.place.controller) {
            draw_signal(&mut svg, &scale, controller, signal);
        }
    }
    draw_vehicle(&mut svg, &scale, depart, signals, arrives);
    svg.push_str("</svg>\n");
    svg
}

fn draw_times(svg: &mut String, scale: &Scale, depart: Millis) {
    let step = Millis(10_000 * (1 + (scale.ends - scale.begins).0 / 200_000));
    let mut at = depart;
    while at <= scale.ends {
        let (x, bottom) = (scale.x(at), TOP + HEIGHT);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#eceff1\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" fill=\"#546e7a\">{} s</text>",
            bottom + 16.0,
            (at - depart).0 / 1_000
        );
        at += step;
    }
}

/// The plan's own greens, then the call, the promised green.
fn draw_signal(svg: &mut String, scale: &Scale, controller: &Controller, signal: &WaveSignal) {
    let y = scale.y(signal.place.stop_line_mm);
    let name: String = format!("{} {}", controller.name, controller.title).chars().take(38).collect();
    let _ = writeln!(svg, "<text x=\"8\" y=\"{:.1}\">{}</text>", y + 4.0, escape(&name));
    bar(svg, scale, (scale.begins, scale.ends), (y - 1.0, 2.0), "#ef9a9a");
    let shown = |at: &Millis| signal.place.wanted.is_subset(greens(controller, *at));
    let steps =
        |from: Millis| (0..).map(move |n| from + Millis(n * STEP.0)).take_while(|at| *at < scale.ends);
    let mut at = scale.begins;
    while let Some(begins) = steps(at).find(shown) {
        let ends = steps(begins).find(|at| !shown(at)).unwrap_or(scale.ends);
        bar(svg, scale, (begins, ends), (y - 1.0, 2.0), "#81c784");
        at = ends;
    }
    if signal.skip == Skip::No {
        bar(svg, scale, (signal.call_at, signal.green_at), (y - 4.0, 8.0), "#ffb300");
        bar(svg, scale, (signal.green_at, signal.release_at), (y - 4.0, 8.0), "#2e7d32");
    }
}

fn bar(
    svg: &mut String,
    scale: &Scale,
    (from, until): (Millis, Millis),
    (y, height): (f64, f64),
    colour: &str,
) {
    let (left, right) = (scale.x(from), scale.x(until));
    let _ = writeln!(
        svg,
        "<rect x=\"{left:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height}\" fill=\"{colour}\"/>",
        right - left
    );
}

/// Through each stop line at its mean arrival, two standard deviations to either side; waiting where green
/// comes later.
fn draw_vehicle(svg: &mut String, scale: &Scale, depart: Millis, signals: &[WaveSignal], arrives: Millis) {
    let start = format!("{:.1},{:.1}", scale.x(depart), scale.y(scale.from_mm));
    let (mut line, mut early, mut late) = (start.clone(), start.clone(), Vec::new());
    for signal in signals {
        let y = scale.y(signal.place.stop_line_mm);
        let mean = signal.arrival.mean;
        let _ = write!(line, " {:.1},{y:.1}", scale.x(mean));
        if signal.skip != Skip::No && signal.green_at > mean {
            let _ = write!(line, " {:.1},{y:.1}", scale.x(signal.green_at));
        }
        let spread = Millis(2 * signal.arrival.sigma.0);
        let _ = write!(early, " {:.1},{y:.1}", scale.x(mean - spread));
        late.push(format!("{:.1},{y:.1}", scale.x(mean + spread)));
    }
    late.reverse();
    let _ = write!(line, " {:.1},{:.1}", scale.x(arrives), scale.y(scale.to_mm));
    let _ =
        writeln!(svg, "<polygon points=\"{early} {}\" fill=\"#1565c0\" opacity=\"0.15\"/>", late.join(" "));
    let _ =
        writeln!(svg, "<polyline points=\"{line}\" fill=\"none\" stroke=\"#1565c0\" stroke-width=\"1.5\"/>");
}

/// What the controller's plan shows green.
fn greens(controller: &Controller, at: Millis) -> GroupSet {
    let plan = &controller.plan;
    let into = |start: Millis| (at - plan.offset - start).0.rem_euclid(plan.cycle.0);
    let shown = plan.windows.iter().filter(|window| into(window.start) < window.length.0);
    shown.map(|window| window.group).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
