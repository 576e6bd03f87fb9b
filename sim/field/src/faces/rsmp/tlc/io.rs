//! General-purpose inputs and outputs, and what the inputs are programmed to do.
//!
//! | input | does |
//! |---|---|
//! | 1 to 16 | nothing, but 7: error of detector logic 1 (A0302) |
//! | 17 to 32 | the physical input of request row 1 to 16 |
//! | 33 to 49 | alarm 1 to 17 of the list, on the first component that has it |
//!
//! Output n shows whether signal group n is green.

/// Inputs of a controller.
pub const INPUTS: u8 = 64;
/// Outputs of a controller.
pub const OUTPUTS: u8 = 64;
/// Raises A0302 on detector logic 1.
pub const DETECTOR_ERROR_INPUT: u8 = 7;
/// The physical input of the first request row.
pub const ROW_INPUT_FIRST: u8 = 17;
/// Raises the first alarm of the list.
pub const ALARM_INPUT_FIRST: u8 = 33;
/// Rows that have an input.
pub const ROW_INPUTS: u8 = ALARM_INPUT_FIRST - ROW_INPUT_FIRST;

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    on: bool,
    forced: Option<bool>,
}

/// Numbered lines, from 1.
#[derive(Clone, Debug)]
pub(crate) struct Lines(Vec<Line>);

impl Lines {
    pub fn new(count: u8) -> Self {
        Self(vec![Line::default(); usize::from(count)])
    }

    fn line(&mut self, number: u8) -> Option<&mut Line> {
        self.0.get_mut(usize::from(number).checked_sub(1)?)
    }

    /// Set a line; a forced one keeps its forced value. Whether there is such a line.
    pub fn set(&mut self, number: u8, on: bool) -> bool {
        self.line(number).map(|line| line.on = on).is_some()
    }

    /// Force a line, or let it go; whether there is such a line.
    pub fn force(&mut self, number: u8, value: Option<bool>) -> bool {
        self.line(number).map(|line| line.forced = value).is_some()
    }

    pub fn is_on(&self, number: u8) -> bool {
        let place = usize::from(number).checked_sub(1);
        place.and_then(|place| self.0.get(place)).is_some_and(|line| line.forced.unwrap_or(line.on))
    }

    /// One digit a line, the first line first.
    pub fn text(&self) -> String {
        self.0.iter().map(|line| digit(line.forced.unwrap_or(line.on))).collect()
    }

    /// One digit a line: whether it is forced.
    pub fn forced_text(&self) -> String {
        self.0.iter().map(|line| digit(line.forced.is_some())).collect()
    }

    /// Let every line go and switch it off.
    pub fn clear(&mut self) {
        self.0.fill(Line::default());
    }
}

pub(crate) fn digit(on: bool) -> char {
    if on { '1' } else { '0' }
}

/// Read blocks of sixteen lines (M0012, M0013): "first line,bits to set,bits to unset", separated by
/// semicolons. Lines and their new state, in order.
///
/// # Errors
/// A sentence for people: not of that form, or a line that does not exist.
pub(crate) fn blocks(text: &str, lines: u8) -> Result<Vec<(u8, bool)>, String> {
    let wrong = || format!("{text:?} is no list of blocks: first line,bits to set,bits to unset;…");
    let mut changes = Vec::new();
    for block in text.split(';').map(str::trim).filter(|block| !block.is_empty()) {
        let numbers: Vec<u16> = block
            .split(',')
            .map(|number| number.trim().parse())
            .collect::<Result<_, _>>()
            .map_err(|_| wrong())?;
        let [first, set, unset] = numbers[..] else { return Err(wrong()) };
        for (bits, on) in [(set, true), (unset, false)] {
            for bit in (0..16).filter(|bit| bits & (1 << bit) != 0) {
                let place = u32::from(first) + bit;
                let number = u8::try_from(place).ok().filter(|n| (1..=lines).contains(n));
                let number = number.ok_or_else(|| format!("there is no line {place}"))?;
                changes.push((number, on));
            }
        }
    }
    if changes.is_empty() { Err(wrong()) } else { Ok(changes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_as_the_list_explains_them() {
        let set = |text| {
            let mut set: Vec<u8> = Vec::new();
            let mut unset: Vec<u8> = Vec::new();
            for (line, on) in blocks(text, 64).unwrap() {
                if on { set.push(line) } else { unset.push(line) }
            }
            (set, unset)
        };
        assert_eq!(set("3,4134,65"), (vec![4, 5, 8, 15], vec![3, 9]));
        assert_eq!(set("12,1,4"), (vec![12], vec![14]));
        assert_eq!(set("1,3,12;5,5,10"), (vec![1, 2, 5, 7], vec![3, 4, 6, 8]));
        for wrong in ["", "1", "1,2", "1,2,3,4", "a,1,0", "60,65535,0", "0,1,0", "65535,32768,0"] {
            assert!(blocks(wrong, 64).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_forced_line_keeps_its_value_until_it_is_let_go() {
        let mut lines = Lines::new(4);
        assert!(lines.set(2, true) && lines.force(2, Some(false)) && lines.set(2, true));
        assert_eq!((lines.text().as_str(), lines.forced_text().as_str()), ("0000", "0100"));
        assert!(lines.force(2, None) && lines.is_on(2));
        assert!(!lines.set(0, true) && !lines.set(5, true) && !lines.is_on(0));
    }
}
