//! A timeline as SVG.

use std::fmt::Write;

use crate::display::Aspect;
use crate::timeline::Timeline;

const LEFT: usize = 120;
const TOP: usize = 44;
const LINE: usize = 22;
const CELL: usize = 10;

const fn colour(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Red => "#c62828",
        Aspect::RedYellow => "#ef6c00",
        Aspect::Green => "#2e7d32",
        Aspect::Yellow => "#f9a825",
        Aspect::Clearance => "#9ccc65",
        Aspect::Dark => "#263238",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Draw a timeline under a title; events are numbered on top and listed below.
#[must_use]
pub fn draw(title: &str, timeline: &Timeline) -> String {
    let events: usize = timeline.columns.iter().map(|column| column.events.len()).sum();
    let bottom = TOP + timeline.groups.len() * LINE + 24;
    let width = LEFT + timeline.columns.len().max(60) * CELL + 20;
    let height = bottom + events * 18 + 20;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"18\" font-size=\"14\">{}</text>\n",
        escape(title)
    );
    for (group, name) in timeline.groups.iter().enumerate() {
        let y = TOP + group * LINE;
        let _ = writeln!(svg, "<text x=\"8\" y=\"{}\">{}</text>", y + 14, escape(name));
        draw_group(&mut svg, timeline, group, y);
    }
    for (at, column) in timeline.columns.iter().enumerate().step_by(10) {
        let x = LEFT + at * CELL;
        let seconds = column.at_ms / 1000;
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"{TOP}\" x2=\"{x}\" y2=\"{}\" stroke=\"#90a4ae\" stroke-width=\"0.5\"/>\
             <text x=\"{x}\" y=\"{}\" font-size=\"10\">{seconds} s</text>",
            bottom - 18,
            bottom - 8
        );
    }
    let mut number = 0;
    for (at, column) in timeline.columns.iter().enumerate().filter(|(_, column)| !column.events.is_empty()) {
        let (first, last) = (number + 1, number + column.events.len());
        let label = if first == last { first.to_string() } else { format!("{first}–{last}") };
        let (x, y) = (LEFT + at * CELL, TOP - 6);
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" font-size=\"10\">{label}</text>");
        for event in &column.events {
            let y = bottom + 14 + number * 18;
            number += 1;
            let _ = writeln!(svg, "<text x=\"8\" y=\"{y}\">{number}: {}</text>", escape(event));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// One rectangle for each run of equal aspects.
fn draw_group(svg: &mut String, timeline: &Timeline, group: usize, y: usize) {
    let mut begin = 0;
    while let Some(column) = timeline.columns.get(begin) {
        let aspect = column.aspects[group];
        let run = timeline.columns[begin..].iter().take_while(|c| c.aspects[group] == aspect).count();
        let _ = writeln!(
            svg,
            "<rect x=\"{}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>",
            LEFT + begin * CELL,
            run * CELL,
            LINE - 4,
            colour(aspect)
        );
        begin += run;
    }
}
