//! `clearway simulate validate`: the simulator against the formulas of its field.

use std::fmt::Write;
use std::path::Path;

use clearway_traffic::validation::{Delay, Figure, FlowPoint, Report, report};
use miette::{IntoDiagnostic, Result, WrapErr, miette};

use crate::commands::Exit;

/// A bar: what is held, and how far off it may be.
struct Bar {
    what: String,
    off: f64,
    allowed: f64,
}

/// Measure, print, and say by the exit code whether every bar is held.
pub fn run(json: bool, svg: Option<&Path>) -> Result<Exit> {
    let report = report().ok_or_else(|| miette!("the test street could not be built"))?;
    if let Some(path) = svg {
        std::fs::write(path, picture(&report))
            .into_diagnostic()
            .wrap_err_with(|| format!("{} cannot be written", path.display()))?;
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&report).into_diagnostic()?);
    } else {
        print(&report);
    }
    let failed: Vec<Bar> = bars(&report).into_iter().filter(|bar| bar.off.abs() > bar.allowed).collect();
    for bar in &failed {
        eprintln!("{}: {:+.1} %, allowed ± {:.0} %", bar.what, bar.off * 100.0, bar.allowed * 100.0);
    }
    Ok(if failed.is_empty() { Exit::Ok } else { Exit::Failed })
}

fn bars(report: &Report) -> Vec<Bar> {
    let mut bars = vec![
        Bar { what: "capacity".into(), off: report.capacity.off(), allowed: 0.02 },
        Bar { what: "saturation headway".into(), off: report.saturation_headway_s.off(), allowed: 0.02 },
        Bar { what: "start wave".into(), off: report.start_wave_m_s.off(), allowed: 0.1 },
    ];
    for delay in &report.uniform {
        bars.push(Bar {
            what: format!("uniform delay at {}", delay.saturation),
            off: delay.off(),
            allowed: 0.01,
        });
    }
    for delay in &report.delays {
        let allowed = if delay.saturation <= 0.7 { 0.1 } else { 0.15 };
        bars.push(Bar { what: format!("control delay at {}", delay.saturation), off: delay.off(), allowed });
    }
    bars
}

fn print(report: &Report) {
    println!("| control delay, one lane, cycle 90 s, green 42 s | measured, s | HCM, s | off |");
    println!("| --- | ---: | ---: | ---: |");
    let row = |what: &str, delay: &Delay| {
        let (measured, formula, off) = (delay.measured_s, delay.formula_s, delay.off() * 100.0);
        println!(
            "| {what}, degree of saturation {} | {measured:.2} | {formula:.2} | {off:+.1} % |",
            delay.saturation
        );
    };
    report.uniform.iter().for_each(|delay| row("even arrivals (d1)", delay));
    report.delays.iter().for_each(|delay| row("Poisson arrivals (d1 + d2)", delay));
    println!();
    println!("| figure | measured | formula | off |");
    println!("| --- | ---: | ---: | ---: |");
    let row = |what: &str, figure: &Figure| {
        println!(
            "| {what} | {:.2} | {:.2} | {:+.1} % |",
            figure.measured,
            figure.formula,
            figure.off() * 100.0
        );
    };
    row("capacity, vehicles an hour", &report.capacity);
    row("saturation headway, s", &report.saturation_headway_s);
    row("start wave, m/s", &report.start_wave_m_s);
    let headways: Vec<String> = report.headways_s.iter().map(|h| format!("{h:.2}")).collect();
    println!();
    println!("Headways by place in the queue, s: {}.", headways.join(", "));
    println!();
    println!("| density, vehicles a km | flow, vehicles an hour | triangular diagram |");
    println!("| ---: | ---: | ---: |");
    for FlowPoint { density_per_km, flow_per_h, formula_per_h } in &report.fundamental {
        println!("| {density_per_km:.1} | {flow_per_h:.0} | {formula_per_h:.0} |");
    }
}

/// Delay over saturation, and flow over density.
fn picture(report: &Report) -> String {
    const STYLE: &str = "<style>text{font:12px sans-serif;fill:#222}.a{stroke:#888;fill:none}\
        .f{stroke:#1769aa;stroke-width:2;fill:none}.m{fill:#c8102e}</style>";
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 900 360\">{STYLE}\
         <rect width=\"900\" height=\"360\" fill=\"#fff\"/>\n"
    );
    let delays: Vec<(f64, f64, f64)> =
        report.delays.iter().map(|d| (d.saturation, d.measured_s, d.formula_s)).collect();
    plot(&mut svg, 60.0, &delays, (1.0, 60.0), ("degree of saturation", "control delay, s"));
    let mut flows: Vec<(f64, f64, f64)> =
        report.fundamental.iter().map(|p| (p.density_per_km, p.flow_per_h, p.formula_per_h)).collect();
    flows.sort_by(|a, b| a.0.total_cmp(&b.0));
    plot(&mut svg, 510.0, &flows, (150.0, 2_000.0), ("density, vehicles a km", "flow, vehicles an hour"));
    svg.push_str("</svg>\n");
    svg
}

/// Points (measured) and a line (formula) in a box of 340 by 280 at `left`.
fn plot(svg: &mut String, left: f64, points: &[(f64, f64, f64)], most: (f64, f64), titles: (&str, &str)) {
    let x = |value: f64| left + value / most.0 * 340.0;
    let y = |value: f64| 310.0 - value / most.1 * 280.0;
    // Writing into a string cannot fail.
    let _ = writeln!(svg, "<path class=\"a\" d=\"M{left} 30V310H{}\"/>", left + 340.0);
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let (at_x, at_y) = (x(most.0 * share), y(most.1 * share));
        let _ = writeln!(
            svg,
            "<text x=\"{at_x:.0}\" y=\"326\" text-anchor=\"middle\">{:.2}</text>",
            most.0 * share
        );
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{at_y:.0}\" text-anchor=\"end\">{:.0}</text>",
            left - 6.0,
            most.1 * share
        );
    }
    let _ =
        writeln!(svg, "<text x=\"{:.0}\" y=\"348\" text-anchor=\"middle\">{}</text>", left + 170.0, titles.0);
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"20\">{} (dots: measured, line: formula)</text>", titles.1);
    let line: Vec<String> = points.iter().map(|p| format!("{:.1} {:.1}", x(p.0), y(p.2))).collect();
    let _ = writeln!(svg, "<path class=\"f\" d=\"M{}\"/>", line.join("L"));
    for point in points {
        let _ =
            writeln!(svg, "<circle class=\"m\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/>", x(point.0), y(point.1));
    }
}
