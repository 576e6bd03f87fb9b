//! A report for people: each fault with its line, why it is one, and how to mend it.

use std::fmt;
use std::io::IsTerminal;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};

use crate::fault::{Fault, Report};

/// Faults beyond this are counted, not drawn; `--json` lists them.
const DRAWN_MAX: usize = 100;
const WIDTH: usize = 100;

impl Report {
    /// The report as text for a terminal: in colour when standard output is one and `NO_COLOR` is
    /// not set. Empty when nothing is wrong.
    #[must_use]
    pub fn render(&self) -> String {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        self.render_with(if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() })
    }

    fn render_with(&self, theme: GraphicalTheme) -> String {
        let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false);
        let mut text = String::new();
        for fault in self.faults.iter().take(DRAWN_MAX) {
            let drawn = handler.render_report(&mut text, &Drawn(fault));
            if drawn.is_err() {
                text += &format!("{}:{}:{} {}\n", fault.file, fault.line, fault.column, fault.message);
            }
            text.push('\n');
        }
        text + &self.summary()
    }

    fn summary(&self) -> String {
        let count = self.faults.len() + self.not_listed;
        if count == 0 {
            return String::new();
        }
        let mut summary = format!("{count} fault{}", if count == 1 { "" } else { "s" });
        if count > DRAWN_MAX {
            summary += &format!(
                "; the first {DRAWN_MAX} are shown, --json lists up to {}",
                crate::fault::FAULTS_MAX
            );
        }
        if self.incomplete {
            summary += "; files or rows are missing, so what refers to them was not checked";
        }
        summary + ".\n"
    }
}

#[derive(Debug)]
struct Drawn<'a>(&'a Fault);

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Drawn<'_> {}

impl Diagnostic for Drawn<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let Fault { file, line, column, code, .. } = self.0;
        Some(Box::new(format!("{file}:{line}:{column} {}", code.word())))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!("{}\n{}", self.0.code.cause(), self.0.code.cure())))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        if self.0.excerpt.is_empty() { None } else { Some(self) }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_with_span(Some("here".to_owned()), self.span());
        (!self.0.excerpt.is_empty()).then(|| Box::new(std::iter::once(label)) as _)
    }
}

impl Drawn<'_> {
    /// The bytes of the excerpt that are marked: the cell, as far as it is shown.
    fn span(&self) -> SourceSpan {
        let excerpt = &self.0.excerpt;
        let start = excerpt.char_indices().nth(self.0.mark as usize).map_or(excerpt.len(), |(byte, _)| byte);
        let rest = &excerpt[start..];
        let quoted = rest.strip_prefix('"').and_then(|inside| inside.find('"')).map(|end| end + 2);
        let length = quoted.or_else(|| rest.find(',')).unwrap_or(rest.len());
        SourceSpan::new(start.into(), length)
    }
}

impl SourceCode for Drawn<'_> {
    fn read_span<'a>(
        &'a self,
        _: &SourceSpan,
        _: usize,
        _: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let Fault { file, line, column, excerpt, .. } = self.0;
        let whole = SourceSpan::new(0.into(), excerpt.len());
        let (line, column) = (line.saturating_sub(1) as usize, column.saturating_sub(1) as usize);
        Ok(Box::new(MietteSpanContents::new_named(file.clone(), excerpt.as_bytes(), whole, line, column, 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;
    use expect_test::expect;

    #[test]
    fn a_fault_is_drawn_with_its_line_its_cause_and_its_cure() {
        let fault = Fault {
            file: "link.csv".into(),
            line: 3,
            column: 4,
            code: Code::DanglingLink,
            message: "from_node_id: node.csv has no `x9`".into(),
            excerpt: "e1,x9,x2,true".into(),
            mark: 3,
        };
        let report = Report { faults: vec![fault], not_listed: 0, incomplete: false };
        expect![[r#"
            link.csv:3:4 dangling-link

              × from_node_id: node.csv has no `x9`
               ╭─[link.csv:3:4]
             3 │ e1,x9,x2,true
               ·    ─┬
               ·     ╰── here
               ╰────
              help: A link begins and ends at nodes of the model.
                    Mend the node id, or add the node to node.csv.

            1 fault.
        "#]]
        .assert_eq(&report.render_with(GraphicalTheme::unicode_nocolor()));
    }
}
