//! What an engine learned, as a file: written from a journal, read at the next start.
//!
//! One line a piece, tab-separated: kind, period of the week, place, the weights. Links are named as the
//! model names them, so that the file outlives an edit of the model.

use std::collections::HashMap;

use clearway_network::{LinkId, Network};
use clearway_planner::learn::{BINS, Lesson, Topic};

/// The first line: what the file is, and which form it has.
const HEAD: &str = "clearway learned 1";

/// Why a file of what was learned cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LearnedError {
    /// Something else, or another form.
    #[error("it does not begin with `{HEAD}`")]
    NotLearned,
    /// A line that says nothing.
    #[error("line {0}: expected kind, period, place and {BINS} weights, separated by tabs and spaces")]
    Line(usize),
}

/// The file's text.
#[must_use]
pub fn write(lessons: impl Iterator<Item = Lesson>, network: &Network) -> String {
    let mut text = format!("{HEAD}\n");
    for lesson in lessons {
        let (kind, place, period) = lesson.topic.code();
        let place = match lesson.topic {
            Topic::Link(link, _) => network.links.get(link.index()).map(|l| l.name.clone()),
            _ => Some(place.to_string()),
        };
        let weights: Vec<String> = lesson.weights.iter().map(ToString::to_string).collect();
        if let (Some(place), Some(kind)) = (place, KINDS.get(usize::from(kind))) {
            text += &format!("{kind}\t{period}\t{place}\t{}\n", weights.join(" "));
        }
    }
    text
}

/// Kinds of pieces, by their codes.
const KINDS: [&str; 4] = ["link", "class", "drivers", "scores"];

/// What the file holds for this network, and how many of its pieces name links that the network lacks.
///
/// # Errors
/// [`LearnedError`]; nothing is taken from a file that is not whole.
pub fn read(text: &str, network: &Network) -> Result<(Vec<Lesson>, usize), LearnedError> {
    let mut lines = text.lines();
    if lines.next() != Some(HEAD) {
        return Err(LearnedError::NotLearned);
    }
    let names: HashMap<&str, usize> =
        network.links.iter().enumerate().map(|(n, link)| (link.name.as_str(), n)).collect();
    let (mut lessons, mut unknown) = (Vec::new(), 0);
    for (n, line) in lines.enumerate() {
        match piece(line, &names).ok_or(LearnedError::Line(n + 2))? {
            Some(lesson) => lessons.push(lesson),
            None => unknown += 1,
        }
    }
    Ok((lessons, unknown))
}

/// A line's piece: `None` when it cannot be read, `Some(None)` when its link is not there.
fn piece(line: &str, names: &HashMap<&str, usize>) -> Option<Option<Lesson>> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [kind, period, place, seen] = fields[..] else { return None };
    let kind = u8::try_from(KINDS.iter().position(|known| *known == kind)?).ok()?;
    let period = period.parse().ok()?;
    let mut weights = [0; BINS];
    let mut values = seen.split(' ');
    for weight in &mut weights {
        *weight = values.next()?.parse().ok()?;
    }
    if values.next().is_some() {
        return None;
    }
    let topic = match kind {
        0 => match names.get(place) {
            Some(link) => Topic::Link(LinkId(u32::try_from(*link).ok()?), period),
            None => return Some(None),
        },
        _ => Topic::from_code(kind, place.parse().ok()?, period),
    };
    Some(Some(Lesson { topic, weights }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    fn lesson(topic: Topic) -> Lesson {
        let mut weights = [0; BINS];
        (weights[3], weights[BINS - 1]) = (160, 7);
        Lesson { topic, weights }
    }

    #[test]
    fn what_was_learned_comes_back_from_its_file() {
        let network = corridor(2);
        let topics = [Topic::Link(LinkId(3), 2), Topic::Class(7, 5), Topic::Drivers, Topic::Scores(24)];
        let lessons = topics.map(lesson).to_vec();
        let text = write(lessons.iter().copied(), &network);
        assert_eq!(read(&text, &network), Ok((lessons, 0)));
    }

    #[test]
    fn links_that_are_gone_are_left_out_and_broken_lines_are_named() {
        let network = corridor(1);
        let weights = ["0"; BINS].join(" ");
        let text = format!("{HEAD}\nlink\t0\tgone\t{weights}\n");
        assert_eq!(read(&text, &network), Ok((Vec::new(), 1)));
        for broken in ["link\t0\te0", "way\t0\te0\t1", "link\tx\te0\t1 2", "class\t0\t1\t1 2 3"] {
            let text = format!("{HEAD}\n{broken}\n");
            assert_eq!(read(&text, &network), Err(LearnedError::Line(2)), "{broken}");
        }
        assert_eq!(read("", &network), Err(LearnedError::NotLearned));
    }
}
